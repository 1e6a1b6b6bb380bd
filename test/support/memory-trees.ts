/** Trees of snapshots in memory, behind the face of a reader: what is equal has equal ids, as in a repository. */
import { createHash } from 'node:crypto'
import { asBlobId, type Content, compareBytes, type TreeEntry, utf8 } from '#crypto'
import { NotFoundError } from '#node'
import type { RepositoryReader } from '../../cli/backup/repository/types.ts'

/** A folder by its names: a string or bytes is a file, a folder is another of these. Names are latin1. */
export interface Shape {
  readonly [name: string]: string | Uint8Array | Shape | Made
}

/** What a shape cannot say. */
export class Made {
  readonly overrides: Partial<TreeEntry>

  constructor(overrides: Partial<TreeEntry>) {
    this.overrides = overrides
  }
}

export const ENTRY_DEFAULTS = {
  mode: 0o644,
  uid: 1000,
  gid: 1000,
  modifiedAtNanoseconds: 1_000_000_000_000_000_000n,
  changedAtNanoseconds: 1_000_000_000_000_000_000n,
  inode: 1n,
  device: 1n,
  linkCount: 1,
} as const

export class MemoryTrees implements Pick<RepositoryReader, 'readTree' | 'readContent'> {
  readonly #trees = new Map<string, readonly TreeEntry[]>()
  readonly #files = new Map<string, Uint8Array>()
  /** Trees that were read, in order. */
  readonly read: string[] = []

  /** @returns the content of the folder */
  put(shape: Shape): Content {
    const entries = Object.entries(shape)
      .map(([name, value]) => this.#entry(Buffer.from(name, 'latin1'), value))
      .sort((left, right) => compareBytes(left.name, right.name))
    const content = contentOf(utf8(`tree ${fingerprint(entries)}`))
    this.#trees.set(keyOf(content), entries)
    return content
  }

  putFile(bytes: Uint8Array): Content {
    const content = bytes.length === 0 ? { sizeBytes: 0, depth: 0, ids: [] } : contentOf(bytes)
    this.#files.set(keyOf(content), bytes)
    return content
  }

  async *readTree(content: Content): AsyncGenerator<TreeEntry, void, undefined> {
    const entries = this.#trees.get(keyOf(content))
    if (entries === undefined) throw new NotFoundError('no such tree')
    this.read.push(keyOf(content))
    yield* entries
  }

  async *readContent(content: Content): AsyncGenerator<Uint8Array, void, undefined> {
    const bytes = this.#files.get(keyOf(content))
    if (bytes === undefined) throw new NotFoundError('no such content')
    yield bytes.slice()
  }

  #entry(name: Uint8Array, value: Shape[string]): TreeEntry {
    if (value instanceof Made) return { name, kind: 'file', ...ENTRY_DEFAULTS, ...value.overrides }
    if (typeof value === 'string' || value instanceof Uint8Array) {
      const bytes = typeof value === 'string' ? utf8(value) : value
      return { name, kind: 'file', ...ENTRY_DEFAULTS, content: this.putFile(bytes) }
    }
    return { name, kind: 'folder', ...ENTRY_DEFAULTS, mode: 0o755, content: this.put(value) }
  }
}

function contentOf(bytes: Uint8Array): Content {
  const id = asBlobId(createHash('sha256').update(bytes).digest())
  return { sizeBytes: bytes.length, depth: 0, ids: [id] }
}

function keyOf({ sizeBytes, depth, ids }: Content): string {
  return `${sizeBytes} ${depth} ${ids.map((id) => Buffer.from(id).toString('hex')).join()}`
}

function fingerprint(entries: readonly TreeEntry[]): string {
  return JSON.stringify(entries, (_key, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`
    return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value
  })
}

/** Latin1, as the names of shapes are. */
export function nameText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1')
}
