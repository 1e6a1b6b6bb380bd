/** Paths of a snapshot: names as bytes, which need not be UTF-8, below `/`. Pure. */
import { concat, InvalidInputError, utf8 } from '#crypto'
import { printable } from '../names.ts'

const SLASH = 0x2f
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Of the root folder: what `joinPath` puts a name below. */
export const ROOT_PATH: Uint8Array = new Uint8Array(0)

/** @returns `/` and the name after the path; the root itself is empty */
export function joinPath(folder: Uint8Array, name: Uint8Array): Uint8Array {
  return concat(folder, Uint8Array.of(SLASH), name)
}

/** Names from the root down. */
export function namesOfPath(path: Uint8Array): readonly Uint8Array[] {
  const names: Uint8Array[] = []
  for (let start = 0; start <= path.length; ) {
    const slash = path.indexOf(SLASH, start)
    const end = slash === -1 ? path.length : slash
    if (end > start) names.push(path.subarray(start, end))
    start = end + 1
  }
  return names
}

/** For people: as UTF-8; bytes that are not, and what a terminal would act upon, as `\xff`, a backslash as two. */
export function printableBytes(bytes: Uint8Array): string {
  const whole = asText(bytes)
  if (whole !== undefined) return printable(whole)
  let text = ''
  for (let offset = 0; offset < bytes.length; ) {
    const length = characterLengthAt(bytes, offset)
    const character = length === 0 ? undefined : asText(bytes.subarray(offset, offset + length))
    text += character === undefined ? `\\x${hex(bytes[offset])}` : printable(character)
    offset += character === undefined ? 1 : length
  }
  return text
}

/** `/` for the root. */
export function printablePath(path: Uint8Array): string {
  return path.length === 0 ? '/' : printableBytes(path)
}

/** For programs: the path as text, and if that is not all of it, its bytes. */
export function pathJson(path: Uint8Array): { readonly path: string; readonly pathBytes?: string } {
  const shown = path.length === 0 ? Uint8Array.of(SLASH) : path
  const text = asText(shown)
  if (text !== undefined) return { path: text }
  return { path: new TextDecoder().decode(shown), pathBytes: Buffer.from(shown).toString('base64') }
}

/**
 * What a person means by a path in a snapshot: as it is; and, as the second, one in which `\x..` and `\\` stand for
 * what printableBytes has printed so. A name with a backslash can so be written either way.
 *
 * @throws InvalidInputError for a path with `..` or NUL
 */
export function readPath(text: string): readonly (readonly Uint8Array[])[] {
  const readings = [utf8(text), ...(text.includes('\\') ? [unescaped(text)] : [])]
  return readings.map((bytes) => {
    const names = namesOfPath(bytes).filter((name) => !(name.length === 1 && name[0] === 0x2e))
    for (const name of names) {
      if (name.includes(0) || (name.length === 2 && name[0] === 0x2e && name[1] === 0x2e)) {
        throw new InvalidInputError('a path in a snapshot is written out: it has neither .. nor NUL')
      }
    }
    return names
  })
}

/** Undefined if the bytes are not UTF-8. */
export function asText(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes)
  } catch {
    return undefined
  }
}

function unescaped(text: string): Uint8Array {
  const parts: Uint8Array[] = []
  let rest = 0
  for (const found of text.matchAll(/\\(?:\\|x([0-9a-f]{2})|u([0-9a-f]{4}))/g)) {
    parts.push(utf8(text.slice(rest, found.index)))
    const [whole, byte, unit] = found
    if (byte !== undefined) parts.push(Uint8Array.of(Number.parseInt(byte, 16)))
    else parts.push(utf8(unit === undefined ? '\\' : String.fromCharCode(Number.parseInt(unit, 16))))
    rest = found.index + whole.length
  }
  return concat(...parts, utf8(text.slice(rest)))
}

/** Bytes of the character that would begin here, by its first byte; 0 if none can. */
function characterLengthAt(bytes: Uint8Array, offset: number): number {
  const first = bytes[offset] ?? 0
  const length =
    first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0
  return offset + length <= bytes.length ? length : 0
}

function hex(byte: number | undefined): string {
  return (byte ?? 0).toString(16).padStart(2, '0')
}
