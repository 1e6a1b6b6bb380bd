/**
 * A peer id as text and the Ed25519 public key it stands for (PROTOCOL §2).
 *
 * The text is base58btc of 38 bytes: identity multihash (00 24) of a libp2p key message (08 01: Ed25519; 12 20: 32
 * bytes follow) and the public key. Key and text are thus two spellings of one thing, and each text is read in one
 * way only.
 */
import { concat, InvalidInputError } from '#crypto'
import type { PeerId } from '../platform/platform.ts'

export const PUBLIC_KEY_SIZE_BYTES = 32
/** `12D3KooW…` always has this length: the prefix pins the leading digits. */
export const PEER_ID_TEXT_LENGTH = 52

const PREFIX = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20)
const BASE58_ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
const BASE58_VALUES: ReadonlyMap<string, number> = new Map(
  [...BASE58_ALPHABET].map((char, value) => [char, value]),
)

/** @throws InvalidInputError unless the key is 32 bytes */
export function peerIdOfPublicKey(publicKey: Uint8Array): PeerId {
  if (publicKey.length !== PUBLIC_KEY_SIZE_BYTES) {
    throw new InvalidInputError(`a public key is ${PUBLIC_KEY_SIZE_BYTES} bytes, found ${publicKey.length}`)
  }
  return toBase58(concat(PREFIX, publicKey))
}

/** @returns a new buffer of 32 bytes. @throws InvalidInputError if the text is not the peer id of an Ed25519 key */
export function publicKeyOfPeerId(peer: PeerId): Uint8Array {
  const bytes = peer.length === PEER_ID_TEXT_LENGTH ? fromBase58(peer) : undefined
  const fits = bytes?.length === PREFIX.length + PUBLIC_KEY_SIZE_BYTES
  if (bytes === undefined || !fits || PREFIX.some((byte, index) => bytes[index] !== byte)) {
    throw new InvalidInputError('not the peer id of an Ed25519 key (12D3KooW…)')
  }
  return bytes.slice(PREFIX.length)
}

function toBase58(bytes: Uint8Array): string {
  const digits: number[] = []
  for (const byte of bytes) {
    let carry = byte
    for (let place = 0; place < digits.length; place += 1) {
      carry += (digits[place] ?? 0) * 256
      digits[place] = carry % 58
      carry = Math.floor(carry / 58)
    }
    for (; carry > 0; carry = Math.floor(carry / 58)) digits.push(carry % 58)
  }
  let zeros = 0
  while (bytes[zeros] === 0) zeros += 1
  const text = digits.reverse().map((digit) => BASE58_ALPHABET.charAt(digit))
  return '1'.repeat(zeros) + text.join('')
}

/** undefined if a character is foreign. Leading `1`s are leading zero bytes. */
function fromBase58(text: string): Uint8Array | undefined {
  const bytes: number[] = []
  for (const char of text) {
    const value = BASE58_VALUES.get(char)
    if (value === undefined) return undefined
    let carry = value
    for (let place = 0; place < bytes.length; place += 1) {
      carry += (bytes[place] ?? 0) * 58
      bytes[place] = carry & 0xff
      carry >>= 8
    }
    for (; carry > 0; carry >>= 8) bytes.push(carry & 0xff)
  }
  let zeros = 0
  while (text.charAt(zeros) === '1') zeros += 1
  return Uint8Array.from([...new Array<number>(zeros).fill(0), ...bytes.reverse()])
}
