/**
 * The daemon's figures for Prometheus, in its text format 0.0.4.
 *
 * Labels are from closed lists: the kind of a request, its outcome, the pattern of a route. Never an account, a storage
 * index or anything a peer chooses, so the number of series is bounded, and nothing that is told here names a file.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { LogLevel } from '../platform/log.ts'
import type { Log } from '../platform/platform.ts'
import type { Meter, NodeFigures, ServedRequest } from './meter.ts'

/** A slot is read in a millisecond, a share of a slow disk made durable in some seconds. */
const DURATION_BUCKETS_SECONDS = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60]

/** One request to the daemon's HTTP API. */
export interface GatewayRequest {
  /** The pattern, not what was asked for. */
  readonly route: string
  readonly method: string
  readonly status: number
  readonly seconds: number
}

export class Metrics implements Meter {
  readonly contentType: string
  readonly #registry = new Registry()
  readonly #wire: WireMetrics
  readonly #gateway: GatewayMetrics
  readonly #logged: Counter<'level'>
  readonly #gauges: ReturnType<typeof nodeGauges>
  #figures: (() => NodeFigures) | undefined
  #requestCount = (): number => 0

  /** @param options.version of the software */
  constructor(options: { readonly version: string }) {
    const registers = [this.#registry]
    this.contentType = this.#registry.contentType
    collectDefaultMetrics({ register: this.#registry })
    const build = new Gauge({
      name: 'cairn_build_info',
      help: 'Always 1; the version of the software is in the label.',
      labelNames: ['version'],
      registers,
    })
    build.set({ version: options.version }, 1)
    this.#wire = wireMetrics(registers)
    this.#gateway = gatewayMetrics(registers)
    this.#logged = new Counter({
      name: 'cairn_log_events_total',
      help: 'Events logged, whether or not the level of the log let them through.',
      labelNames: ['level'],
      registers,
    })
    for (const level of ['warn', 'error']) this.#logged.inc({ level }, 0)
    this.#gauges = nodeGauges(registers)
  }

  /** Where figures of the moment come from; before this there are none. */
  watch(figures: () => NodeFigures): void {
    this.#figures = figures
  }

  /** Where the count of requests to the local HTTP API that run comes from. */
  watchRequests(count: () => number): void {
    this.#requestCount = count
  }

  served({ op, outcome, seconds, receivedBytes, sentBytes }: ServedRequest): void {
    this.#wire.requests.inc({ op, outcome })
    this.#wire.duration.observe({ op }, seconds)
    this.#wire.received.inc(receivedBytes)
    this.#wire.sent.inc(sentBytes)
  }

  requested({ route, method, status, seconds }: GatewayRequest): void {
    this.#gateway.requests.inc({ route, method, status: String(status) })
    this.#gateway.duration.observe({ route, method }, seconds)
  }

  /** A log that also counts, for alerts. */
  counting(log: Log): Log {
    const at =
      (level: LogLevel): Log[LogLevel] =>
      (sentence, fields) => {
        this.#logged.inc({ level })
        log[level](sentence, fields)
      }
    return Object.freeze({ debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') })
  }

  /** Everything, as it is now. */
  text(): Promise<string> {
    this.#gateway.running.set(this.#requestCount())
    const figures = this.#figures?.()
    if (figures !== undefined) this.#gauges.set(figures)
    return this.#registry.metrics()
  }
}

type WireMetrics = ReturnType<typeof wireMetrics>
type GatewayMetrics = ReturnType<typeof gatewayMetrics>

function wireMetrics(registers: Registry[]) {
  return {
    requests: new Counter({
      name: 'cairn_wire_requests_total',
      help: 'Requests of peers that were answered, by kind and outcome.',
      labelNames: ['op', 'outcome'],
      registers,
    }),
    duration: new Histogram({
      name: 'cairn_wire_request_duration_seconds',
      help: 'From the whole request to the reply, by kind.',
      labelNames: ['op'],
      buckets: DURATION_BUCKETS_SECONDS,
      registers,
    }),
    received: new Counter({
      name: 'cairn_wire_received_bytes_total',
      help: 'Bytes of requests of peers.',
      registers,
    }),
    sent: new Counter({ name: 'cairn_wire_sent_bytes_total', help: 'Bytes of replies to peers.', registers }),
  }
}

function gatewayMetrics(registers: Registry[]) {
  return {
    running: new Gauge({
      name: 'cairn_gateway_running_requests',
      help: 'Requests to the local HTTP API that are not answered to the end yet.',
      registers,
    }),
    requests: new Counter({
      name: 'cairn_gateway_requests_total',
      help: 'Requests to the local HTTP API, by route, method and status.',
      labelNames: ['route', 'method', 'status'],
      registers,
    }),
    duration: new Histogram({
      name: 'cairn_gateway_request_duration_seconds',
      help: 'From the head of a request to the end of its answer, by route and method.',
      labelNames: ['route', 'method'],
      buckets: DURATION_BUCKETS_SECONDS,
      registers,
    }),
  }
}

/** What is set when somebody asks. */
function nodeGauges(registers: Registry[]) {
  const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers })
  const known = gauge('cairn_known_servers', 'Servers in the roster, this one included if it lends.')
  const channels = gauge('cairn_wire_channels', 'Channels that peers have open to this server.')
  const inFlight = gauge('cairn_wire_in_flight_bytes', 'Bytes of requests and replies in memory.')
  const used = gauge('cairn_storage_used_bytes', 'Bytes of shares and slots that this server holds.')
  const free = gauge('cairn_storage_free_bytes', 'Bytes that this server would still take.')
  const incoming = gauge('cairn_storage_incoming_bytes', 'Bytes promised to shares that are being written.')
  const shares = gauge('cairn_storage_shares', 'Shares that this server holds.')
  const accounts = gauge('cairn_storage_accounts', 'Accounts with leases on this server.')
  return {
    set(figures: NodeFigures): void {
      known.set(figures.knownServers)
      channels.set(figures.channels)
      inFlight.set(figures.inFlightBytes)
      const { storage } = figures
      if (storage === undefined) return
      used.set(storage.usedBytes)
      free.set(storage.freeBytes)
      incoming.set(storage.incomingBytes)
      shares.set(storage.shareCount)
      accounts.set(storage.accountCount)
    },
  }
}
