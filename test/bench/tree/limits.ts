/** What one round trip and one synced write cost here, whoever makes them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type Timing, timed } from '../timing.ts'

const FSYNC_BYTES = 4096

/** @param folder on the disk of the servers */
export async function measureFsync(folder: string, count: number): Promise<Timing> {
  const path = `${folder}/fsync`
  const file = await open(path, 'w')
  try {
    const bytes = new Uint8Array(FSYNC_BYTES).fill(7)
    return await timed({ count, atOnce: 1 }, async (run) => {
      await file.write(bytes, 0, FSYNC_BYTES, run * FSYNC_BYTES)
      await file.sync()
    })
  } finally {
    await file.close()
    await rm(path)
  }
}

/**
 * One byte to another process and back.
 *
 * @param where the address it listens at, and what to put before the command that starts it
 */
export async function measureEcho(
  where: { readonly address: string; readonly enter: readonly string[] },
  count: number,
): Promise<Timing> {
  const [command = '', ...args] = [...where.enter, process.execPath, fileURLToPath(import.meta.url), 'echo']
  const echo = spawn(command, [...args, where.address], { stdio: ['pipe', 'pipe', 'inherit'] })
  try {
    const [port] = await once(createInterface({ input: echo.stdout }), 'line')
    const socket = connect(Number(port), where.address)
    socket.setNoDelay()
    await once(socket, 'connect')
    const timing = await timed({ count, atOnce: 1 }, async () => {
      socket.write('x')
      await once(socket, 'data')
    })
    socket.destroy()
    return timing
  } finally {
    echo.stdin.end()
  }
}

/** The other process: ends with its standard input. */
function serveEcho(address: string): void {
  const server = createServer((socket) => {
    socket.setNoDelay()
    socket.on('error', () => undefined)
    socket.pipe(socket)
  })
  server.listen(0, address, () => {
    const at = server.address()
    console.log(at !== null && typeof at === 'object' ? at.port : 0)
  })
  process.stdin.resume().on('end', () => process.exit())
}

if (process.argv[2] === 'echo' && process.argv[3] !== undefined) serveEcho(process.argv[3])
