import fc from 'fast-check'
import { expect, test } from 'vitest'
import { newSeed, Sample } from '../../../cli/backup/sample.ts'

function drawn(keys: readonly string[], seed: string, sizeMax: number): readonly string[] {
  const sample = new Sample<string>({ seed, sizeMax })
  for (const key of keys) sample.offer(Buffer.from(key), key)
  return sample.items
}

const keys = fc.uniqueArray(fc.string(), { maxLength: 100 })

test('the same seed draws the same, in whatever order things come, and a larger sample begins with a smaller one', () => {
  fc.assert(
    fc.property(keys, fc.string(), fc.integer({ min: 1, max: 20 }), (list, seed, sizeMax) => {
      const items = drawn(list, seed, sizeMax)
      expect(items.length).toBe(Math.min(sizeMax, list.length))
      expect(new Set(items).size).toBe(items.length)
      expect(drawn([...list].reverse(), seed, sizeMax)).toEqual(items)
      expect(drawn(list, seed, sizeMax + 5).slice(0, items.length)).toEqual(items)
    }),
  )
})

test('each is as likely as any other', () => {
  const list = Array.from({ length: 20 }, (_, index) => `${index}`)
  const counts = new Map(list.map((key) => [key, 0]))
  for (let seed = 0; seed < 2000; seed += 1) {
    for (const key of drawn(list, `${seed}`, 5)) counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  // 500 each, with a deviation of 19.
  for (const count of counts.values()) expect(Math.abs(count - 500)).toBeLessThan(5 * 19)
})

test('a new seed is short and new', () => {
  expect(newSeed()).toMatch(/^[a-z2-7]{8}$/)
  expect(newSeed()).not.toBe(newSeed())
})
