/** What stands before the first slash of a path of the grid: a capability, given, named or kept in a file. */
import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { type Capability, parseCapability } from '#crypto'
import { requireAlias } from './alias-file.ts'
import { explain } from './errno.ts'
import type { GridPlace } from './grid-path.ts'
import type { Home } from './home.ts'

/** Of one run of the command: standard input is read once, and a name stands for the same thing throughout. */
export class Roots {
  readonly #home: Home
  readonly #known = new Map<string, Promise<Capability>>()

  constructor(home: Home) {
    this.#home = home
  }

  /** @throws InvalidInputError; its message never holds any of what was read */
  read({ root }: Pick<GridPlace, 'root'>): Promise<Capability> {
    switch (root.kind) {
      case 'capability':
        return Promise.resolve(root.capability)
      case 'alias':
        return this.#once(`${root.name}:`, () => requireAlias(this.#home, root.name))
      case 'file':
        return this.#once(`@${root.file}`, () => readCapabilityFile(root.file))
    }
  }

  #once(key: string, read: () => Promise<Capability>): Promise<Capability> {
    const known = this.#known.get(key) ?? read()
    this.#known.set(key, known)
    return known
  }
}

/** @param path of the file; `-` is standard input */
async function readCapabilityFile(path: string): Promise<Capability> {
  const content =
    path === '-' ? await text(process.stdin) : await readFile(path, 'utf8').catch(explain('reading', path))
  return parseCapability(content.trim())
}
