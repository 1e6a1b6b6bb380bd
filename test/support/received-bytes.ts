/** What processes have read, as the kernel counts it. */
import { readFileSync } from 'node:fs'

/**
 * Everything that these processes have read since they began, from sockets and from files. A server that takes shares
 * reads each byte once, from its socket, and little else.
 *
 * @throws where there is no /proc, or one of them is gone
 */
export function receivedBytes(pids: readonly number[]): number {
  let bytes = 0
  for (const pid of pids)
    bytes += Number(/^rchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1])
  if (!Number.isSafeInteger(bytes)) throw new Error('a count in /proc/PID/io wanted, found none')
  return bytes
}
