/** What the work of a client node costs on the wire: bytes, calls to servers, and how many of those came one after another. */
import type { Channel, Grid, Network, NodePlatform, StorageServer } from '#node'
import { quantile } from '../timing.ts'
import type { WireCost } from './row.ts'

interface Call {
  readonly start: number
  readonly end: number
}

export class Traffic {
  #calls: Call[] = []
  #callCounts: number[] = []
  #rowLengths: number[] = []
  #sentBytes = 0
  #receivedBytes = 0

  sent(sizeBytes: number): void {
    this.#sentBytes += sizeBytes
  }

  received(sizeBytes: number): void {
    this.#receivedBytes += sizeBytes
  }

  called(call: Call): void {
    this.#calls.push(call)
  }

  /** An operation begins; what others left behind does not count. */
  begin(): void {
    this.#calls = []
  }

  end(): void {
    this.#callCounts.push(this.#calls.length)
    this.#rowLengths.push(longestRow(this.#calls))
  }

  /** Of the operations since it was last taken. */
  take(): WireCost {
    const count = Math.max(1, this.#callCounts.length)
    const cost = {
      calls: quantile(this.#callCounts, 0.5),
      callsInARow: quantile(this.#rowLengths, 0.5),
      sentBytes: this.#sentBytes / count,
      receivedBytes: this.#receivedBytes / count,
    }
    this.#callCounts = []
    this.#rowLengths = []
    this.#sentBytes = 0
    this.#receivedBytes = 0
    return cost
  }
}

/** The most calls of which each began when the one before had its answer. */
function longestRow(calls: readonly Call[]): number {
  let length = 0
  let lastEnd = Number.NEGATIVE_INFINITY
  for (const { start, end } of calls.toSorted((left, right) => left.end - right.end)) {
    if (start < lastEnd) continue
    length += 1
    lastEnd = end
  }
  return length
}

/** The same grid, whose servers are watched. Each is another client as far as what a client remembers goes. */
export function watchedGrid(grid: Grid, traffic: Traffic): Grid {
  const ring: Grid['ring'] = (storageIndex) =>
    grid.ring(storageIndex).map((place) => ({ ...place, server: watchedCalls(place.server, traffic) }))
  return { ...grid, ring }
}

const watchedServers = new WeakMap<StorageServer, StorageServer>()

function watchedCalls(server: StorageServer, traffic: Traffic): StorageServer {
  const known = watchedServers.get(server)
  if (known !== undefined) return known
  const watched = watchCallsOf(server, traffic)
  watchedServers.set(server, watched)
  return watched
}

/** Every method that answers later is a call; the object that `writeShare` answers with at once has more of them. */
function watchCallsOf<Target extends object>(target: Target, traffic: Traffic): Target {
  return new Proxy(target, {
    get(_, name) {
      const member: unknown = Reflect.get(target, name, target)
      if (typeof member !== 'function') return member
      return (...args: unknown[]): unknown => {
        const start = performance.now()
        const answer: unknown = Reflect.apply(member, target, args)
        if (answer instanceof Promise) {
          const note = (): void => traffic.called({ start, end: performance.now() })
          void answer.then(note, note)
          return answer
        }
        return typeof answer === 'object' && answer !== null ? watchCallsOf(answer, traffic) : answer
      }
    },
  })
}

/** The same platform, whose channels are watched. */
export function watchedPlatform(platform: NodePlatform, traffic: Traffic): NodePlatform {
  return {
    ...platform,
    openNetwork: async (options) => new WatchedNetwork(await platform.openNetwork(options), traffic),
  }
}

class WatchedNetwork implements Network {
  readonly #network: Network
  readonly #traffic: Traffic

  constructor(network: Network, traffic: Traffic) {
    this.#network = network
    this.#traffic = traffic
  }

  get localId(): Network['localId'] {
    return this.#network.localId
  }

  addresses(): ReturnType<Network['addresses']> {
    return this.#network.addresses()
  }

  sign(...args: Parameters<Network['sign']>): ReturnType<Network['sign']> {
    return this.#network.sign(...args)
  }

  connect(...args: Parameters<Network['connect']>): ReturnType<Network['connect']> {
    return this.#network.connect(...args)
  }

  connectionTo(...args: Parameters<Network['connectionTo']>): ReturnType<Network['connectionTo']> {
    return this.#network.connectionTo(...args)
  }

  async openChannel(...args: Parameters<Network['openChannel']>): Promise<Channel> {
    return new WatchedChannel(await this.#network.openChannel(...args), this.#traffic)
  }

  serve(...args: Parameters<Network['serve']>): ReturnType<Network['serve']> {
    return this.#network.serve(...args)
  }

  close(): Promise<void> {
    return this.#network.close()
  }
}

class WatchedChannel implements Channel {
  readonly #channel: Channel
  readonly #traffic: Traffic

  constructor(channel: Channel, traffic: Traffic) {
    this.#channel = channel
    this.#traffic = traffic
  }

  get remoteId(): Channel['remoteId'] {
    return this.#channel.remoteId
  }

  get incoming(): Channel['incoming'] {
    return this.#receive()
  }

  write(...args: Parameters<Channel['write']>): Promise<void> {
    for (const { length } of args[0]) this.#traffic.sent(length)
    return this.#channel.write(...args)
  }

  close(): Promise<void> {
    return this.#channel.close()
  }

  abort(reason: Error): void {
    this.#channel.abort(reason)
  }

  async *#receive(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const bytes of this.#channel.incoming) {
      this.#traffic.received(bytes.length)
      yield bytes
    }
  }
}
