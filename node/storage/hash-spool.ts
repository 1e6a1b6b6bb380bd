/**
 * A list of hashes that grows without growing memory: up to RUN_HASHES of them are kept, more go to a file. Trees of
 * up to SEGMENT_COUNT_MAX leaves (half a gigabyte each) are built through it, level by level.
 */
import { assert, asTreeHash, HASH_SIZE_BYTES, parentLevel, type TreeHash } from '#crypto'
import type { Disk } from '../platform/platform.ts'
import { BufferedFile } from './buffered-file.ts'

/** Hashes handed on at a time; even, so that only the last run of a level can end in an odd node. */
export const RUN_HASHES = 1024
const RUN_BYTES = RUN_HASHES * HASH_SIZE_BYTES

export class HashSpool {
  readonly #disk: Disk
  readonly #path: string
  #file: BufferedFile | undefined
  #run = new Uint8Array(HASH_SIZE_BYTES)
  #runBytes = 0
  #spilledBytes = 0

  /** @param path a name nobody has, for the file if it comes to one */
  constructor(disk: Disk, path: string) {
    this.#disk = disk
    this.#path = path
  }

  get count(): number {
    return (this.#spilledBytes + this.#runBytes) / HASH_SIZE_BYTES
  }

  /** @param hashes whole hashes one after the other, copied. One call at a time. */
  async append(hashes: Uint8Array): Promise<void> {
    assert(hashes.length % HASH_SIZE_BYTES === 0, 'a spool takes whole hashes')
    for (let offset = 0; offset < hashes.length; ) {
      if (this.#runBytes === RUN_BYTES) await this.#spill()
      const taken = hashes.subarray(offset, offset + RUN_BYTES - this.#runBytes)
      this.#grow(this.#runBytes + taken.length)
      this.#run.set(taken, this.#runBytes)
      this.#runBytes += taken.length
      offset += taken.length
    }
  }

  /** All hashes in order: runs of RUN_HASHES and a last one of up to as many. Valid until the next step. */
  async *runs(): AsyncGenerator<Uint8Array> {
    if (this.#file !== undefined) {
      await this.#spill()
      await this.#file.syncAndClose()
      const file = await this.#disk.openFile(this.#path)
      assert(file !== undefined, 'a spool finds its own file')
      try {
        for (let offset = 0; offset < this.#spilledBytes; offset += RUN_BYTES) {
          yield await file.read(offset, Math.min(RUN_BYTES, this.#spilledBytes - offset))
        }
      } finally {
        await file.close()
      }
    } else {
      yield this.#run.subarray(0, this.#runBytes)
    }
  }

  /** Forgets the hashes and removes the file. */
  async remove(): Promise<void> {
    this.#runBytes = 0
    await this.#file?.remove()
    this.#file = undefined
  }

  async #spill(): Promise<void> {
    this.#file ??= new BufferedFile(this.#disk, this.#path)
    await this.#file.append(this.#run.subarray(0, this.#runBytes))
    this.#spilledBytes += this.#runBytes
    this.#runBytes = 0
  }

  #grow(sizeBytes: number): void {
    if (sizeBytes <= this.#run.length) return
    const grown = new Uint8Array(Math.min(RUN_BYTES, Math.max(sizeBytes, 2 * this.#run.length)))
    grown.set(this.#run.subarray(0, this.#runBytes))
    this.#run = grown
  }
}

/**
 * Write a whole tree, leaves first, level after level (FORMAT §7), and return its root. The leaves are removed on the
 * way.
 *
 * @param openSpool makes the spool of one more level
 */
export async function appendTree(
  out: BufferedFile,
  leaves: HashSpool,
  openSpool: () => HashSpool,
): Promise<TreeHash> {
  let level = leaves
  for (;;) {
    const parents = openSpool()
    let lastRun = new Uint8Array(0)
    try {
      for await (const run of level.runs()) {
        await out.append(run)
        if (level.count > 1) await parents.append(parentLevel(run))
        else lastRun = run.slice()
      }
    } finally {
      await level.remove()
    }
    if (parents.count === 0) return asTreeHash(lastRun)
    level = parents
  }
}
