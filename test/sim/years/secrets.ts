/**
 * Plaintext and keys that can be recognized wherever they turn up: every content begins with one mark, and every 32 bytes
 * that a client draws, which become read keys and seeds of slots, with another.
 */
import { LITERAL_SIZE_MAX_BYTES, utf8 } from '#crypto'
import type { Random } from '#node'
import { BrokenPromise } from './broken-promise.ts'

const PLAINTEXT_MARK = utf8('this is plaintext that no server may ever see')
const KEY_MARK = utf8('a key, 16 bytes.')
const KEY_SIZE_BYTES = 32

export class Secrets {
  /** Content that bears the mark, and so many bytes more than a literal capability holds. */
  content(random: Random, sizeBytes: number): Uint8Array {
    const content = random.bytes(LITERAL_SIZE_MAX_BYTES + sizeBytes)
    content.set(PLAINTEXT_MARK)
    return content
  }

  /** Chance whose keys bear the mark. */
  marking(random: Random): Random {
    return {
      bytes: (sizeBytes) => {
        const bytes = random.bytes(sizeBytes)
        if (sizeBytes === KEY_SIZE_BYTES) bytes.set(KEY_MARK)
        return bytes
      },
    }
  }

  /** @throws BrokenPromise if what anybody may see has a mark in it */
  search(bytes: Uint8Array, where: string): void {
    const seen = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    if (seen.includes(PLAINTEXT_MARK)) throw new BrokenPromise('leak', `plaintext in ${where}`)
    if (seen.includes(KEY_MARK)) throw new BrokenPromise('leak', `a key in ${where}`)
  }
}
