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
  const waiting = new Map(schedule.outputs.entries())
  const made = new Uint8Array(schedule.inputCount + schedule.steps.length).fill(1, 0, schedule.inputCount)
  const cost = costCounter(schedule, made)
  while (waiting.size > 0) {
    let cheapest = { strip: 0, cost: Number.POSITIVE_INFINITY }
    for (const [strip, value] of waiting) {
      const found = value === undefined ? 0 : cost(value, cheapest.cost)
      if (found < cheapest.cost) cheapest = { strip, cost: found }
    }
    const { strip } = cheapest
    const value = waiting.get(strip)
    if (value !== undefined) make(schedule, { made, acts, value })
    acts.push({ kind: 'store', strip, value })
    waiting.delete(strip)
  }
  return acts
}

/** Counts the values still to be made for one value; gives up, with `limit`, when there are that many. */
function costCounter(schedule: Schedule, made: Uint8Array): (value: number, limit: number) => number {
  const seenIn = new Uint32Array(made.length)
  const stack = new Uint32Array(made.length + 2)
  let round = 0
  return (value, limit) => {
    round++
    let cost = 0
    let depth = 0
    stack[depth++] = value
    while (depth > 0 && cost < limit) {
      const next = stack[--depth] ?? 0
      if (made[next] === 1 || seenIn[next] === round) continue
      seenIn[next] = round
      cost++
      const [left, right] = schedule.steps[next - schedule.inputCount] ?? [0, 0]
      stack[depth++] = left
      stack[depth++] = right
    }
    return cost
  }
}

/** Depth first, and the depth is bounded by the number of steps of one schedule. */
function make(
  schedule: Schedule,
  work: { readonly made: Uint8Array; readonly acts: Act[]; readonly value: number },
): void {
  if (work.made[work.value] === 1) return
  const [left, right] = schedule.steps[work.value - schedule.inputCount] ?? [0, 0]
  make(schedule, { ...work, value: left })
  make(schedule, { ...work, value: right })
  work.made[work.value] = 1
  work.acts.push({ kind: 'make', value: work.value })
}
