/**
 * The slow twin, and the definition: what it means to apply a matrix to blocks in each layout (FORMAT §6.3).
 *
 * Every fast kernel is held against this one by property tests. It is also what a reader should read first.
 */
import { LAYOUT, type LayoutId } from './code.ts'
import { multiply } from './field.ts'
import { entryAt, type Matrix } from './matrix.ts'

/** Overwrites outputs (`matrix.rows` blocks) from inputs (`matrix.columns` blocks), all of one size. */
export function applyPlainly(
  matrix: Matrix,
  layout: LayoutId,
  blocks: { readonly inputs: readonly Uint8Array[]; readonly outputs: readonly Uint8Array[] },
): void {
  for (const [row, output] of blocks.outputs.entries()) {
    for (let index = 0; index < output.length; index++) {
      let symbol = 0
      for (const [column, input] of blocks.inputs.entries()) {
        symbol ^= multiply(entryAt(matrix, row, column), symbolAt(input, layout, index))
      }
      setSymbol(output, layout, { index, symbol })
    }
  }
}

/** Symbol `index` of a block; a block has as many symbols as bytes. */
function symbolAt(block: Uint8Array, layout: LayoutId, index: number): number {
  if (layout === LAYOUT.bytes) return block[index] ?? 0
  let symbol = 0
  for (let bit = 0; bit < 8; bit++) symbol |= (((block[byteOf(index, bit)] ?? 0) >> (index % 8)) & 1) << bit
  return symbol
}

function setSymbol(
  block: Uint8Array,
  layout: LayoutId,
  at: { readonly index: number; readonly symbol: number },
) {
  if (layout === LAYOUT.bytes) {
    block[at.index] = at.symbol
    return
  }
  for (let bit = 0; bit < 8; bit++) {
    const byte = byteOf(at.index, bit)
    const mask = 1 << (at.index % 8)
    block[byte] = ((block[byte] ?? 0) & ~mask) | (((at.symbol >> bit) & 1) << (at.index % 8))
  }
}

/** LAYOUT.bits: bit `bit` of symbol s of a 512-byte group stands in byte 64 * bit + floor(s / 8), at bit s mod 8. */
function byteOf(index: number, bit: number): number {
  return Math.floor(index / 512) * 512 + bit * 64 + Math.floor((index % 512) / 8)
}
