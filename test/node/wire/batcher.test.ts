import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BusyError } from '../../../node/errors.ts'
import { WIRE_BATCHES_IN_FLIGHT_MAX, WIRE_WAITING_CALLS_MAX } from '../../../node/limits.ts'
import { Batcher, type BatchOutcome } from '../../../node/wire/batcher.ts'

const COUNT_MAX = 6
const BYTES_MAX = 100

interface Item {
  readonly name: number
  readonly count: number
  readonly bytes: number
}

interface SentBatch {
  readonly items: readonly Item[]
  readonly signal: AbortSignal
  readonly answer: (outcomes: readonly BatchOutcome<string>[]) => void
  readonly fail: (reason: unknown) => void
}

function openBatcher(): { readonly batcher: Batcher<Item, string>; readonly sent: SentBatch[] } {
  const sent: SentBatch[] = []
  const batcher = new Batcher<Item, string>({
    countMax: COUNT_MAX,
    bytesMax: BYTES_MAX,
    weigh: ({ count, bytes }) => ({ count, bytes }),
    send: (items, signal) => {
      const { promise, resolve, reject } = Promise.withResolvers<readonly BatchOutcome<string>[]>()
      sent.push({ items, signal, answer: resolve, fail: reject })
      return promise
    },
  })
  return { batcher, sent }
}

const itemOf = (name: number, count = 1): Item => ({ name, count, bytes: 1 })

/** Lets every promise that can go on do so. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
}

const outcomeOf = ({ name }: Item): BatchOutcome<string> =>
  name % 5 === 0 ? { ok: false, error: `no ${name}` } : { ok: true, result: `yes ${name}` }

describe('Batcher', () => {
  test('sends what is called in one turn as one batch, and what comes meanwhile as the next', async () => {
    const { batcher, sent } = openBatcher()
    const calls = [1, 2, 3].map((name) => batcher.call(itemOf(name)))
    await settle()
    expect(sent.map(({ items }) => items.length)).toEqual([3])
    calls.push(batcher.call(itemOf(4)))
    await settle()
    calls.push(batcher.call(itemOf(6)))
    await settle()
    calls.push(batcher.call(itemOf(7)))
    await settle()
    expect(sent.map(({ items }) => items.map(({ name }) => name))).toEqual([[1, 2, 3], [4]])
    sent[1]?.answer([{ ok: true, result: 'four' }])
    expect(await calls[3]).toBe('four')
    await settle()
    expect(sent[2]?.items.map(({ name }) => name)).toEqual([6, 7])
    for (const place of [0, 2]) sent[place]?.answer(sent[place].items.map(outcomeOf))
    expect(await Promise.all(calls)).toEqual(['yes 1', 'yes 2', 'yes 3', 'four', 'yes 6', 'yes 7'])
  })

  test('fails all of a batch that cannot be sent, and goes on', async () => {
    const { batcher, sent } = openBatcher()
    const calls = [1, 2].map((name) => batcher.call(itemOf(name)))
    await settle()
    sent[0]?.fail(new Error('broken'))
    for (const call of calls) await expect(call).rejects.toThrow('broken')
    const next = batcher.call(itemOf(3))
    await settle()
    sent[1]?.answer([{ ok: true, result: 'three' }])
    expect(await next).toBe('three')
  })

  test('takes a batch that answers for fewer than were asked for a bug', async () => {
    const { batcher, sent } = openBatcher()
    const calls = [1, 2].map((name) => batcher.call(itemOf(name)))
    await settle()
    sent[0]?.answer([{ ok: true, result: 'one' }])
    for (const call of calls) await expect(call).rejects.toThrow('an outcome for each')
  })

  test('a batch that all have left is called off and holds up nobody', async () => {
    const { batcher, sent } = openBatcher()
    const leaving = new AbortController()
    const stuck: Promise<string>[] = []
    for (let batch = 0; batch < WIRE_BATCHES_IN_FLIGHT_MAX; batch += 1) {
      stuck.push(batcher.call(itemOf(batch), leaving.signal))
      await settle()
    }
    const staying = batcher.call(itemOf(9))
    await settle()
    expect(sent).toHaveLength(WIRE_BATCHES_IN_FLIGHT_MAX)
    leaving.abort(new Error('left'))
    for (const call of stuck) await expect(call).rejects.toThrow('left')
    await settle()
    expect(sent.map(({ signal }) => signal.aborted)).toEqual([true, true, false])
    sent[2]?.answer([{ ok: true, result: 'nine' }])
    expect(await staying).toBe('nine')
  })

  test('lets only so many wait', async () => {
    const { batcher } = openBatcher()
    const controller = new AbortController()
    for (let batch = 0; batch < WIRE_BATCHES_IN_FLIGHT_MAX; batch += 1) {
      batcher.call(itemOf(batch), controller.signal).catch(() => undefined)
      await settle()
    }
    for (let name = 0; name < WIRE_WAITING_CALLS_MAX; name += 1) {
      batcher.call(itemOf(name), controller.signal).catch(() => undefined)
    }
    await expect(batcher.call(itemOf(1))).rejects.toThrow(BusyError)
    controller.abort()
  })

  test('keeps its bounds and gives each caller its own outcome, whatever the order of things', async () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('call' as const),
        count: fc.integer({ min: 1, max: COUNT_MAX + 2 }),
        bytes: fc.integer({ min: 0, max: BYTES_MAX + 20 }),
      }),
      fc.record({ kind: fc.constant('answer' as const), pick: fc.nat(20) }),
      fc.record({ kind: fc.constant('fail' as const), pick: fc.nat(20) }),
      fc.record({ kind: fc.constant('abort' as const), pick: fc.nat(20) }),
      fc.record({ kind: fc.constant('wait' as const) }),
    )
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 60 }), checkRun), { numRuns: 200 })
  })
})

type Step =
  | { readonly kind: 'call'; readonly count: number; readonly bytes: number }
  | { readonly kind: 'answer' | 'fail' | 'abort'; readonly pick: number }
  | { readonly kind: 'wait' }

async function checkRun(steps: readonly Step[]): Promise<void> {
  const { batcher, sent } = openBatcher()
  const outcomes = new Map<number, BatchOutcome<string>>()
  const expected = new Map<number, BatchOutcome<string>>()
  const callers = new Map<number, AbortController>()
  const open = () => sent.filter(({ items }) => items.some(({ name }) => !expected.has(name)))
  const conclude = (batch: SentBatch, how: 'answer' | 'fail'): void => {
    const failed = { ok: false, error: 'failed' } as const
    for (const item of batch.items) {
      if (!expected.has(item.name)) expected.set(item.name, how === 'fail' ? failed : outcomeOf(item))
    }
    if (how === 'fail') batch.fail('failed')
    else batch.answer(batch.items.map(outcomeOf))
  }
  for (const step of steps) {
    if (step.kind === 'wait') await settle()
    else if (step.kind === 'call') {
      const item = { name: callers.size + 1, count: step.count, bytes: step.bytes }
      const controller = new AbortController()
      callers.set(item.name, controller)
      batcher.call(item, controller.signal).then(
        (result) => outcomes.set(item.name, { ok: true, result }),
        (error: unknown) => outcomes.set(item.name, { ok: false, error }),
      )
    } else if (step.kind === 'abort') {
      const name = 1 + (step.pick % Math.max(1, callers.size))
      if (!callers.has(name) || expected.has(name)) continue
      expected.set(name, { ok: false, error: `left ${name}` })
      callers.get(name)?.abort(`left ${name}`)
    } else {
      const batch = open()[step.pick % Math.max(1, open().length)]
      if (batch !== undefined) conclude(batch, step.kind)
    }
    expect(open().length).toBeLessThanOrEqual(WIRE_BATCHES_IN_FLIGHT_MAX)
  }
  for (await settle(); open().length > 0; await settle()) {
    for (const batch of open()) conclude(batch, 'answer')
  }
  expect(outcomes).toEqual(expected)
  expect(outcomes.size).toBe(callers.size)
  const order = sent.flatMap(({ items }) => items.map(({ name }) => name))
  expect(order).toEqual(order.toSorted((left, right) => left - right))
  for (const { items } of sent) {
    if (items.length === 1) continue
    expect(items.reduce((sum, { count }) => sum + count, 0)).toBeLessThanOrEqual(COUNT_MAX)
    expect(items.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(BYTES_MAX)
  }
}
