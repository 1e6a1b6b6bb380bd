/**
 * The codec over a kernel: checks every argument, and turns loss patterns into matrices (FORMAT §6.4).
 *
 * Encoding and reconstruction are the same act, a matrix applied to k blocks. A codec keeps the kernel of its encoder
 * and those of the loss patterns seen last.
 */
import { InvalidInputError } from '../errors.ts'
import { RecentMap } from '../recent-map.ts'
import type { Kernel } from './byte-kernel.ts'
import { BLOCK_UNIT_BYTES, type ErasureCodec, type ErasureParameters, LAYOUT, MATRIX } from './code.ts'
import { entryAt, interpolationOf, type Matrix, range, recoveryOf } from './matrix.ts'
import type { Points } from './stages.ts'

/** Loss patterns whose kernel is kept. */
const DECODERS_MAX = 32
/** n is at most the number of non-zero field elements: a share number is one byte and names one row. */
const TOTAL_SHARES_LIMIT = 255

/**
 * Makes the code that applies one matrix; may be costly, and is called once for each pattern in the cache. The points
 * are given where the matrix interpolates between them.
 */
export type KernelFactory = (matrix: Matrix, points?: Points) => Kernel

/** @throws InvalidInputError naming the first parameter that is not allowed. */
function checkParameters(parameters: ErasureParameters): void {
  const { neededShares, totalShares, matrix, layout } = parameters
  if (!Number.isInteger(neededShares) || !Number.isInteger(totalShares)) {
    throw new InvalidInputError('needed and total shares are whole numbers')
  }
  if (neededShares < 1 || neededShares > totalShares || totalShares > TOTAL_SHARES_LIMIT) {
    throw new InvalidInputError(
      `1 <= needed <= total <= ${TOTAL_SHARES_LIMIT} wanted, found ${neededShares} of ${totalShares}`,
    )
  }
  if (!Object.values<number>(MATRIX).includes(matrix)) throw new InvalidInputError(`unknown matrix ${matrix}`)
  if (!Object.values<number>(LAYOUT).includes(layout)) throw new InvalidInputError(`unknown layout ${layout}`)
}

/**
 * A codec over the kernels of a factory.
 *
 * Each group of a block depends on the same group of the other blocks and on nothing else, so a caller that wants only
 * part of a segment hands in views of that part. Outputs must not overlap inputs or each other.
 *
 * @param generator n x k, its first k rows the identity and any k rows regular (only the former is checked); by
 *   default the one that the parameters name
 * @throws InvalidInputError if the parameters are not allowed or the generator does not fit them
 */
export function createCodec(
  parameters: ErasureParameters,
  kernelOf: KernelFactory,
  generator?: Matrix,
): ErasureCodec {
  checkParameters(parameters)
  const { neededShares, totalShares } = parameters
  if (generator !== undefined) checkGenerator(generator, neededShares, totalShares)
  const kernelBetween = (sources: readonly number[], wanted: readonly number[]): Kernel =>
    generator === undefined
      ? kernelOf(interpolationOf(sources, wanted), { sources, wanted })
      : kernelOf(recoveryOf(generator, sources, wanted))
  const parityNumbers = range(totalShares).slice(neededShares)
  const decoders = new RecentMap<string, Kernel>(DECODERS_MAX)
  let encoder: Kernel | undefined

  function encode(data: readonly Uint8Array[], parity: readonly Uint8Array[]): void {
    checkCount('data blocks', data, neededShares)
    checkCount('parity blocks', parity, totalShares - neededShares)
    if (checkSizes(parameters, [...data, ...parity]) === 0 || parity.length === 0) return
    encoder ??= kernelBetween(range(neededShares), parityNumbers)
    encoder(data, parity)
  }

  function reconstruct(
    present: readonly (Uint8Array | undefined)[],
    wanted: readonly number[],
    out: readonly Uint8Array[],
  ): void {
    checkCount('entries for present blocks', present, totalShares)
    checkCount('output blocks', out, wanted.length)
    checkWanted(present, wanted)
    const sources = present.flatMap((block, number) => (block === undefined ? [] : [{ block, number }]))
    if (sources.length < neededShares) {
      throw new InvalidInputError(`${neededShares} blocks wanted to rebuild from, found ${sources.length}`)
    }
    if (checkSizes(parameters, [...sources.map((source) => source.block), ...out]) === 0) return
    if (wanted.length === 0) return
    const used = sources.slice(0, neededShares)
    const numbers = used.map((source) => source.number)
    const pattern = `${numbers.join()}>${wanted.join()}`
    const decoder = decoders.get(pattern) ?? kernelBetween(numbers, wanted)
    decoders.set(pattern, decoder)
    decoder(
      used.map((source) => source.block),
      out,
    )
  }

  return { parameters: Object.freeze({ ...parameters }), encode, reconstruct }
}

function checkGenerator(generator: Matrix, neededShares: number, totalShares: number): void {
  if (generator.rows !== totalShares || generator.columns !== neededShares) {
    throw new InvalidInputError(
      `a generator of ${totalShares} x ${neededShares} wanted, found ${generator.rows} x ${generator.columns}`,
    )
  }
  for (const row of range(neededShares)) {
    for (const column of range(neededShares)) {
      if (entryAt(generator, row, column) !== Number(row === column)) {
        throw new InvalidInputError('a generator that begins with the identity wanted')
      }
    }
  }
}

function checkCount(what: string, list: readonly unknown[], count: number): void {
  if (list.length !== count) throw new InvalidInputError(`${count} ${what} wanted, found ${list.length}`)
}

function checkWanted(present: readonly (Uint8Array | undefined)[], wanted: readonly number[]): void {
  const seen = new Set<number>()
  for (const number of wanted) {
    if (!Number.isInteger(number) || number < 0 || number >= present.length) {
      throw new InvalidInputError(`share numbers from 0 to ${present.length - 1} wanted, found ${number}`)
    }
    if (seen.has(number)) throw new InvalidInputError(`share number ${number} is wanted twice`)
    if (present[number] !== undefined) throw new InvalidInputError(`block ${number} is present already`)
    seen.add(number)
  }
}

/** @returns the one size of all blocks, in bytes */
function checkSizes(parameters: ErasureParameters, blocks: readonly Uint8Array[]): number {
  const size = blocks[0]?.length ?? 0
  const odd = blocks.find((block) => block.length !== size)
  if (odd !== undefined) {
    throw new InvalidInputError(`blocks of one size wanted, found ${size} and ${odd.length} bytes`)
  }
  const unit = BLOCK_UNIT_BYTES[parameters.layout]
  if (size % unit !== 0) {
    throw new InvalidInputError(`a block size that is a multiple of ${unit} bytes wanted, found ${size}`)
  }
  return size
}
