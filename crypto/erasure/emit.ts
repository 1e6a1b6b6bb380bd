/**
 * From a matrix to a WASM module that applies it to blocks in LAYOUT.bits (FORMAT §6.3).
 *
 * The matrix is cut into tiles of at most 8 by 8 blocks, and each tile becomes one function: straight code that loads
 * input strips, XORs them as its schedule says and stores output strips, a lane of 16 bytes of each strip at a time.
 * A tile that is not the first of its rows adds to what the tiles before it stored. A last function, `apply`, walks
 * along the blocks in runs that stay in the cache and calls every tile for each run.
 *
 * Pointers to the blocks are read from a table in memory: inputs first, then outputs, 4 bytes each.
 */
import { bitMatrixOf, STRIPS } from './bit-matrix.ts'
import { type Matrix, range } from './matrix.ts'
import { orderOf } from './order.ts'
import { type Schedule, scheduleOf } from './schedule.ts'
import { CodeWriter, LANE, type Lane, moduleOf } from './wasm.ts'

/** Bytes of one strip, and of one group of eight. */
const STRIP_SIZE_BYTES = 64
const GROUP_SIZE_BYTES = STRIPS * STRIP_SIZE_BYTES
/** 8 by 8 beats 16 by 8 and 4 by 8: larger functions spill registers, smaller ones share fewer sums. */
const TILE_BLOCKS_MAX = 8
/** Bytes of each block that all tiles work through before the next run; a multiple of a group. */
const RUN_SIZE_BYTES = 16 * 1024

/** Parameters of every function: address of the pointer table, and where to start and stop in the blocks. */
const TABLE = 0
const POSITION = 1
const END = 2
const PARAMETER_COUNT = 3

interface Tile {
  readonly rows: readonly number[]
  readonly columns: readonly number[]
  /** The tile adds to its outputs instead of overwriting them. */
  readonly adds: boolean
  readonly schedule: Schedule
}

export const APPLY = 'apply'

/**
 * Emits tile by tile, so that a caller may do other things between: a tile takes 1 to 3 ms once the engine is warm.
 *
 * @returns a module that exports `apply(table, 0, blockSizeBytes)`; the size must be a positive multiple of 512
 */
export function* emitStepwise(matrix: Matrix, lane: Lane): Generator<undefined, Uint8Array<ArrayBuffer>> {
  const functions: Uint8Array[] = []
  for (const rows of cut(matrix.rows)) {
    for (const [index, columns] of cut(matrix.columns).entries()) {
      const schedule = scheduleOf(bitMatrixOf(matrix, rows, columns), columns.length * STRIPS)
      functions.push(emitTile({ rows, columns, adds: index > 0, schedule }, matrix, lane))
      yield
    }
  }
  const names = [...functions.map(() => undefined), APPLY]
  return moduleOf([...functions, emitApply(functions.length)], PARAMETER_COUNT, names)
}

/**
 * A module with a function for each factor, exported under its number: `f(table, 0, blockSizeBytes)` adds factor times
 * block 0 of the table to block 1.
 */
export function emitFactors(factors: readonly number[], lane: Lane): Uint8Array<ArrayBuffer> {
  const functions = factors.map((factor) => {
    const matrix = { rows: 1, columns: 1, entries: Uint8Array.of(factor) }
    const schedule = scheduleOf(bitMatrixOf(matrix, [0], [0]), STRIPS)
    return emitTile({ rows: [0], columns: [0], adds: true, schedule }, matrix, lane)
  })
  return moduleOf(functions, PARAMETER_COUNT, factors.map(String))
}

/** 0 .. count - 1 in runs of nearly one length, none longer than a tile. */
function cut(count: number): (readonly number[])[] {
  const parts = Math.ceil(count / TILE_BLOCKS_MAX)
  return range(parts).map((part) =>
    range(count).slice(Math.floor((part * count) / parts), Math.floor(((part + 1) * count) / parts)),
  )
}

function emitTile(tile: Tile, matrix: Matrix, lane: Lane): Uint8Array {
  const { columns, rows, adds, schedule } = tile
  const { load, store, xor, zero, sizeBytes } = LANE[lane]
  const slots = [...columns, ...rows.map((row) => matrix.columns + row)]
  const firstOutput = PARAMETER_COUNT + columns.length
  const firstValue = PARAMETER_COUNT + slots.length
  const locals = new Map<number, number>()
  const code = new CodeWriter()

  function push(value: number): void {
    // An input is loaded again for each use: it then needs no register in between, and never a spill.
    if (value < schedule.inputCount) {
      code.op('localGet', PARAMETER_COUNT + Math.floor(value / STRIPS))
      code.raw(load, (value % STRIPS) * STRIP_SIZE_BYTES)
    } else code.op('localGet', locals.get(value) ?? 0)
  }

  function storeOutput(strip: number, value: number | undefined): void {
    if (value === undefined && adds) return
    const pointer = firstOutput + Math.floor(strip / STRIPS)
    const offset = (strip % STRIPS) * STRIP_SIZE_BYTES
    code.op('localGet', pointer)
    if (value === undefined) code.raw(zero)
    else push(value)
    if (adds) code.op('localGet', pointer).raw(load, offset).raw(xor)
    code.raw(store, offset)
  }

  for (const [index, slot] of slots.entries()) {
    code.op('localGet', TABLE).op('i32Load', 4 * slot)
    code
      .op('localGet', POSITION)
      .op('i32Add')
      .op('localSet', PARAMETER_COUNT + index)
  }
  const pointers = slots.map((_, index) => PARAMETER_COUNT + index)
  code.op('loop').op('loop')
  for (const act of orderOf(schedule)) {
    if (act.kind === 'store') storeOutput(act.strip, act.value)
    else {
      for (const operand of schedule.steps[act.value - schedule.inputCount] ?? []) push(operand)
      locals.set(act.value, firstValue + locals.size)
      code.raw(xor).op('localSet', firstValue + locals.size - 1)
    }
  }
  advance(code, pointers, sizeBytes)
  // Within a strip, the next lane; at the end of the strips, the next group.
  code.op('localGet', POSITION).op('i32Const', sizeBytes).op('i32Add').op('localTee', POSITION)
  code
    .op('i32Const', STRIP_SIZE_BYTES - 1)
    .op('i32And')
    .op('continueLoop')
    .op('end')
  advance(code, pointers, GROUP_SIZE_BYTES - STRIP_SIZE_BYTES)
  code
    .op('localGet', POSITION)
    .op('i32Const', GROUP_SIZE_BYTES - STRIP_SIZE_BYTES)
    .op('i32Add')
  code.op('localTee', POSITION).op('localGet', END).op('i32LessUnsigned').op('continueLoop').op('end')
  return code.finish({ i32Count: slots.length, laneCount: locals.size, lane })
}

function advance(code: CodeWriter, pointers: readonly number[], bytes: number): void {
  for (const pointer of pointers) {
    code.op('localGet', pointer).op('i32Const', bytes).op('i32Add').op('localSet', pointer)
  }
}

/** For each run, from position to stop = min(position + RUN_SIZE_BYTES, end), every tile in turn. */
function emitApply(tileCount: number): Uint8Array {
  const stop = PARAMETER_COUNT
  const code = new CodeWriter()
  code.op('loop')
  code.op('localGet', POSITION).op('i32Const', RUN_SIZE_BYTES).op('i32Add').op('localTee', stop)
  code.op('localGet', END).op('localGet', stop).op('localGet', END).op('i32LessUnsigned').op('select')
  code.op('localSet', stop)
  for (let tile = 0; tile < tileCount; tile++) {
    code.op('localGet', TABLE).op('localGet', POSITION).op('localGet', stop).op('call', tile)
  }
  code.op('localGet', stop).op('localTee', POSITION)
  code.op('localGet', END).op('i32LessUnsigned').op('continueLoop').op('end')
  return code.finish({ i32Count: 1, laneCount: 0, lane: 'i64' })
}
