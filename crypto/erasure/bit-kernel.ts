/**
 * Applies matrices to blocks in LAYOUT.bits: factor by factor while a matrix is cold, compiled whole once it is hot.
 *
 * A compiled matrix is two to six times as fast, but takes 2 ms (10 of 16) to 60 ms (64 of 96) to compile, and five
 * times that in a process that has just started; most loss patterns are met once, for a few blocks. The functions that
 * multiply by one factor are shared by all matrices, and there are at most 255.
 */
import { assert } from '../errors.ts'
import type { KernelFactory } from './codec.ts'
import { APPLY, emitFactors, emitStepwise } from './emit.ts'
import { entryAt, type Matrix } from './matrix.ts'
import type { Apply, BlockMemory } from './memory.ts'
import type { Lane } from './wasm.ts'

/** Bytes of one block that one factor is applied to before the next; all of a row's output then stays in L1. */
const COLD_RUN_SIZE_BYTES = 4096

export interface BitKernelOptions {
  readonly memory: BlockMemory
  readonly lane: Lane
  /**
   * A matrix is compiled when this many bytes of each input block went through it, one step in each call from then on.
   * With 0 it is compiled whole in the first call.
   */
  readonly hotAfterBytes: number
}

/** Kernels made by one factory share a memory, and so must stay in one thread. */
export function bitKernels(options: BitKernelOptions): KernelFactory {
  const factors = factorFunctions(options)
  return (matrix, points) => {
    const cold = coldApply(matrix, factors, options.memory)
    const warmUp = compilation(emitStepwise(matrix, points, options.lane), options)
    let hot: Apply | undefined
    return (inputs, outputs) => {
      hot ??= warmUp(inputs[0]?.length ?? 0)
      options.memory.run(inputs, outputs, hot ?? cold)
    }
  }
}

/** @returns a function to call before each use with the size of its blocks, until it gives the compiled matrix */
function compilation(
  emission: ReturnType<typeof emitStepwise>,
  { memory, hotAfterBytes }: BitKernelOptions,
): (sizeBytes: number) => Apply | undefined {
  let doneBytes = 0
  let refused = false
  return (sizeBytes) => {
    doneBytes += sizeBytes
    if (refused || doneBytes < hotAfterBytes) return undefined
    let step = emission.next()
    while (step.done !== true && hotAfterBytes === 0) step = emission.next()
    if (step.done !== true) return undefined
    const hot = compiledApply(step.value, memory)
    refused = hot === undefined
    return hot
  }
}

/** @returns undefined if the engine compiles no module of that size on this thread; old browsers stop at 4 KiB */
function compiledApply(module: Uint8Array<ArrayBuffer>, memory: BlockMemory): Apply | undefined {
  try {
    const apply = instantiate(module, memory)(APPLY)
    return (sizeBytes) => apply(0, 0, sizeBytes)
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

type Step = (table: number, position: number, end: number) => void
type FactorFunctions = (factors: ReadonlySet<number>) => ReadonlyMap<number, Step>

/** Functions that add a factor times one block to another, compiled when they are first asked for. */
function factorFunctions(options: BitKernelOptions): FactorFunctions {
  const known = new Map<number, Step>()
  return (factors) => {
    const missing = [...factors].filter((factor) => !known.has(factor))
    if (missing.length > 0) {
      const step = instantiate(emitFactors(missing, options.lane), options.memory)
      for (const factor of missing) known.set(factor, step(String(factor)))
    }
    return known
  }
}

function coldApply(matrix: Matrix, functions: FactorFunctions, memory: BlockMemory): Apply {
  let plan: readonly (readonly { readonly column: number; readonly step: Step }[])[] | undefined
  return (sizeBytes) => {
    plan ??= planOf(matrix, functions)
    memory.zeroOutputs(matrix.columns, { count: matrix.rows, sizeBytes })
    for (let start = 0; start < sizeBytes; start += COLD_RUN_SIZE_BYTES) {
      const end = Math.min(start + COLD_RUN_SIZE_BYTES, sizeBytes)
      for (const [row, terms] of plan.entries()) {
        for (const { column, step } of terms) step(memory.pair(column, matrix.columns + row), start, end)
      }
    }
  }
}

function planOf(matrix: Matrix, functions: FactorFunctions) {
  const known = functions(new Set(matrix.entries.filter((entry) => entry !== 0)))
  return Array.from({ length: matrix.rows }, (_, row) =>
    Array.from({ length: matrix.columns }, (_, column) => {
      const step = known.get(entryAt(matrix, row, column))
      return step === undefined ? [] : [{ column, step }]
    }).flat(),
  )
}

/** A getter for the functions that a module exports. */
function instantiate(bytes: Uint8Array<ArrayBuffer>, memory: BlockMemory): (name: string) => Step {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { m: { m: memory.wasm } })
  return (name) => {
    const exported = instance.exports[name]
    assert(typeof exported === 'function', 'a module exports what was emitted')
    return (table, position, end) => {
      exported(table, position, end)
    }
  }
}
