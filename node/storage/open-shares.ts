/**
 * Share files open for reading: a bounded number of handles, the least recently used closed first. Each keeps the
 * end of its file and the upper nodes of its trees, so that a block costs one read and a few small ones in large
 * files.
 */
import {
  blockFileOffset,
  blockSizeAt,
  concat,
  type FileGeometry,
  HASH_SIZE_BYTES,
  IntegrityError,
  InvalidInputError,
  type Manifest,
  manifestGeometry,
  parseManifestOf,
  parseShareFooter,
  proofNodeIndexes,
  SHARE_FOOTER_SIZE_BYTES,
  type ShareLayout,
  shareLayout,
} from '#crypto'
import { OPEN_SHARES_MAX } from '../limits.ts'
import type { ReadableFile } from '../platform/platform.ts'
import { addressKey } from './paths.ts'
import type { ShareAddress } from './server.ts'
import type { ShareFiles } from './share-files.ts'

/** Read at once when a share is opened: its footer, the largest manifest, and all of a small share. */
const END_SIZE_BYTES = 12 * 1024
/** Upper nodes kept of each tree: whole trees of up to 512 segments, and 9 levels of larger ones. */
const KEPT_NODES = 1024

export interface OpenShare {
  readonly file: ReadableFile
  readonly manifestBytes: Uint8Array
  readonly manifest: Manifest
  readonly geometry: FileGeometry
  readonly layout: ShareLayout
  readonly end: FileRun
  /** Of the block tree and the sealed tree; filled at first need. */
  readonly keptNodes: { block: FileRun | undefined; sealed: FileRun | undefined }
}

/** A run of a file kept in memory. */
interface FileRun {
  readonly offset: number
  readonly bytes: Uint8Array
}

export type OpenedShare =
  | { readonly kind: 'open'; readonly share: OpenShare }
  | { readonly kind: 'missing' }
  /** The file is not the share that it is named after. */
  | { readonly kind: 'damaged'; readonly problem: string }

export type UsedShare<T> =
  | { readonly kind: 'done'; readonly result: T }
  | Exclude<OpenedShare, { readonly kind: 'open' }>

interface Entry {
  readonly opened: Promise<OpenedShare>
  users: number
  isForgotten: boolean
}

export class OpenShares implements AsyncDisposable {
  readonly #files: ShareFiles
  /** In the order of their last use. */
  readonly #entries = new Map<string, Entry>()

  constructor(files: ShareFiles) {
    this.#files = files
  }

  /** Work with an open share; its handle stays open until the work is done. */
  async use<T>(address: ShareAddress, work: (share: OpenShare) => Promise<T>): Promise<UsedShare<T>> {
    const key = addressKey(address)
    const entry = this.#entries.get(key) ?? this.#newEntry(address)
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    entry.users += 1
    try {
      const opened = await entry.opened
      if (opened.kind === 'open') return { kind: 'done', result: await work(opened.share) }
      this.#forgetEntry(key, entry)
      return opened
    } catch (error) {
      this.#forgetEntry(key, entry)
      throw error
    } finally {
      entry.users -= 1
      await this.#closeUnused(entry)
      await this.#evict()
    }
  }

  /** Whether the share is open, and so was there a moment ago. */
  has(address: ShareAddress): boolean {
    return this.#entries.has(addressKey(address))
  }

  /** The file is about to go, or is another now. Work in hand goes on with the old one. */
  async forget(address: ShareAddress): Promise<void> {
    const key = addressKey(address)
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#forgetEntry(key, entry)
    await this.#closeUnused(entry)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const [key, entry] of [...this.#entries]) {
      this.#forgetEntry(key, entry)
      await this.#closeUnused(entry)
    }
  }

  #newEntry(address: ShareAddress): Entry {
    const opened = this.#files.open(address).then((file) => openShareFile(file, address))
    return { opened, users: 0, isForgotten: false }
  }

  #forgetEntry(key: string, entry: Entry): void {
    entry.isForgotten = true
    if (this.#entries.get(key) === entry) this.#entries.delete(key)
  }

  async #closeUnused(entry: Entry): Promise<void> {
    if (!entry.isForgotten || entry.users > 0) return
    const opened = await entry.opened.catch(() => undefined)
    if (opened?.kind === 'open') await opened.share.file.close()
  }

  async #evict(): Promise<void> {
    for (const [key, entry] of this.#entries) {
      if (this.#entries.size <= OPEN_SHARES_MAX) return
      if (entry.users > 0) continue
      this.#forgetEntry(key, entry)
      await this.#closeUnused(entry)
    }
  }
}

/** Check that the end of a file is that of the share it is named after. The caller closes it if it is open after. */
export async function openShareFile(
  file: ReadableFile | undefined,
  address: ShareAddress,
): Promise<OpenedShare> {
  if (file === undefined) return { kind: 'missing' }
  try {
    return { kind: 'open', share: await readEnd(file, address) }
  } catch (error) {
    await file.close()
    if (error instanceof IntegrityError || error instanceof InvalidInputError) {
      return { kind: 'damaged', problem: error.message }
    }
    throw error
  }
}

async function readEnd(file: ReadableFile, address: ShareAddress): Promise<OpenShare> {
  const cutShort = () => new IntegrityError(`a share file is cut short at ${file.sizeBytes} bytes`)
  if (file.sizeBytes < SHARE_FOOTER_SIZE_BYTES) throw cutShort()
  const offset = Math.max(0, file.sizeBytes - END_SIZE_BYTES)
  const end = { offset, bytes: await file.read(offset, file.sizeBytes - offset) }
  const footerStart = end.bytes.length - SHARE_FOOTER_SIZE_BYTES
  const footer = parseShareFooter(end.bytes.subarray(footerStart))
  if (footer.manifestSizeBytes > footerStart) throw cutShort()
  const manifestBytes = end.bytes.slice(footerStart - footer.manifestSizeBytes, footerStart)
  const manifest = parseManifestOf(address, manifestBytes)
  const geometry = manifestGeometry(manifest)
  const layout = shareLayout(geometry)
  if (footer.shareNumber !== address.shareNumber || footer.shareNumber >= manifest.encoding.totalShares) {
    throw new IntegrityError(`share ${address.shareNumber} wanted, found ${footer.shareNumber}`)
  }
  if (file.sizeBytes !== layout.shareSizeBytes) {
    throw new IntegrityError(`a share file of ${layout.shareSizeBytes} bytes wanted, found ${file.sizeBytes}`)
  }
  return {
    file,
    manifestBytes,
    manifest,
    geometry,
    layout,
    end,
    keptNodes: { block: undefined, sealed: undefined },
  }
}

/** A new buffer. @param segmentIndex inside the file */
export function readBlockBytes(share: OpenShare, segmentIndex: number): Promise<Uint8Array> {
  const offset = blockFileOffset(share.geometry, segmentIndex)
  return readRun(share, { offset, sizeBytes: blockSizeAt(share.geometry, segmentIndex) })
}

/** The proof of one leaf from a stored tree: sibling nodes bottom up. A new buffer. */
export async function readProof(
  share: OpenShare,
  tree: 'block' | 'sealed',
  segmentIndex: number,
): Promise<Uint8Array> {
  const kept = share.keptNodes[tree] ?? (await readKeptNodes(share, tree))
  share.keptNodes[tree] = kept
  const { offset: treeOffset } = treeRun(share, tree)
  const nodes = proofNodeIndexes(segmentIndex, share.geometry.segmentCount).map((nodeIndex) => {
    const offset = treeOffset + nodeIndex * HASH_SIZE_BYTES
    const start = offset - kept.offset
    return start >= 0
      ? kept.bytes.subarray(start, start + HASH_SIZE_BYTES)
      : share.file.read(offset, HASH_SIZE_BYTES)
  })
  return concat(...(await Promise.all(nodes)))
}

async function readKeptNodes(share: OpenShare, tree: 'block' | 'sealed'): Promise<FileRun> {
  const { offset, sizeBytes } = treeRun(share, tree)
  const keptBytes = Math.min(sizeBytes, KEPT_NODES * HASH_SIZE_BYTES)
  const run = { offset: offset + sizeBytes - keptBytes, sizeBytes: keptBytes }
  return { offset: run.offset, bytes: await readRun(share, run) }
}

function treeRun(share: OpenShare, tree: 'block' | 'sealed'): { offset: number; sizeBytes: number } {
  const { blockTreeOffset, sealedTreeOffset, manifestOffset } = share.layout
  return tree === 'block'
    ? { offset: blockTreeOffset, sizeBytes: sealedTreeOffset - blockTreeOffset }
    : { offset: sealedTreeOffset, sizeBytes: manifestOffset - sealedTreeOffset }
}

/** From the kept end if it lies in there, else from the disk. A new buffer either way. */
async function readRun(
  share: OpenShare,
  run: { readonly offset: number; readonly sizeBytes: number },
): Promise<Uint8Array> {
  const start = run.offset - share.end.offset
  return start >= 0
    ? share.end.bytes.slice(start, start + run.sizeBytes)
    : share.file.read(run.offset, run.sizeBytes)
}
