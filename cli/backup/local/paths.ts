/** Paths of this machine as bytes: names need not be text. Pure. */
import { InvalidInputError } from '#crypto'
import { asText, printablePath } from '../byte-path.ts'

const SLASH = 0x2f
const SEPARATOR = Buffer.from('/')
/** As the names of readdir(2) in Latin-1: a character a byte, so that their order as text is that of the bytes. */
const BYTES_AS_TEXT = 'latin1'
/** Where bytes that are not UTF-8 go, one by one: half a surrogate pair, which no UTF-8 gives. */
const STRAY_BYTE = 0xdc00
/** Of one character. */
const UTF8_BYTES_MAX = 4

/** @throws InvalidInputError if it is not absolute, or leads upward: `..` behind a symlink is elsewhere */
export function namesOf(path: Uint8Array): readonly Buffer[] {
  const bytes = Buffer.from(path)
  if (bytes[0] !== SLASH)
    throw new InvalidInputError(`an absolute path is wanted, found ${printablePath(path)}`)
  if (bytes.includes(0)) throw new InvalidInputError(`a path has no NUL in it: ${printablePath(path)}`)
  const names = bytes
    .toString(BYTES_AS_TEXT)
    .split('/')
    .filter((name) => name !== '' && name !== '.')
  if (names.includes('..'))
    throw new InvalidInputError(`a path without .. is wanted, found ${printablePath(path)}`)
  return names.map(fromByteText)
}

/** A name that readdir gave in Latin-1, as the bytes it stands for. */
export function fromByteText(text: string): Buffer {
  return Buffer.from(text, BYTES_AS_TEXT)
}

/** For keys of maps and for ordering: a character for each byte. */
export function toByteText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString(BYTES_AS_TEXT)
}

export function joinPath(folder: Uint8Array, name: Uint8Array): Buffer {
  return folder.length === 1 && folder[0] === SLASH
    ? Buffer.concat([folder, name])
    : Buffer.concat([folder, SEPARATOR, name])
}

/**
 * As text that two different names never share: UTF-8 where it is UTF-8, and a lone surrogate for each byte that is
 * not. What somebody types matches what it looks like, and odd names match by `*` and `?`.
 */
export function matchText(bytes: Uint8Array): string {
  const whole = asText(bytes)
  if (whole !== undefined) return whole
  let text = ''
  for (let start = 0; start < bytes.length; ) {
    const character = characterAt(bytes, start)
    text += character ?? String.fromCharCode(STRAY_BYTE + (bytes[start] ?? 0))
    start += character === undefined ? 1 : Buffer.byteLength(character)
  }
  return text
}

/** Undefined if no character of UTF-8 begins there. */
function characterAt(bytes: Uint8Array, start: number): string | undefined {
  for (let length = 1; length <= UTF8_BYTES_MAX && start + length <= bytes.length; length += 1) {
    const character = asText(bytes.subarray(start, start + length))
    if (character !== undefined) return character
  }
  return undefined
}
