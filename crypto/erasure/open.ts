/**
 * Codecs by their parameters, made once and kept (FORMAT §6).
 */
import { byteKernelOf, type Kernel } from './byte-kernel.ts'
import { type ErasureCodec, type ErasureParameters, LAYOUT } from './code.ts'
import { createCodec } from './codec.ts'
import type { Matrix } from './matrix.ts'
import { applyPlainly } from './plain.ts'
import { RecentMap } from './recent-map.ts'

/** Sets of parameters whose codec is kept. */
const CODECS_MAX = 16
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
    codecs.get(key) ?? createCodec(parameters, layout === LAYOUT.bytes ? byteKernelOf : bitKernelOf)
  codecs.set(key, codec)
  return codec
}

function bitKernelOf(matrix: Matrix): Kernel {
  return (inputs, outputs) => applyPlainly(matrix, LAYOUT.bits, { inputs, outputs })
}
