/**
 * The npm package @subspace/reed-solomon-erasure.wasm as an independent twin, in LAYOUT.bytes.
 *
 * Its `reconstruct` frees a buffer that the Rust side has freed already, and fails from the second call on, so a call
 * here goes to the exports without that free. Otherwise each call copies exactly what the package's own glue copies.
 */
interface OracleExports {
  readonly memory: WebAssembly.Memory
  readonly __wbindgen_malloc: (sizeBytes: number) => number
  readonly __wbindgen_free: (pointer: number, sizeBytes: number) => void
  readonly encode: (pointer: number, sizeBytes: number, k: number, parity: number) => number
  readonly reconstruct: (
    pointer: number,
    sizeBytes: number,
    k: number,
    parity: number,
    flagsPointer: number,
    flagsSizeBytes: number,
  ) => number
}

export interface NpmOracle {
  /** Fills the parity blocks of n contiguous blocks in place. */
  encode(blocks: Uint8Array, neededShares: number, totalShares: number): void
  /** Rebuilds the data blocks that are not `available`, in place. Blocks lost must be zero or garbage, any. */
  reconstruct(blocks: Uint8Array, neededShares: number, available: readonly boolean[]): void
}

/** @param bytes the package's WASM file */
export async function oracleFrom(bytes: BufferSource): Promise<NpmOracle> {
  const module = await WebAssembly.compile(bytes)
  const wasm = checkedExports((await WebAssembly.instantiate(module, {})).exports)
  const memory = () => new Uint8Array(wasm.memory.buffer)
  return {
    encode(blocks, neededShares, totalShares) {
      const pointer = wasm.__wbindgen_malloc(blocks.length)
      memory().set(blocks, pointer)
      const result = wasm.encode(pointer, blocks.length, neededShares, totalShares - neededShares)
      if (result !== 0) throw new Error(`the npm package refused to encode: ${result}`)
      const dataBytes = (blocks.length / totalShares) * neededShares
      blocks.set(memory().subarray(pointer + dataBytes, pointer + blocks.length), dataBytes)
      wasm.__wbindgen_free(pointer, blocks.length)
    },
    reconstruct(blocks, neededShares, available) {
      const pointer = wasm.__wbindgen_malloc(blocks.length)
      memory().set(blocks, pointer)
      const flags = wasm.__wbindgen_malloc(available.length)
      memory().set(available.map(Number), flags)
      const parityCount = available.length - neededShares
      const result = wasm.reconstruct(
        pointer,
        blocks.length,
        neededShares,
        parityCount,
        flags,
        available.length,
      )
      if (result !== 0) throw new Error(`the npm package refused to reconstruct: ${result}`)
      const dataBytes = (blocks.length / available.length) * neededShares
      blocks.set(memory().subarray(pointer, pointer + dataBytes))
      wasm.__wbindgen_free(pointer, blocks.length)
    },
  }
}

function checkedExports(exports: WebAssembly.Exports): OracleExports {
  if (!isOracle(exports)) throw new Error('the npm package has other exports than expected')
  return exports
}

function isOracle(exports: unknown): exports is OracleExports {
  return (
    typeof exports === 'object' &&
    exports !== null &&
    'memory' in exports &&
    exports.memory instanceof WebAssembly.Memory &&
    ['__wbindgen_malloc', '__wbindgen_free', 'encode', 'reconstruct'].every(
      (name) => typeof Reflect.get(exports, name) === 'function',
    )
  )
}
