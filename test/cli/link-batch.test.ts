import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { literalCapability } from '#crypto'
import { JobPool } from '../../cli/copy/job-pool.ts'
import { BATCH_NAMES_MAX, BATCH_WAIT_MILLISECONDS, LinkBatch } from '../../cli/copy/link-batch.ts'

const capability = literalCapability(new Uint8Array(0))
const childOf = (name: string) => ({ name, capability, metadata: {} })

describe('LinkBatch', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  function open(write: (names: readonly string[]) => Promise<void> = async () => undefined) {
    const written: string[][] = []
    const outcomes = new Map<string, unknown>()
    const batch = new LinkBatch({
      write: async (children) => {
        const names = children.map(({ name }) => name)
        written.push(names)
        await write(names)
      },
    })
    const add = (name: string) =>
      batch.add({ child: childOf(name), onWritten: (failure) => outcomes.set(name, failure) })
    return { batch, written, outcomes, add }
  }

  test('a thousand names are four edits, in order', async () => {
    const { batch, written, outcomes, add } = open()
    for (let number = 0; number < 1000; number += 1) await add(`${number}`)
    await batch.finish()
    expect(written.map(({ length }) => length)).toEqual([256, 256, 256, 232, 0])
    expect(written.flat()).toEqual(Array.from({ length: 1000 }, (_, number) => `${number}`))
    expect(outcomes.size).toBe(1000)
  })

  test('a few names wait no longer than two seconds', async () => {
    const { written, add } = open()
    await add('a')
    await vi.advanceTimersByTimeAsync(BATCH_WAIT_MILLISECONDS - 1)
    expect(written).toEqual([])
    await add('b')
    await vi.advanceTimersByTimeAsync(1)
    expect(written).toEqual([['a', 'b']])
  })

  test('while one edit runs, names gather for one more, and no third', async () => {
    const gates: (() => void)[] = []
    const { written, add, batch } = open(() => new Promise((resolve) => gates.push(resolve)))
    for (let number = 0; number < 2 * BATCH_NAMES_MAX; number += 1) await add(`${number}`)
    let isAdded = false
    void add('more').then(() => {
      isAdded = true
    })
    await vi.advanceTimersByTimeAsync(10_000)
    expect([written.length, isAdded]).toEqual([1, false])
    gates.shift()?.()
    await vi.advanceTimersByTimeAsync(0)
    const finished = batch.finish()
    for (let round = 0; round < 10; round += 1) {
      gates.shift()?.()
      await vi.advanceTimersByTimeAsync(1)
    }
    await finished
    expect(isAdded).toBe(true)
    expect(written.flat().length).toBe(2 * BATCH_NAMES_MAX + 1)
  })

  test('names of an edit that fails are told, and the next ones are written', async () => {
    const failure = new Error('no')
    let isBroken = true
    const { batch, outcomes, add } = open(async () => {
      if (isBroken) throw failure
    })
    await add('a')
    await batch.flush()
    isBroken = false
    await add('b')
    await batch.finish()
    expect([...outcomes]).toEqual([
      ['a', failure],
      ['b', undefined],
    ])
  })

  test('an end waits for whoever still has names to bring', async () => {
    const { batch, written, add } = open()
    const release = batch.hold()
    let isFinished = false
    const finished = batch.finish().then(() => {
      isFinished = true
    })
    await vi.advanceTimersByTimeAsync(1)
    expect(isFinished).toBe(false)
    await add('late')
    release()
    await finished
    expect(written).toEqual([['late'], []])
  })
})

describe('JobPool', () => {
  test('runs so many at a time and no more', async () => {
    const pool = new JobPool(3)
    let running = 0
    let most = 0
    for (let number = 0; number < 20; number += 1) {
      await pool.start(async () => {
        running += 1
        most = Math.max(most, running)
        await new Promise((resolve) => setImmediate(resolve))
        running -= 1
      })
    }
    await pool.drain()
    expect([running, most]).toEqual([0, 3])
  })

  test('begins nothing after a failure, and tells of the first', async () => {
    const pool = new JobPool(1)
    const failing = (message: string) => async () => {
      throw new Error(message)
    }
    await pool.start(failing('first'))
    await expect(pool.start(failing('second'))).rejects.toThrow('first')
    await expect(pool.drain()).rejects.toThrow('first')
    await pool.settle()
  })
})
