/** Walking the trees of a snapshot. What is held is one position for each folder on the way down. */
import { type Content, compareBytes, type TreeEntry } from '#crypto'
import { NotFoundError } from '#node'
import { joinPath, printablePath, ROOT_PATH } from './byte-path.ts'
import type { Cancel, RepositoryReader } from './repository/types.ts'

export type TreeReader = Pick<RepositoryReader, 'readTree'>

export interface WalkedEntry {
  /** From the root of the snapshot; begins with a slash. */
  readonly path: Uint8Array
  readonly entry: TreeEntry
}

export interface WalkOptions extends Cancel {
  /** Of the folder that is walked; left out: the root. */
  readonly path?: Uint8Array | undefined
  /** Whether to go into a folder; left out: into every one. Asked once, before anything below it is yielded. */
  readonly enter?: ((folder: WalkedEntry) => boolean) | undefined
}

/** Everything below a folder: its entries by name, after each folder what is below it. */
export async function* walkTree(
  reader: TreeReader,
  folder: Content,
  options: WalkOptions = {},
): AsyncGenerator<WalkedEntry, void, undefined> {
  const { signal, path = ROOT_PATH, enter = () => true } = options
  const open = (content: Content): AsyncIterator<TreeEntry> =>
    reader.readTree(content, { signal })[Symbol.asyncIterator]()
  const stack = [{ path, entries: open(folder) }]
  try {
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const next = await top.entries.next()
      if (next.done === true) {
        stack.pop()
        continue
      }
      const walked = { path: joinPath(top.path, next.value.name), entry: next.value }
      yield walked
      const { kind, content } = next.value
      if (kind === 'folder' && content !== undefined && enter(walked)) {
        stack.push({ path: walked.path, entries: open(content) })
      }
    }
  } finally {
    for (const { entries } of stack.reverse()) await entries.return?.()
  }
}

/** Something of a snapshot: an entry, or the root, which no folder has. */
export interface Spot {
  readonly path: Uint8Array
  readonly entry: TreeEntry | undefined
  /** Of a file or folder. */
  readonly content: Content | undefined
}

/**
 * Follow names down.
 *
 * @param readings what the path may mean: the first that is there is taken
 * @throws NotFoundError that says how far it led
 */
export async function spotAt(
  reader: TreeReader,
  root: Content,
  options: Cancel & { readonly readings: readonly (readonly Uint8Array[])[] },
): Promise<Spot> {
  let failure: unknown
  for (const names of options.readings) {
    try {
      return await follow(reader, root, { names, signal: options.signal })
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error
      failure ??= error
    }
  }
  throw failure ?? new NotFoundError('a path wanted')
}

async function follow(
  reader: TreeReader,
  root: Content,
  { names, signal }: Cancel & { readonly names: readonly Uint8Array[] },
): Promise<Spot> {
  let spot: Spot = { path: ROOT_PATH, entry: undefined, content: root }
  for (const name of names) {
    const isFolder = spot.entry === undefined || spot.entry.kind === 'folder'
    if (!isFolder || spot.content === undefined) {
      throw new NotFoundError(`${printablePath(spot.path)} of the snapshot is no folder`)
    }
    const entry = await entryNamed(reader, spot.content, { name, signal })
    const path = joinPath(spot.path, name)
    if (entry === undefined) throw new NotFoundError(`the snapshot has no ${printablePath(path)}`)
    spot = { path, entry, content: entry.content }
  }
  return spot
}

async function entryNamed(
  reader: TreeReader,
  folder: Content,
  { name, signal }: Cancel & { readonly name: Uint8Array },
): Promise<TreeEntry | undefined> {
  for await (const entry of reader.readTree(folder, { signal })) {
    const order = compareBytes(entry.name, name)
    if (order === 0) return entry
    if (order > 0) return undefined
  }
  return undefined
}

/** Whether both have the same bytes: equal contents of one repository have equal ids. */
export function isSameContent(left: Content | undefined, right: Content | undefined): boolean {
  if (left === undefined || right === undefined) return left === right
  if (left.sizeBytes !== right.sizeBytes || left.depth !== right.depth) return false
  return (
    left.ids.length === right.ids.length &&
    left.ids.every((id, index) => {
      const other = right.ids[index]
      return other !== undefined && compareBytes(id, other) === 0
    })
  )
}
