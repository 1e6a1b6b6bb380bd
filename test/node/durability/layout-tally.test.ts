import { describe, expect, test } from 'vitest'
import { LayoutTally } from '../../../node/durability/layout-tally.ts'
import { layout } from './support.ts'

describe('LayoutTally', () => {
  test('joins equal layouts, however many files have them', () => {
    const tally = new LayoutTally()
    for (let file = 0; file < 5000; file += 1) tally.add(layout(1, file % 3 === 0 ? ['a', 'b'] : ['b', 'c']))
    const { layouts, otherCount } = tally.finish()
    expect(layouts.map(({ fileCount }) => fileCount).sort()).toEqual([1667, 3333])
    expect(otherCount).toBe(0)
  })

  test('lets go of those with most to spare, and counts their files', () => {
    const tally = new LayoutTally(2)
    for (const server of ['a', 'b', 'c']) tally.add(layout(1, [server, `${server}2`, `${server}3`]))
    tally.add(layout(1, ['d', 'e']))
    tally.add(layout(1, ['f']))
    const { layouts, otherCount } = tally.finish()
    expect(layouts.map(({ placements }) => placements.length)).toEqual([1, 2])
    expect(otherCount).toBe(3)
  })
})
