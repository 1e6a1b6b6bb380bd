/** Ports of loopback that nobody listens on. Another process may still take one before it is used. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'

const LOOPBACK = '127.0.0.1'

/** All different. */
export async function findFreePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listen(0)))
  const ports = servers.map(({ port }) => port)
  await Promise.all(servers.map(({ server }) => close(server)))
  return ports
}

export async function isFreePort(port: number): Promise<boolean> {
  try {
    await close((await listen(port)).server)
    return true
  } catch {
    return false
  }
}

async function listen(port: number): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer()
  server.listen(port, LOOPBACK)
  await once(server, 'listening')
  const address = server.address()
  return { server, port: typeof address === 'object' && address !== null ? address.port : port }
}

async function close(server: Server): Promise<void> {
  server.close()
  await once(server, 'close')
}
