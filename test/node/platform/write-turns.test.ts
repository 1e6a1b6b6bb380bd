import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { WriteTurns } from '../../../node/platform/write-turns.ts'

test('a turn ends with the write that fills it, and writers come in order', async () => {
  const turns = new WriteTurns(100)
  const written: number[] = []
  for (let writer = 0; writer < 5; writer++) void turns.take(60).then(() => written.push(writer))
  await Promise.resolve().then(() => undefined)
  expect(written).toEqual([0, 1])
  await nextTurn()
  expect(written).toEqual([0, 1, 2, 3])
  await nextTurn()
  expect(written).toEqual([0, 1, 2, 3, 4])
})

test('a late writer does not pass those that wait, and one larger than a turn has it for itself', async () => {
  const turns = new WriteTurns(100)
  const written: string[] = []
  for (const [name, sizeBytes] of [
    ['large', 250],
    ['small', 1],
    ['large too', 250],
  ] as const) {
    void turns.take(sizeBytes).then(() => written.push(name))
  }
  await nextTurn()
  expect(written).toEqual(['large', 'small', 'large too'])
  void turns.take(1).then(() => written.push('late'))
  await Promise.resolve().then(() => undefined)
  expect(written).toEqual(['large', 'small', 'large too'])
  await nextTurn()
  expect(written).toEqual(['large', 'small', 'large too', 'late'])
})

test('a turn that was not filled leaves the next one whole', async () => {
  const turns = new WriteTurns(100)
  await turns.take(99)
  await nextTurn()
  await turns.take(99)
  let second = false
  void turns.take(99).then(() => {
    second = true
  })
  await Promise.resolve().then(() => undefined)
  expect(second).toBe(true)
})
