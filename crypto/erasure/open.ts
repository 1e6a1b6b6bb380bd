/**
 * Codecs by their parameters, made once and kept (FORMAT §6).
 */

import { RecentMap } from '../recent-map.ts'
import { bitKernels } from './bit-kernel.ts'
import { byteKernelOf } from './byte-kernel.ts'
import { type ErasureCodec, type ErasureParameters, LAYOUT } from './code.ts'
import { createCodec, type KernelFactory } from './codec.ts'
import { BlockMemory } from './memory.ts'
import { hasSimd } from './wasm.ts'

/** Sets of parameters whose codec is kept. */
const CODECS_MAX = 16
/** Ceiling of the pool of blocks in a thread. Only what is used is ever backed by real memory. */
const POOL_SIZE_BYTES = 64 * 1024 * 1024
/**
 * A matrix is compiled when this many bytes of each input block went through it: then the cold way has cost about what
 * compiling costs, for large and for small matrices, since both grow with the rows and the columns.
 */
const HOT_AFTER_BYTES = 1024 * 1024

const codecs = new RecentMap<string, ErasureCodec>(CODECS_MAX)

/**
 * The codec for these parameters. The same parameters give the same codec while it is among the 16 used last.
 *
 * @throws InvalidInputError if the parameters are not allowed
 */
export async function openCodec(parameters: ErasureParameters): Promise<ErasureCodec> {
  const { neededShares, totalShares, matrix, layout } = parameters
  const key = [neededShares, totalShares, matrix, layout].join()
  const codec =
    codecs.get(key) ?? createCodec(parameters, layout === LAYOUT.bytes ? byteKernelOf : threadBitKernels())
  codecs.set(key, codec)
  return codec
}

let memory: BlockMemory | undefined
function threadMemory(): BlockMemory {
  memory ??= newMemory()
  return memory
}

/** Some phones refuse a memory of that size even untouched: do without the pool there. */
function newMemory(): BlockMemory {
  try {
    return new BlockMemory(POOL_SIZE_BYTES)
  } catch (error) {
    if (error instanceof RangeError) return new BlockMemory(0)
    throw error
  }
}

let bits: KernelFactory | undefined
function threadBitKernels(): KernelFactory {
  bits ??= bitKernels({
    memory: threadMemory(),
    lane: hasSimd() ? 'v128' : 'i64',
    hotAfterBytes: HOT_AFTER_BYTES,
  })
  return bits
}
