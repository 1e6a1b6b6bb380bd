/**
 * The aliases of a home as text: a line `NAME: CAPABILITY` for each, by name; empty lines and lines from # on mean
 * nothing. Pure.
 */
import {
  type Capability,
  formatCapability,
  InvalidInputError,
  isSameCapability,
  parseCapability,
} from '#crypto'
import { checkedAlias } from './grid-path.ts'

/** Nobody remembers more names than these, and the file is read whole. */
export const ALIASES_MAX = 1024
/** So many of the longest lines, and some comments. */
export const ALIAS_FILE_MAX_BYTES = 1024 * 1024

export type AliasBook = ReadonlyMap<string, Capability>

/** @throws InvalidInputError that names the line, and shows nothing of it */
export function parseAliases(text: string): AliasBook {
  const book = new Map<string, Capability>()
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    try {
      const colon = line.indexOf(': ')
      if (colon === -1) throw new InvalidInputError('NAME: CAPABILITY wanted')
      const name = checkedAlias(line.slice(0, colon))
      if (book.has(name)) throw new InvalidInputError('the name is there twice')
      book.set(name, parseCapability(line.slice(colon + 2).trim()))
    } catch (cause) {
      if (!(cause instanceof InvalidInputError)) throw cause
      throw new InvalidInputError(`line ${index + 1}: ${cause.message}`, {}, { cause })
    }
  }
  return checkedBook(book)
}

/** The text is a secret. @throws InvalidInputError if they are too many */
export function formatAliases(book: AliasBook): string {
  const lines = [...checkedBook(book)]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, capability]) => `${name}: ${formatCapability(capability)}\n`)
  return `# Aliases of cairn. Whoever reads this file can do all that they can.\n${lines.join('')}`
}

/** Whether taking the name away would lose the right to write: no other alias has it. */
export function isLastWriter(book: AliasBook, name: string): boolean {
  const capability = book.get(name)
  if (capability?.access !== 'write') return false
  return ![...book].some(([other, held]) => other !== name && isSameCapability(held, capability))
}

function checkedBook(book: AliasBook): AliasBook {
  if (book.size <= ALIASES_MAX) return book
  throw new InvalidInputError(`at most ${ALIASES_MAX} aliases wanted, found ${book.size}`)
}
