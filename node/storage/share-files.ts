/**
 * Where the bytes of visible shares stand: a file each, or for small ones a record in the index, so that many become
 * durable in one batch.
 */
import { type StorageIndex, shortIndex } from '#crypto'
import type { Clock, Disk, Log, ReadableFile } from '../platform/platform.ts'
import { bytesAsFile } from './bytes-as-file.ts'
import type { StoragePaths } from './paths.ts'
import type { ShareAddress } from './server.ts'
import type { ShareIndex } from './share-index.ts'

export interface ShareFilesParts {
  readonly disk: Disk
  readonly clock: Clock
  readonly log: Log
  readonly paths: StoragePaths
  readonly index: ShareIndex
}

export class ShareFiles {
  readonly #parts: ShareFilesParts
  /** Folders that are known to be durable: at most 1024, by two characters each. */
  readonly #durablePrefixes = new Set<string>()
  #asideCount = 0

  constructor(parts: ShareFilesParts) {
    this.#parts = parts
  }

  /** undefined if it is in the index and its bytes are not there, or if it is in neither. */
  async open(address: ShareAddress): Promise<ReadableFile | undefined> {
    const { index, disk, paths } = this.#parts
    const share = await index.share(address)
    if (share?.place !== 'index') return disk.openFile(paths.shareFile(address))
    const bytes = await index.smallShare(address)
    return bytes === undefined ? undefined : bytesAsFile(bytes)
  }

  /** Rename to the visible place, and make every folder on the way durable. */
  async moveIn(path: string, address: ShareAddress): Promise<void> {
    const { disk, paths, index } = this.#parts
    const bucket = paths.bucketFolder(address.storageIndex)
    const prefix = paths.prefixFolder(address.storageIndex)
    const folders = [bucket]
    // A bucket with a visible share file is durable already.
    if (!(await index.hasFileUnder(address.storageIndex))) {
      await disk.makeFolder(bucket)
      folders.push(prefix)
    }
    if (!this.#durablePrefixes.has(prefix)) folders.push(paths.shares)
    await disk.rename(path, paths.shareFile(address))
    try {
      await Promise.all(folders.map((folder) => disk.syncFolder(folder)))
    } catch (error) {
      await disk.removeFile(paths.shareFile(address))
      throw error
    }
    this.#durablePrefixes.add(prefix)
  }

  /** Durably. */
  async remove(address: ShareAddress): Promise<void> {
    const { disk, paths } = this.#parts
    await disk.removeFile(paths.shareFile(address))
    await disk.syncFolder(paths.bucketFolder(address.storageIndex))
  }

  /** Under the lock, after the index was told. A folder left behind by a crash is in nobody's way. */
  async removeBucketIfEmpty(storageIndex: StorageIndex): Promise<void> {
    const { disk, paths, index } = this.#parts
    if (await index.hasFileUnder(storageIndex)) return
    const bucket = paths.bucketFolder(storageIndex)
    if ((await disk.list(bucket)).length === 0) await disk.removeFolder(bucket)
  }

  /** Put a damaged share aside, durably, before the index is told. */
  async putShareAside(address: ShareAddress, problem: string): Promise<void> {
    const { disk, paths, index } = this.#parts
    const name = `${shortIndex(address.storageIndex)}.${address.shareNumber}`
    const share = await index.share(address)
    if (share?.place !== 'index') {
      await this.putAside(paths.shareFile(address), { name, problem })
      await disk.syncFolder(paths.bucketFolder(address.storageIndex))
      return
    }
    const target = await this.#nextAside({ name, problem })
    const file = await disk.createFile(target)
    try {
      await file.append((await index.smallShare(address)) ?? new Uint8Array(0))
      await file.sync()
    } finally {
      await file.close()
    }
    await disk.syncFolder(paths.corrupt)
  }

  /**
   * Move a file or folder that does not belong among the shares to corrupt/.
   *
   * @param name of no more than a storage index's short form, for the log and the new name
   */
  async putAside(path: string, why: { readonly name: string; readonly problem: string }): Promise<void> {
    const { disk, paths } = this.#parts
    await disk.rename(path, await this.#nextAside(why))
    await disk.syncFolder(paths.corrupt)
  }

  async #nextAside(why: { readonly name: string; readonly problem: string }): Promise<string> {
    const { disk, paths, clock, log } = this.#parts
    this.#asideCount += 1
    const target = `${paths.corrupt}/${why.name}.${clock.now()}.${this.#asideCount}`
    await disk.makeFolder(paths.corrupt)
    log.error('file put aside as corrupt', { ...why, target })
    return target
  }
}
