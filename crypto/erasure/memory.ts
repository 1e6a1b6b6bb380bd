/**
 * The WASM memory that blocks are coded in: a pointer table, scratch for blocks that live elsewhere, temporary blocks,
 * and a pool.
 *
 * Its size is fixed when it is made, so that no view of it is ever detached; the engine commits pages only when they
 * are touched. One memory serves all codecs of a thread.
 */
import { assert } from '../errors.ts'

const PAGE_SIZE_BYTES = 65_536
/** One pointer for each of at most 255 inputs and outputs, and after them a pair for a single step. */
const TABLE_SIZE_BYTES = 2048
const PAIR_ADDRESS = TABLE_SIZE_BYTES - 8
/** Blocks outside the memory pass through here in runs; small enough for a second-level cache. */
const SCRATCH_SIZE_BYTES = 512 * 1024
/** Scratch runs are no longer than this, also when there are few blocks. */
const RUN_SIZE_MAX_BYTES = 16 * 1024
/** Where steps put what they make for each other; room for 511 blocks of a group. */
export const TEMPORARIES = Object.freeze({
  address: TABLE_SIZE_BYTES + SCRATCH_SIZE_BYTES,
  sizeBytes: 512 * 1024,
})
const POOL_ADDRESS = TEMPORARIES.address + TEMPORARIES.sizeBytes
const GROUP_SIZE_BYTES = 512
/**
 * Blocks that start at equal offsets modulo 4096 fight for the same cache lines and delay each other's loads and
 * stores: measured at half the speed. So block i starts 320 bytes further into its page than block i - 1.
 */
const STAGGER_BYTES = 320
const STAGGER_MODULUS_BYTES = 4096

/** Blocks inside the memory; they belong to the holder until `release`, and hold old bytes at first. */
export interface BlockLease {
  readonly blocks: readonly Uint8Array<ArrayBuffer>[]
  /** Gives the blocks back to the pool. The views must not be used after it. */
  release(): void
}

/** Applies a matrix to the blocks that the pointer table at address 0 names, `sizeBytes` of each. */
export type Apply = (sizeBytes: number) => void

export class BlockMemory {
  readonly wasm: WebAssembly.Memory
  readonly #bytes: Uint8Array<ArrayBuffer>
  readonly #pointers: DataView
  /** Leased runs, ascending and apart. */
  #leased: readonly { readonly start: number; readonly end: number }[] = []

  /** @param ceilingBytes size of the pool; more than that is never leased, whatever is asked for */
  constructor(ceilingBytes: number) {
    const sizeBytes = POOL_ADDRESS + ceilingBytes
    const pages = Math.ceil(sizeBytes / PAGE_SIZE_BYTES)
    this.wasm = new WebAssembly.Memory({ initial: pages, maximum: pages })
    this.#bytes = new Uint8Array(this.wasm.buffer)
    this.#pointers = new DataView(this.wasm.buffer)
  }

  /**
   * Blocks in which a codec works without copying.
   *
   * @param sizeBytes size of each block
   * @returns undefined if the pool has no room for them now; use buffers of your own then
   */
  lease(count: number, sizeBytes: number): BlockLease | undefined {
    assert(Number.isInteger(count) && count >= 0, 'a count of blocks is whole')
    assert(Number.isInteger(sizeBytes) && sizeBytes >= 0, 'a block size is whole')
    const stride = strideOf(sizeBytes)
    const start = this.#gap(Math.max(1, count * stride))
    if (start === undefined) return undefined
    const run = { start, end: start + Math.max(1, count * stride) }
    this.#leased = [...this.#leased, run].sort((a, b) => a.start - b.start)
    const blocks = Array.from({ length: count }, (_, index) =>
      this.#bytes.subarray(start + index * stride, start + index * stride + sizeBytes),
    )
    return { blocks, release: () => this.#release(run) }
  }

  /** Bytes leased now. */
  get leasedBytes(): number {
    return this.#leased.reduce((sum, run) => sum + run.end - run.start, 0)
  }

  /**
   * Runs `apply` over whole blocks: in place where they all lie in this memory; otherwise in runs through scratch, so
   * that each byte is copied in once and out once.
   */
  run(inputs: readonly Uint8Array[], outputs: readonly Uint8Array[], apply: Apply): void {
    const blocks = [...inputs, ...outputs]
    const sizeBytes = blocks[0]?.length ?? 0
    if (blocks.every((block) => block.buffer === this.wasm.buffer)) {
      for (const [slot, block] of blocks.entries()) this.#point(slot, block.byteOffset)
      apply(sizeBytes)
      return
    }
    const runSizeBytes = runSizeOf(blocks.length)
    const stride = strideOf(runSizeBytes)
    for (const slot of blocks.keys()) this.#point(slot, TABLE_SIZE_BYTES + slot * stride)
    for (let start = 0; start < sizeBytes; start += runSizeBytes) {
      const end = Math.min(start + runSizeBytes, sizeBytes)
      for (const [slot, input] of inputs.entries()) {
        this.#bytes.set(
          end - start === sizeBytes ? input : input.subarray(start, end),
          TABLE_SIZE_BYTES + slot * stride,
        )
      }
      apply(end - start)
      for (const [index, output] of outputs.entries()) {
        const from = TABLE_SIZE_BYTES + (inputs.length + index) * stride
        output.set(this.#bytes.subarray(from, from + end - start), start)
      }
    }
  }

  /** For a kernel inside `run`: a table of its own with the pointers of two slots; valid until the next call. */
  pair(input: number, output: number): number {
    this.#pointers.setUint32(PAIR_ADDRESS, this.#pointerAt(input), true)
    this.#pointers.setUint32(PAIR_ADDRESS + 4, this.#pointerAt(output), true)
    return PAIR_ADDRESS
  }

  /** For a kernel inside `run`: zeroes the blocks of `count` slots from `firstSlot` on. */
  zeroOutputs(firstSlot: number, extent: { readonly count: number; readonly sizeBytes: number }): void {
    for (let slot = firstSlot; slot < firstSlot + extent.count; slot++) {
      const address = this.#pointerAt(slot)
      this.#bytes.fill(0, address, address + extent.sizeBytes)
    }
  }

  #pointerAt(slot: number): number {
    return this.#pointers.getUint32(4 * slot, true)
  }

  #point(slot: number, address: number): void {
    this.#pointers.setUint32(4 * slot, address, true)
  }

  /** Where a run of that many bytes fits, first fit. */
  #gap(sizeBytes: number): number | undefined {
    let start = POOL_ADDRESS
    for (const run of this.#leased) {
      if (run.start - start >= sizeBytes) return start
      start = run.end
    }
    return this.#bytes.length - start >= sizeBytes ? start : undefined
  }

  #release(run: { readonly start: number; readonly end: number }): void {
    this.#leased = this.#leased.filter((other) => other !== run)
  }
}

/** Distance from one block to the next. */
function strideOf(sizeBytes: number): number {
  if (sizeBytes < STAGGER_MODULUS_BYTES) return Math.ceil(sizeBytes / 64) * 64
  const pages = Math.ceil((sizeBytes - STAGGER_BYTES) / STAGGER_MODULUS_BYTES)
  return pages * STAGGER_MODULUS_BYTES + STAGGER_BYTES
}

/** The most bytes of each of so many blocks that fit in scratch with their stagger, in whole groups. */
function runSizeOf(blockCount: number): number {
  const room = Math.min(
    Math.floor(SCRATCH_SIZE_BYTES / blockCount),
    RUN_SIZE_MAX_BYTES + STAGGER_MODULUS_BYTES,
  )
  const staggered = room >= 2 * STAGGER_MODULUS_BYTES
  const fitting = staggered ? room - STAGGER_MODULUS_BYTES : Math.min(room, STAGGER_MODULUS_BYTES - 1)
  return Math.floor(fitting / GROUP_SIZE_BYTES) * GROUP_SIZE_BYTES
}
