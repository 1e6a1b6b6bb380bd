/** What signatures of this protocol cover (PROTOCOL §6.1, §12). */
import { concat, type Tag, utf8 } from '#crypto'

/** Length of the tag in one byte ‖ tag ‖ body: so no signature for one purpose serves another. */
export function signedBytes(tag: Tag, body: Uint8Array): Uint8Array {
  const name = utf8(tag)
  return concat(Uint8Array.of(name.length), name, body)
}
