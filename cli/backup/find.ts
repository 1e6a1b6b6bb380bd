/**
 * Finding in many snapshots. Most of a snapshot is what the one before has, so a folder in which nothing was found is
 * not entered again where it is met at the same path with the same content.
 */
import { type Content, RecentMap, toBase32 } from '#crypto'
import { matchText } from './local/paths.ts'
import type { PathRules } from './local/rules.ts'
import type { Cancel } from './repository/types.ts'
import { type TreeReader, type WalkedEntry, walkTree } from './walk.ts'

/** Folders that are remembered to hold nothing; each takes some 200 bytes. */
const BARREN_MAX = 100_000

interface OpenFolder {
  /** Of what is below it; ends with a slash. */
  readonly prefix: string
  readonly key: string
  isFound: boolean
}

export class Finder {
  readonly #reader: TreeReader
  readonly #rules: PathRules
  readonly #barren = new RecentMap<string, true>(BARREN_MAX)

  constructor(reader: TreeReader, rules: PathRules) {
    this.#reader = reader
    this.#rules = rules
  }

  /** What matches below the root of a snapshot. */
  async *find(root: Content, { signal }: Cancel = {}): AsyncGenerator<WalkedEntry, void, undefined> {
    const open: OpenFolder[] = []
    const enter = ({ path, entry }: WalkedEntry): boolean => {
      const text = matchText(path)
      const key = `${text}\n${keyOf(entry.content)}`
      if (!this.#rules.mayMatchBelow(text) || this.#barren.get(key) !== undefined) return false
      open.push({ prefix: `${text}/`, key, isFound: false })
      return true
    }
    for await (const walked of walkTree(this.#reader, root, { enter, signal })) {
      const text = matchText(walked.path)
      this.#leave(open, text)
      if (!this.#rules.matches(text, { isFolder: walked.entry.kind === 'folder' })) continue
      for (const folder of open) folder.isFound = true
      yield walked
    }
    this.#leave(open, '')
  }

  /** Folders that the path is not in have been walked to their ends. */
  #leave(open: OpenFolder[], path: string): void {
    for (let last = open.at(-1); last !== undefined && !path.startsWith(last.prefix); last = open.at(-1)) {
      open.pop()
      if (!last.isFound) this.#barren.set(last.key, true)
    }
  }
}

function keyOf(content: Content | undefined): string {
  return content?.ids.map((id) => toBase32(id)).join() ?? ''
}
