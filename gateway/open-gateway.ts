/** Starts the gateway, and loads its HTTP server only then: a client of a daemon does without. */
import type { Gateway, GatewayOptions } from './server.ts'

/** @throws ConflictError if the port is taken */
export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  const { Gateway } = await import('./server.ts')
  return Gateway.open(options)
}
