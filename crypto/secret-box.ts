/**
 * Sealing of small things: bodies and links of slots and trees, write capabilities in directories (FORMAT §15.2).
 *
 * XChaCha20-Poly1305 under a nonce that follows from key, context and content, so one key may seal any number of
 * contents and nobody needs chance: what equal boxes show is that contents are equal in equal contexts, and nothing
 * else. As the nonce is checked, a box opens in no other context, and no one can make one that opens under two keys.
 */
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { concat, equalBytes } from './bytes.ts'
import { assert, IntegrityError } from './errors.ts'
import { type BoxKey, taggedHmac } from './hash.ts'
import { TAGS } from './tags.ts'

const NONCE_SIZE_BYTES = 24
const TAG_SIZE_BYTES = 16
const CONTEXT_MAX_BYTES = 255
/** What a box is larger than its content. */
export const BOX_OVERHEAD_BYTES = NONCE_SIZE_BYTES + TAG_SIZE_BYTES

const NO_CONTEXT = new Uint8Array(0)

/**
 * @param context where the box stands, at most 255 bytes: it opens nowhere else
 * @returns nonce ‖ ciphertext ‖ tag, owned by the caller
 */
export function sealBox(key: BoxKey, content: Uint8Array, context: Uint8Array = NO_CONTEXT): Uint8Array {
  const nonce = nonceOf(key, content, context)
  return concat(nonce, xchacha20poly1305(key, nonce).encrypt(content))
}

/**
 * The reverse.
 *
 * @param what named in the error: a box that does not open
 * @throws IntegrityError if it was not sealed under this key, or with another nonce than its context and content ask
 */
export function openBox(
  key: BoxKey,
  box: Uint8Array,
  what: string,
  context: Uint8Array = NO_CONTEXT,
): Uint8Array {
  const nonce = box.subarray(0, NONCE_SIZE_BYTES)
  if (box.length < BOX_OVERHEAD_BYTES) throw new IntegrityError(`${what} is cut short`)
  let content: Uint8Array
  try {
    content = xchacha20poly1305(key, nonce).decrypt(box.subarray(NONCE_SIZE_BYTES))
  } catch (cause) {
    throw new IntegrityError(`${what} does not open under its key`, {}, { cause })
  }
  if (!equalBytes(nonce, nonceOf(key, content, context)))
    throw new IntegrityError(`${what} has a foreign nonce`)
  return content
}

function nonceOf(key: BoxKey, content: Uint8Array, context: Uint8Array): Uint8Array {
  assert(context.length <= CONTEXT_MAX_BYTES, 'a context fits its length')
  const contextSize = Uint8Array.of(context.length)
  return taggedHmac(key, TAGS.secretNonce, contextSize, context, content).subarray(0, NONCE_SIZE_BYTES)
}
