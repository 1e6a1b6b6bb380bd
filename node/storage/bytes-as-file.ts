/** Bytes in memory, read as a file is. */
import { IntegrityError } from '#crypto'
import type { ReadableFile } from '../platform/platform.ts'

/** @param bytes not changed as long as the file is read */
export function bytesAsFile(bytes: Uint8Array): ReadableFile {
  return {
    sizeBytes: bytes.length,
    async read(offset, sizeBytes) {
      if (offset + sizeBytes > bytes.length) {
        throw new IntegrityError(`a share ends at ${bytes.length} bytes, wanted ${sizeBytes} from ${offset}`)
      }
      return bytes.slice(offset, offset + sizeBytes)
    },
    async close() {},
  }
}
