/** From paths of the grid to what they lead to, and the warnings that were met on the way. */
import { type DirectoryWriteCapability, InvalidInputError } from '#crypto'
import type { GridFiles } from '#gateway'
import { type Found, isDirectory, type NamedChild, NotFoundError, type SlotWarning } from '#node'
import type { CommandContext } from './context.ts'
import { requireWritable } from './copy/directory-stack.ts'
import { describePlace, type GridPlace, parsePlace, placeBelow, requireGrid } from './grid-path.ts'
import { printable } from './names.ts'

/** Different warnings that are printed; the same one is printed once. */
const WARNINGS_MAX = 100

export interface Located extends Found {
  readonly place: GridPlace
  /** The place as messages show it. */
  readonly label: string
}

/** Where something new is to be: a directory, the name in it, and what has the name. */
export interface Destination {
  readonly directory: DirectoryWriteCapability
  readonly name: string
  readonly existing: NamedChild | undefined
  readonly label: string
  /** Of the directory. */
  readonly directoryLabel: string
}

export class Lookup {
  readonly files: GridFiles
  readonly #context: CommandContext
  readonly #warned = new Set<string>()

  constructor(files: GridFiles, context: CommandContext) {
    this.files = files
    this.#context = context
  }

  get signal(): AbortSignal {
    return this.#context.signal
  }

  /** For every call that changes a directory or a mutable file. */
  get writing(): { readonly signal: AbortSignal; readonly acceptRollback: boolean } {
    const { signal, acceptRollback } = this.#context
    return { signal, acceptRollback }
  }

  readonly onWarning = ({ kind, message }: SlotWarning): void => {
    const text = `warning (${kind}): ${message}`
    if (this.#warned.has(text) || this.#warned.size >= WARNINGS_MAX) return
    this.#warned.add(text)
    this.#context.output.warning(text)
  }

  /** @throws NotFoundError; InvalidInputError for a path of this machine or an alias that is not there */
  async find(path: string | GridPlace): Promise<Located> {
    const place = typeof path === 'string' ? requireGrid(parsePlace(path)) : path
    const label = printable(describePlace(place))
    const root = await this.#context.roots.read(place)
    const { signal } = this.#context
    const found = await this.files.find(root, place.path, { signal })
    found.warnings.forEach(this.onWarning)
    if (place.isFolder && !isDirectory(found.capability)) {
      throw new InvalidInputError(`${label} is no directory, as the slash at its end says`)
    }
    return { ...found, place, label }
  }

  /** Undefined if a name of the path is not there. */
  async findIfThere(place: GridPlace): Promise<Located | undefined> {
    try {
      return await this.find(place)
    } catch (error) {
      if (error instanceof NotFoundError && place.path.length > 0) return undefined
      throw error
    }
  }

  /**
   * As cp(1) takes a target: into a directory that is there, under a name of its own, else to the name given.
   *
   * @param target where to
   * @param options `name` for the case of a directory; `isOneOfMany`: only a directory will do; `isDirectory`: what
   *   comes is one, so that a slash at the end of a new name is right
   */
  async destination(
    target: GridPlace,
    options: {
      readonly name: string | undefined
      readonly isOneOfMany?: boolean
      readonly isDirectory?: boolean
    },
  ): Promise<Destination> {
    const { name, isOneOfMany = false } = options
    const label = printable(describePlace(target))
    const found = await this.findIfThere(target)
    if (found !== undefined && isDirectory(found.capability)) {
      if (name === undefined) throw new InvalidInputError(`${label} is a directory: name the file too`)
      return this.#inDirectory(target, found, name)
    }
    if (isOneOfMany)
      throw new InvalidInputError(`${label} is no directory, and several things are to go there`)
    const last = target.path.at(-1)
    if (last === undefined) throw new InvalidInputError(`${label} is no directory`)
    if (found === undefined && target.isFolder && options.isDirectory !== true) {
      throw new NotFoundError(`there is no directory ${label}`, { hint: `Make it: cairn mkdir ${label}` })
    }
    const parentPlace = { ...target, path: target.path.slice(0, -1), isFolder: false }
    const parent = await this.find(parentPlace)
    const existing = found && { name: last, capability: found.capability, metadata: found.metadata }
    const directory = requireWritable(parent.capability, parent.label)
    return { directory, name: last, existing, label, directoryLabel: parent.label }
  }

  async #inDirectory(target: GridPlace, found: Located, name: string): Promise<Destination> {
    const inside = placeBelow(target, name)
    const there = await this.findIfThere(inside)
    const existing = there && { name, capability: there.capability, metadata: there.metadata }
    const directory = requireWritable(found.capability, found.label)
    const label = printable(describePlace(inside))
    return { directory, name, existing, label, directoryLabel: found.label }
  }
}

/** The directory that has the last name of a path, if it may be written. @throws InvalidInputError for a root */
export function parentOf(located: Located): { directory: DirectoryWriteCapability; name: string } {
  const { parent, name, label } = located
  if (parent === undefined || name === undefined) {
    throw new InvalidInputError(`${label} has no name in a directory`, {
      hint: 'An alias is taken away by cairn alias rm.',
    })
  }
  return { directory: requireWritable(parent, `what ${label} lies in`), name }
}
