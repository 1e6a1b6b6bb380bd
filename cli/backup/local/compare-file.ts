/** Reading a file of this machine back, to see whether it has the bytes that it should have. */
import { createHash } from 'node:crypto'
import { closeSync, constants as openFlags, openSync, read } from 'node:fs'
import { promisify } from 'node:util'

const readAt = promisify(read)
const FLAGS = openFlags.O_RDONLY | openFlags.O_NOFOLLOW | openFlags.O_NONBLOCK
const RUN_SIZE_BYTES = 1024 * 1024

/**
 * Reads both up to the first difference.
 *
 * @param path for a call
 * @param wanted the bytes, in order
 * @throws the system's error, or what reading the wanted bytes throws
 */
export async function hasBytes(path: Buffer, wanted: AsyncIterable<Uint8Array>): Promise<boolean> {
  return whileReading(path, async (file) => {
    let offset = 0
    for await (const bytes of wanted) {
      const found = await readUpTo(file, { offset, sizeBytes: bytes.length })
      if (!found.equals(bytes)) return false
      offset += bytes.length
    }
    return (await readUpTo(file, { offset, sizeBytes: 1 })).length === 0
  })
}

/** SHA-256 of what is in a file. @param path for a call @throws the system's error */
export async function digestOf(path: Buffer): Promise<Buffer> {
  return whileReading(path, async (file) => {
    const hash = createHash('sha256')
    for (let offset = 0; ; ) {
      const bytes = await readUpTo(file, { offset, sizeBytes: RUN_SIZE_BYTES })
      hash.update(bytes)
      offset += bytes.length
      if (bytes.length < RUN_SIZE_BYTES) return hash.digest()
    }
  })
}

async function whileReading<Result>(path: Buffer, work: (file: number) => Promise<Result>): Promise<Result> {
  const file = openSync(path, FLAGS)
  try {
    return await work(file)
  } finally {
    closeSync(file)
  }
}

/** Less only at the end of the file. */
async function readUpTo(
  file: number,
  { offset, sizeBytes }: { readonly offset: number; readonly sizeBytes: number },
): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(sizeBytes)
  let done = 0
  while (done < sizeBytes) {
    const { bytesRead } = await readAt(file, bytes, done, sizeBytes - done, offset + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return bytes.subarray(0, done)
}
