/**
 * From a matrix to a WASM module that applies it to blocks in LAYOUT.bits (FORMAT §6.3).
 *
 * Each step of its plan becomes one function: straight code that loads input strips, XORs them as its schedule says
 * and stores output strips, a lane of 16 bytes of each strip at a time. A last function, `apply`, walks along the
 * blocks in runs that stay in the cache and calls every step for each run.
 *
 * Pointers to the blocks are read from a table in memory: inputs first, then outputs, 4 bytes each. Temporary blocks
 * hold one run only, and stand at addresses that are known now.
 */
import { assert } from '../errors.ts'
import { bitMatrixOf, STRIPS } from './bit-matrix.ts'
import { type Matrix, matrixOf, range } from './matrix.ts'
import { TEMPORARIES } from './memory.ts'
import { orderOf } from './order.ts'
import { type Schedule, scheduleOf } from './schedule.ts'
import { type Points, planOf } from './stages.ts'
import type { Step } from './steps.ts'
import { CodeWriter, LANE, type Lane, moduleOf } from './wasm.ts'

/** Bytes of one strip, and of one group of eight. */
const STRIP_SIZE_BYTES = 64
const GROUP_SIZE_BYTES = STRIPS * STRIP_SIZE_BYTES
/** Bytes of each block that all steps work through before the next run; a multiple of a group. */
const RUN_SIZE_BYTES = 16 * 1024
/** The same where there are temporary blocks, which then stay in the cache. */
const RUN_SIZE_WITH_TEMPORARIES_BYTES = 2048

/** Parameters of every function: address of the pointer table, and where to start and stop in the blocks. */
const TABLE = 0
const POSITION = 1
const END = 2
const PARAMETER_COUNT = 3
/** Local of every function: how far it is into the temporary blocks, which hold one run and start with it. */
const WITHIN = PARAMETER_COUNT
const FIRST_POINTER = WITHIN + 1

export const APPLY = 'apply'

/**
 * Emits step by step, so that a caller may do other things between: a step takes 1 to 3 ms once the engine is warm.
 *
 * @param points between which the matrix interpolates, if it is such a matrix
 * @returns a module that exports `apply(table, 0, blockSizeBytes)`; the size must be a positive multiple of 512
 */
export function* emitStepwise(
  matrix: Matrix,
  points: Points | undefined,
  lane: Lane,
): Generator<undefined, Uint8Array<ArrayBuffer>> {
  const plan = planOf(matrix, points)
  const runSizeBytes = runSizeOf(plan.temporaryCount)
  const schedules = new Map<Matrix, Schedule>()
  const functions: Uint8Array[] = []
  for (const step of plan.steps) {
    const schedule =
      schedules.get(step.matrix) ?? scheduleOf(bitMatrixOf(step.matrix), step.inputs.length * STRIPS)
    schedules.set(step.matrix, schedule)
    functions.push(emitStep(step, schedule, { blockCount: plan.blockCount, runSizeBytes, lane }))
    yield
  }
  const names = [...functions.map(() => undefined), APPLY]
  return moduleOf([...functions, emitApply(functions.length, runSizeBytes)], PARAMETER_COUNT, names)
}

/**
 * A module with a function for each factor, exported under its number: `f(table, 0, blockSizeBytes)` adds factor times
 * block 0 of the table to block 1.
 */
export function emitFactors(factors: readonly number[], lane: Lane): Uint8Array<ArrayBuffer> {
  const functions = factors.map((factor) => {
    const step = { matrix: matrixOf(1, 1, () => factor), inputs: [0], outputs: [1], adds: true }
    const schedule = scheduleOf(bitMatrixOf(step.matrix), STRIPS)
    return emitStep(step, schedule, { blockCount: 2, runSizeBytes: RUN_SIZE_BYTES, lane })
  })
  return moduleOf(functions, PARAMETER_COUNT, factors.map(String))
}

function runSizeOf(temporaryCount: number): number {
  if (temporaryCount === 0) return RUN_SIZE_BYTES
  const fitting = TEMPORARIES.sizeBytes / temporaryCount - STRIP_SIZE_BYTES
  const groups = Math.floor(Math.min(fitting, RUN_SIZE_WITH_TEMPORARIES_BYTES) / GROUP_SIZE_BYTES)
  assert(groups > 0, 'temporary blocks hold at least a group')
  return groups * GROUP_SIZE_BYTES
}

interface Emission {
  readonly blockCount: number
  readonly runSizeBytes: number
  readonly lane: Lane
}

function emitStep(step: Step, schedule: Schedule, emission: Emission): Uint8Array {
  const { load, store, xor, zero, sizeBytes } = LANE[emission.lane]
  const blocks = [...step.inputs, ...step.outputs].filter((place) => place < emission.blockCount)
  const firstValue = FIRST_POINTER + blocks.length
  const locals = new Map<number, number>()
  const code = new CodeWriter()

  /** The address of a strip, as a local and what is to be added to it. */
  function addressOf(places: readonly number[], strip: number) {
    const place = places[Math.floor(strip / STRIPS)] ?? 0
    const offset = (strip % STRIPS) * STRIP_SIZE_BYTES
    if (place < emission.blockCount) return { local: FIRST_POINTER + blocks.indexOf(place), offset }
    // A strip more between them, so that they do not fight for the same cache lines.
    const start = (place - emission.blockCount) * (emission.runSizeBytes + STRIP_SIZE_BYTES)
    return { local: WITHIN, offset: TEMPORARIES.address + start + offset }
  }

  function push(value: number): void {
    // An input is loaded again for each use: it then needs no register in between, and never a spill.
    if (value < schedule.inputCount) {
      const { local, offset } = addressOf(step.inputs, value)
      code.op('localGet', local).raw(load, offset)
    } else code.op('localGet', locals.get(value) ?? 0)
  }

  function storeOutput(strip: number, value: number | undefined): void {
    if (value === undefined && step.adds) return
    const { local, offset } = addressOf(step.outputs, strip)
    code.op('localGet', local)
    if (value === undefined) code.raw(zero)
    else push(value)
    if (step.adds) code.op('localGet', local).raw(load, offset).raw(xor)
    code.raw(store, offset)
  }

  for (const [index, place] of blocks.entries()) {
    code.op('localGet', TABLE).op('i32Load', 4 * place)
    code
      .op('localGet', POSITION)
      .op('i32Add')
      .op('localSet', FIRST_POINTER + index)
  }
  const pointers = range(blocks.length).map((index) => FIRST_POINTER + index)
  const places = step.inputs.length + step.outputs.length
  const cursors = blocks.length < places ? [WITHIN, ...pointers] : pointers
  code.op('loop').op('loop')
  for (const act of orderOf(schedule)) {
    if (act.kind === 'store') storeOutput(act.strip, act.value)
    else {
      for (const operand of schedule.steps[act.value - schedule.inputCount] ?? []) push(operand)
      locals.set(act.value, firstValue + locals.size)
      code.raw(xor).op('localSet', firstValue + locals.size - 1)
    }
  }
  emitAdvance(code, cursors, sizeBytes)
  return code.finish({ i32Count: 1 + blocks.length, laneCount: locals.size, lane: emission.lane })
}

/** Closes both loops: within a strip, the next lane; at the end of the strips, the next group. */
function emitAdvance(code: CodeWriter, cursors: readonly number[], laneSizeBytes: number): void {
  advance(code, cursors, laneSizeBytes)
  code.op('localGet', POSITION).op('i32Const', laneSizeBytes).op('i32Add').op('localTee', POSITION)
  code
    .op('i32Const', STRIP_SIZE_BYTES - 1)
    .op('i32And')
    .op('continueLoop')
    .op('end')
  advance(code, cursors, GROUP_SIZE_BYTES - STRIP_SIZE_BYTES)
  code
    .op('localGet', POSITION)
    .op('i32Const', GROUP_SIZE_BYTES - STRIP_SIZE_BYTES)
    .op('i32Add')
  code.op('localTee', POSITION).op('localGet', END).op('i32LessUnsigned').op('continueLoop').op('end')
}

function advance(code: CodeWriter, pointers: readonly number[], bytes: number): void {
  for (const pointer of pointers) {
    code.op('localGet', pointer).op('i32Const', bytes).op('i32Add').op('localSet', pointer)
  }
}

/** For each run, from position to stop = min(position + runSizeBytes, end), every step in turn. */
function emitApply(stepCount: number, runSizeBytes: number): Uint8Array {
  const stop = PARAMETER_COUNT
  const code = new CodeWriter()
  code.op('loop')
  code.op('localGet', POSITION).op('i32Const', runSizeBytes).op('i32Add').op('localTee', stop)
  code.op('localGet', END).op('localGet', stop).op('localGet', END).op('i32LessUnsigned').op('select')
  code.op('localSet', stop)
  for (let step = 0; step < stepCount; step++) {
    code.op('localGet', TABLE).op('localGet', POSITION).op('localGet', stop).op('call', step)
  }
  code.op('localGet', stop).op('localTee', POSITION)
  code.op('localGet', END).op('i32LessUnsigned').op('continueLoop').op('end')
  return code.finish({ i32Count: 1, laneCount: 0, lane: 'i64' })
}
