/** Where the nodes of a directory below its root stand: immutable files on the grid (FORMAT §17.4). */
import {
  assert,
  type BoxKey,
  concat,
  type DirectoryNode,
  type FileReadCapability,
  formatDirectoryNode,
  formatNodeFile,
  IntegrityError,
  InvalidInputError,
  NODE_FILE_MAX_BYTES,
  parseDirectoryNode,
  parseNodeFile,
  RecentMap,
  type SlotContent,
  sha256Small,
  toBase32,
} from '#crypto'
import { downloadFile } from '../download/download.ts'
import type { Grid } from '../grid.ts'
import { NODES_CACHED_MAX } from '../limits.ts'
import { uploadFile } from '../upload/upload.ts'
import type { DirectoryOptions } from './types.ts'

export interface NodeStore {
  /** @throws IntegrityError if it is not a node; what downloads throw */
  load(file: FileReadCapability): Promise<DirectoryNode>
  /** @throws what uploads throw */
  save(node: DirectoryNode): Promise<FileReadCapability>
}

/** What is used by every directory of a client. Nodes never change, so what was read once holds. */
const caches = new WeakMap<Grid, RecentMap<string, DirectoryNode>>()

/** @param key bodyKey of the directory or tree */
export function gridNodeStore(grid: Grid, key: BoxKey, options: DirectoryOptions): NodeStore {
  const cache = caches.get(grid) ?? new RecentMap<string, DirectoryNode>(NODES_CACHED_MAX)
  caches.set(grid, cache)
  return {
    load: async (file) => {
      const name = cacheName(key, file)
      const known = cache.get(name)
      if (known !== undefined) return known
      const bytes = await readNodeFile(grid, file, options)
      const node = parsedNode(() => parseNodeFile(bytes, key))
      cache.set(name, node)
      return node
    },
    save: async (node) => {
      const file = await saveNodeFile(grid, formatNodeFile(formatDirectoryNode(node), key), options)
      cache.set(cacheName(key, file), node)
      return file
    },
  }
}

/**
 * Of a node as read with these keys. Whoever verifies a directory knows its files, and may make a directory of his own
 * that leads to them: it must not show what was opened under the other's key.
 */
function cacheName(key: BoxKey, file: FileReadCapability): string {
  return toBase32(sha256Small(concat(key, file.readKey.reveal(), file.root)))
}

/** A node from its two halves. @throws IntegrityError if whoever wrote them did not keep to FORMAT §17 */
export function parsedNode(content: () => SlotContent): DirectoryNode {
  try {
    return parseDirectoryNode(content())
  } catch (cause) {
    if (!(cause instanceof InvalidInputError)) throw cause
    throw new IntegrityError(`what stands there is no directory: ${cause.message}`, {}, { cause })
  }
}

/** @throws IntegrityError if it is larger than any node */
export async function readNodeFile(
  grid: Grid,
  file: FileReadCapability,
  options: { readonly signal?: AbortSignal | undefined },
): Promise<Uint8Array> {
  const { signal } = options
  const download = await downloadFile(grid, file, { signal })
  try {
    if (download.fileSizeBytes > NODE_FILE_MAX_BYTES) {
      throw new IntegrityError(
        `a node of a directory has at most ${NODE_FILE_MAX_BYTES} bytes, found ${download.fileSizeBytes}`,
      )
    }
    const parts: Uint8Array[] = []
    for await (const bytes of download.content) parts.push(bytes)
    return concat(...parts)
  } finally {
    await download.close()
  }
}

/** @param options.readKey for the root of a tree, whose key follows from the tree's */
export async function saveNodeFile(
  grid: Grid,
  bytes: Uint8Array,
  options: DirectoryOptions & { readonly readKey?: FileReadCapability['readKey'] },
): Promise<FileReadCapability> {
  async function* open(): AsyncGenerator<Uint8Array, void, undefined> {
    yield bytes
  }
  const source = { sizeBytes: bytes.length, rereadable: true, open }
  const { encoding, happyServers, leaseDurationSeconds, signal, readKey } = options
  const { capability } = await uploadFile(grid, source, {
    encoding,
    happyServers,
    leaseDurationSeconds,
    signal,
    readKey,
  })
  assert(capability.kind === 'file', 'a node file is never as small as a literal')
  return capability
}
