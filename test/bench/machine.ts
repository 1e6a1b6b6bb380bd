/** What a bench ran on. */
import { cpus } from 'node:os'

export function machine(): string {
  return `${cpus().length} x ${cpus()[0]?.model.trim() ?? 'unknown'}, Node ${process.version}`
}
