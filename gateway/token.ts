/** The bearer token of a daemon, and the proof by which the daemon shows that it has it (API.md §2). */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { fromBase32, InvalidInputError, Secret, toBase32 } from '#crypto'
import type { Random } from '#node'

const TOKEN_SIZE_BYTES = 32
const NONCE_SIZE_BYTES = 32
const HELLO_LABEL = 'cairn gateway hello v1'

export type Token = Secret<string>

export function newToken(random: Random): Token {
  return new Secret(toBase32(random.bytes(TOKEN_SIZE_BYTES)))
}

export function newNonce(random: Random): string {
  return toBase32(random.bytes(NONCE_SIZE_BYTES))
}

/** HMAC-SHA-256 of the label and the nonce, under the token: shows the token to nobody. @throws InvalidInputError */
export function helloProof(token: Token, nonce: string): string {
  const bytes = fromBase32(nonce)
  if (bytes.length !== NONCE_SIZE_BYTES) {
    throw new InvalidInputError(`a nonce of ${NONCE_SIZE_BYTES} bytes in base32 wanted`)
  }
  const mac = createHmac('sha256', token.reveal()).update(HELLO_LABEL).update(bytes).digest()
  return toBase32(new Uint8Array(mac))
}

/** In constant time, whatever the lengths. */
export function isSameText(left: string, right: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(left), digest(right))
}
