/** A capability from the command line: itself, `@FILE`, or `@-` for standard input. */
import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { type Capability, InvalidInputError, parseCapability } from '#crypto'
import { explain } from './errno.ts'

/** @throws InvalidInputError; its message never holds any of the text */
export async function readCapability(argument: string): Promise<Capability> {
  if (!argument.startsWith('@')) return parseCapability(argument.trim())
  const path = argument.slice(1)
  if (path === '') throw new InvalidInputError('@FILE: the path of a file that holds a capability wanted')
  const content =
    path === '-' ? await text(process.stdin) : await readFile(path, 'utf8').catch(explain('reading', path))
  return parseCapability(content.trim())
}
