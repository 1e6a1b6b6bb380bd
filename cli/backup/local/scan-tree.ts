/** How much of a tree of a repository is wanted, for whoever watches it come. */
import type { Content, TreeEntry } from '#crypto'
import type { RepositoryReader } from '../repository/types.ts'
import type { PathSelection, SelectedPath } from './path-selection.ts'
import type { ScanTotals } from './scan.ts'

/** @throws what reading the trees throws */
export async function countSelected(
  reader: Pick<RepositoryReader, 'readTree'>,
  root: Content,
  { selection, signal }: { readonly selection: PathSelection; readonly signal: AbortSignal },
): Promise<ScanTotals> {
  const totals = { files: 0, bytes: 0 }
  // One tree for each level, however wide or deep they are.
  const trees: { readonly entries: AsyncIterator<TreeEntry>; readonly selected: SelectedPath }[] = []
  const enter = (content: Content, selected: SelectedPath): void => {
    trees.push({ entries: reader.readTree(content, { signal })[Symbol.asyncIterator](), selected })
  }
  enter(root, selection.root)
  for (let last = trees.at(-1); last !== undefined; last = trees.at(-1)) {
    signal.throwIfAborted()
    const { done, value: entry } = await last.entries.next()
    if (done === true) {
      trees.pop()
      continue
    }
    const { name, kind, content } = entry
    const selected = selection.below(last.selected, { name, isFolder: kind === 'folder' })
    if (selected === undefined || content === undefined) continue
    if (kind === 'folder') {
      enter(content, selected)
    } else {
      totals.files += 1
      totals.bytes += content.sizeBytes
    }
  }
  return totals
}
