/** Starts the HTTP servers, and loads what they stand on only then: a client of a daemon does without. */
import type { HostPort } from '#node'
import type { Monitor } from './monitor.ts'
import type { Monitored } from './routes/monitoring.ts'
import type { Gateway, GatewayOptions } from './server.ts'

/** @throws ConflictError if the port is taken */
export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  const { Gateway } = await import('./server.ts')
  return Gateway.open(options)
}

/** @throws ConflictError if the port is taken; InvalidInputError if the machine has no such address */
export async function openMonitor(monitored: Monitored, place: HostPort): Promise<Monitor> {
  const { Monitor } = await import('./monitor.ts')
  return Monitor.open(monitored, place)
}
