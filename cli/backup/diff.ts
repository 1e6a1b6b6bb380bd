/**
 * What differs between two trees. Folders whose trees are one and the same blob are not entered, so the work goes with
 * the differences.
 */
import { type Content, compareBytes, equalBytes, type TreeEntry } from '#crypto'
import { joinPath, ROOT_PATH } from './byte-path.ts'
import type { Cancel } from './repository/types.ts'
import { isSameContent, type TreeReader } from './walk.ts'

/**
 * `added` and `removed`: the name is on one side alone; of a folder, all below it too. `content`: a file with other
 * bytes, or a link to elsewhere. `metadata`: mode, owner, times or attributes, and not the content. `kind`: something
 * of another kind has the name.
 */
export type Difference = 'added' | 'removed' | 'content' | 'metadata' | 'kind'

export interface Change {
  readonly difference: Difference
  readonly path: Uint8Array
  /** Absent if it was added. */
  readonly before?: TreeEntry | undefined
  /** Absent if it was removed. */
  readonly after?: TreeEntry | undefined
}

interface Pair {
  readonly path: Uint8Array
  readonly before: TreeEntry | undefined
  readonly after: TreeEntry | undefined
}

interface Sides {
  readonly path: Uint8Array
  /** Undefined: nothing is there. */
  readonly before: Content | undefined
  readonly after: Content | undefined
}

/** In the order of the names, folders before what is in them. */
export async function* diffTrees(
  reader: TreeReader,
  sides: Omit<Sides, 'path'> & { readonly path?: Uint8Array | undefined },
  options: Cancel = {},
): AsyncGenerator<Change, void, undefined> {
  const { signal } = options
  if (isSameContent(sides.before, sides.after)) return
  const stack = [pairsOf(reader, { ...sides, path: sides.path ?? ROOT_PATH }, signal)]
  try {
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const next = await top.next()
      if (next.done === true) {
        stack.pop()
        continue
      }
      const { path, before, after } = next.value
      const difference = differenceOf(before, after)
      if (difference !== undefined) yield { difference, path, before, after }
      const below = { path, before: folderOf(before), after: folderOf(after) }
      if (!isSameContent(below.before, below.after)) stack.push(pairsOf(reader, below, signal))
    }
  } finally {
    for (const pairs of stack.reverse()) await pairs.return()
  }
}

function folderOf(entry: TreeEntry | undefined): Content | undefined {
  return entry?.kind === 'folder' ? entry.content : undefined
}

/** The names of two folders, each once, with what has them. */
async function* pairsOf(
  reader: TreeReader,
  { path, before, after }: Sides,
  signal: AbortSignal | undefined,
): AsyncGenerator<Pair, void, undefined> {
  const left = entriesOf(reader, before, signal)
  const right = entriesOf(reader, after, signal)
  try {
    let [one, other] = [await nextOf(left), await nextOf(right)]
    while (one !== undefined || other !== undefined) {
      const order = one === undefined ? 1 : other === undefined ? -1 : compareBytes(one.name, other.name)
      const found = { before: order <= 0 ? one : undefined, after: order >= 0 ? other : undefined }
      const name = found.before?.name ?? found.after?.name ?? ROOT_PATH
      yield { path: joinPath(path, name), ...found }
      if (order <= 0) one = await nextOf(left)
      if (order >= 0) other = await nextOf(right)
    }
  } finally {
    await left?.return?.()
    await right?.return?.()
  }
}

function entriesOf(
  reader: TreeReader,
  content: Content | undefined,
  signal: AbortSignal | undefined,
): AsyncIterator<TreeEntry> | undefined {
  return content === undefined ? undefined : reader.readTree(content, { signal })[Symbol.asyncIterator]()
}

async function nextOf(entries: AsyncIterator<TreeEntry> | undefined): Promise<TreeEntry | undefined> {
  const next = await entries?.next()
  return next === undefined || next.done === true ? undefined : next.value
}

function differenceOf(before: TreeEntry | undefined, after: TreeEntry | undefined): Difference | undefined {
  if (before === undefined) return 'added'
  if (after === undefined) return 'removed'
  if (before.kind !== after.kind) return 'kind'
  if (before.kind !== 'folder' && !isSameContent(before.content, after.content)) return 'content'
  if (!isSameBytes(before.target, after.target) || before.deviceNumber !== after.deviceNumber)
    return 'content'
  return isSameMetadata(before, after) ? undefined : 'metadata'
}

/**
 * Of what is restored. The time of change, the inode and the count of links tell a backup what to read again; they
 * differ after every restore and mean nothing to whoever compares.
 */
function isSameMetadata(before: TreeEntry, after: TreeEntry): boolean {
  const { mode, uid, gid, user, group, modifiedAtNanoseconds } = before
  if (mode !== after.mode || uid !== after.uid || gid !== after.gid) return false
  if (user !== after.user || group !== after.group) return false
  if (modifiedAtNanoseconds !== after.modifiedAtNanoseconds) return false
  const [left, right] = [before.attributes ?? [], after.attributes ?? []]
  if (left.length !== right.length) return false
  return left.every(({ name, value }, index) => {
    const other = right[index]
    return other !== undefined && isSameBytes(name, other.name) && isSameBytes(value, other.value)
  })
}

function isSameBytes(left: Uint8Array | undefined, right: Uint8Array | undefined): boolean {
  if (left === undefined || right === undefined) return left === right
  return equalBytes(left, right)
}

export interface DiffTotals {
  readonly counts: Readonly<Record<Difference, number>>
  /** Of files that are new, or have other bytes. */
  readonly addedBytes: number
  readonly removedBytes: number
}

/** Counts of the changes so far; of folders too. */
export class DiffTally {
  readonly #counts: Record<Difference, number> = { added: 0, removed: 0, content: 0, metadata: 0, kind: 0 }
  #addedBytes = 0
  #removedBytes = 0

  add({ difference, before, after }: Change): void {
    this.#counts[difference] += 1
    if (difference === 'metadata') return
    this.#addedBytes += sizeOf(after)
    this.#removedBytes += sizeOf(before)
  }

  get totals(): DiffTotals {
    return { counts: { ...this.#counts }, addedBytes: this.#addedBytes, removedBytes: this.#removedBytes }
  }
}

function sizeOf(entry: TreeEntry | undefined): number {
  return entry?.kind === 'file' ? (entry.content?.sizeBytes ?? 0) : 0
}
