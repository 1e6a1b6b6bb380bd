/** Small trees of files as a repository has them, without a disk: made, put, published, read back. */
import {
  type Content,
  compareBytes,
  concat,
  EMPTY_CONTENT,
  type SnapshotContent,
  type TreeEntry,
  utf8,
} from '#crypto'
import type { RepositoryReader, RepositoryWriter, Snapshot } from '../../cli/backup/repository/types.ts'

/** Bytes of files and folders in each other, by name. */
export interface SavedFolder {
  readonly [name: string]: Uint8Array | SavedFolder
}

const NOTHING = {
  files: 0,
  folders: 0,
  bytes: 0,
  newFiles: 0,
  changedFiles: 0,
  unmodifiedFiles: 0,
  unreadableFiles: 0,
  addedBytes: 0,
  storedBytes: 0,
  milliseconds: 0,
}

export function entryOf(name: string, kind: TreeEntry['kind'], content: Content | undefined): TreeEntry {
  return {
    name: utf8(name),
    kind,
    mode: 0o644,
    uid: 1000,
    gid: 1000,
    modifiedAtNanoseconds: 1_700_000_000_123_456_789n,
    changedAtNanoseconds: 1_700_000_000_123_456_789n,
    inode: 1n,
    device: 1n,
    linkCount: 1,
    content,
  }
}

/** Everything put anew. @returns the tree */
export async function putFolder(writer: RepositoryWriter, folder: SavedFolder): Promise<Content> {
  const entries: TreeEntry[] = []
  for (const [name, item] of Object.entries(folder)) {
    const isFile = item instanceof Uint8Array
    const content = isFile ? (await writer.putContent(inParts(item))).content : await putFolder(writer, item)
    entries.push(entryOf(name, isFile ? 'file' : 'folder', content))
  }
  entries.sort((left, right) => compareBytes(left.name, right.name))
  return (await writer.putTree(entries)).content
}

export function snapshotOf(root: Content, some: Partial<SnapshotContent> = {}): SnapshotContent {
  return { takenAtMilliseconds: 1, host: 'host', paths: ['/home'], tags: [], root, totals: NOTHING, ...some }
}

export async function saveFolder(
  writer: RepositoryWriter,
  folder: SavedFolder,
  some: Partial<SnapshotContent> = {},
): Promise<Snapshot> {
  return writer.publish(snapshotOf(await putFolder(writer, folder), some))
}

export async function readFolder(
  reader: RepositoryReader,
  root: Content = EMPTY_CONTENT,
): Promise<SavedFolder> {
  const found: Record<string, Uint8Array | SavedFolder> = {}
  for await (const { name, kind, content = EMPTY_CONTENT } of reader.readTree(root)) {
    const key = new TextDecoder().decode(name)
    if (kind === 'folder') {
      found[key] = await readFolder(reader, content)
      continue
    }
    const parts: Uint8Array[] = []
    for await (const bytes of reader.readContent(content)) parts.push(bytes)
    found[key] = concat(...parts)
  }
  return found
}

async function* inParts(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += 100_000) yield bytes.slice(start, start + 100_000)
}
