/**
 * Applies a matrix to blocks in LAYOUT.bytes, where byte i of a block is symbol i (FORMAT §6.3).
 *
 * The interop layout: byte for byte what the reed-solomon-erasure family writes. It is served by a table of 256
 * products for each coefficient, which is plain and fast enough for a layout that no grid uses by default.
 */
import { productsOf } from './field.ts'
import { entryAt, type Matrix } from './matrix.ts'

/** Overwrites outputs (`matrix.rows` blocks) from inputs (`matrix.columns` blocks), all of one size. */
export type Kernel = (inputs: readonly Uint8Array[], outputs: readonly Uint8Array[]) => void

export function byteKernelOf(matrix: Matrix): Kernel {
  return (inputs, outputs) => {
    for (const [row, output] of outputs.entries()) {
      output.fill(0)
      for (const [column, input] of inputs.entries()) {
        addProducts(output, input, productsOf(entryAt(matrix, row, column)))
      }
    }
  }
}

function addProducts(output: Uint8Array, input: Uint8Array, table: Uint8Array): void {
  for (let index = 0; index < output.length; index++) {
    output[index] = (output[index] ?? 0) ^ (table[input[index] ?? 0] ?? 0)
  }
}
