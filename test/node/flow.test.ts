import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { countUp, forEachConcurrently, mapInOrder, untilAborted } from '../../node/flow.ts'

describe('mapInOrder', () => {
  test('keeps the order and never runs more than its limit, however long the steps take', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(5), { maxLength: 30 }),
        fc.integer({ min: 1, max: 6 }),
        async (turns, limit) => {
          let running = 0
          let most = 0
          const seen: number[] = []
          const steps = mapInOrder(turns.entries(), limit, async ([place, count]) => {
            running += 1
            most = Math.max(most, running)
            for (let turn = 0; turn < count; turn += 1) await Promise.resolve()
            running -= 1
            return place
          })
          for await (const place of steps) seen.push(place)
          expect(seen).toEqual([...turns.keys()])
          expect(most).toBeLessThanOrEqual(limit)
        },
      ),
    )
  })

  test('throws the first failure in order, closes its source and leaves nothing running', async () => {
    let running = 0
    let closed = false
    async function* source() {
      try {
        yield* countUp(0, 100)
      } finally {
        closed = true
      }
    }
    const steps = mapInOrder(source(), 4, async (number) => {
      running += 1
      await Promise.resolve()
      running -= 1
      if (number === 5) throw new Error('five')
      return number
    })
    const seen: number[] = []
    await expect(
      (async () => {
        for await (const number of steps) seen.push(number)
      })(),
    ).rejects.toThrow('five')
    expect(seen).toEqual([0, 1, 2, 3, 4])
    expect({ running, closed }).toEqual({ running: 0, closed: true })
  })

  test('stops when its consumer does', async () => {
    let started = 0
    const steps = mapInOrder(countUp(0, 1000), 3, async (number) => {
      started += 1
      return number
    })
    for await (const number of steps) if (number === 10) break
    expect(started).toBeLessThanOrEqual(14)
  })
})

describe('forEachConcurrently', () => {
  test('meets every item within its limit', async () => {
    let running = 0
    let most = 0
    const seen = new Set<number>()
    await forEachConcurrently(countUp(0, 50), 7, async (number) => {
      running += 1
      most = Math.max(most, running)
      await Promise.resolve()
      seen.add(number)
      running -= 1
    })
    expect(seen.size).toBe(50)
    expect(most).toBe(7)
  })

  test('starts no more after a failure', async () => {
    let started = 0
    const failing = forEachConcurrently(countUp(0, 1000), 2, async (number) => {
      started += 1
      await Promise.resolve()
      if (number === 3) throw new Error('three')
    })
    await expect(failing).rejects.toThrow('three')
    expect(started).toBeLessThan(10)
  })
})

test('untilAborted leaves at once when the signal says so', async () => {
  const never = new Promise<void>(() => undefined)
  const abort = new AbortController()
  const waiting = untilAborted(never, abort.signal)
  abort.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
  await expect(untilAborted(Promise.resolve(7), new AbortController().signal)).resolves.toBe(7)
})
