import { expect, test } from 'vitest'
import { simulate } from '../sim/grid-simulation.ts'

test('a hundred servers keep every promise under faults, and a seed replays exactly', async () => {
  const options = { seed: 20_261_122, serverCount: 100, rounds: 12 }
  const first = await simulate(options)
  expect(first.counts.put).toBeGreaterThan(5)
  expect(first.counts['slot update']).toBeGreaterThan(2)
  expect(Object.keys(first.counts).filter((what) => what.startsWith('fault'))).toHaveLength(3)
  expect(await simulate(options)).toEqual(first)
  expect((await simulate({ ...options, serverCount: 20, seed: 1 })).trace).not.toBe(first.trace)
})
