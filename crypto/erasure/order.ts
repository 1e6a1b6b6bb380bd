/**
 * The order in which a schedule is carried out: as few values as possible wait to be used.
 *
 * A processor has 16 vector registers and a schedule of 8 by 8 blocks has some 700 values. Output by output, always
 * the one that needs the fewest values that are not made yet, keeps most of them short-lived: measured 1.2 to 1.6
 * times as fast as the order in which the sums were found.
 */
import type { Schedule } from './schedule.ts'

/** Make a value, or store one as an output strip; each value is made before it is used. */
export type Act =
  | { readonly kind: 'make'; readonly value: number }
  | { readonly kind: 'store'; readonly strip: number; readonly value: number | undefined }

/** Every output strip is stored once; only values that an output needs are made, each once. */
export function orderOf(schedule: Schedule): readonly Act[] {
  const acts: Act[] = []
  const made = new Uint8Array(schedule.inputCount + schedule.steps.length).fill(1, 0, schedule.inputCount)
  const { stripsOf, costs } = costsOf(schedule)
  const waiting = new Set(schedule.outputs.keys())
  const onMade = (value: number): void => {
    acts.push({ kind: 'make', value })
    for (const strip of stripsOf[value] ?? []) costs[strip] = (costs[strip] ?? 0) - 1
  }
  while (waiting.size > 0) {
    let cheapest = -1
    for (const strip of waiting) {
      if (cheapest < 0 || (costs[strip] ?? 0) < (costs[cheapest] ?? 0)) cheapest = strip
    }
    const value = schedule.outputs[cheapest]
    if (value !== undefined) make(schedule, value, { made, onMade })
    acts.push({ kind: 'store', strip: cheapest, value })
    waiting.delete(cheapest)
  }
  return acts
}

/** For each value the outputs that need it, and for each output the number of values still to be made for it. */
function costsOf(schedule: Schedule): {
  readonly stripsOf: readonly number[][]
  readonly costs: Uint32Array
} {
  const { inputCount, steps, outputs } = schedule
  const stripsOf: number[][] = Array.from({ length: inputCount + steps.length }, () => [])
  const costs = new Uint32Array(outputs.length)
  const seenFor = new Int32Array(inputCount + steps.length).fill(-1)
  for (const [strip, output] of outputs.entries()) {
    const stack = output === undefined ? [] : [output]
    for (let value = stack.pop(); value !== undefined; value = stack.pop()) {
      if (value < inputCount || seenFor[value] === strip) continue
      seenFor[value] = strip
      stripsOf[value]?.push(strip)
      costs[strip] = (costs[strip] ?? 0) + 1
      stack.push(...(steps[value - inputCount] ?? []))
    }
  }
  return { stripsOf, costs }
}

/** Depth first, and the depth is bounded by the number of steps of one schedule. */
function make(
  schedule: Schedule,
  value: number,
  work: { readonly made: Uint8Array; readonly onMade: (value: number) => void },
): void {
  if (work.made[value] === 1) return
  const [left, right] = schedule.steps[value - schedule.inputCount] ?? [0, 0]
  make(schedule, left, work)
  make(schedule, right, work)
  work.made[value] = 1
  work.onMade(value)
}
