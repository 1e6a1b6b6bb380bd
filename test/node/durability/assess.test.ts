import { describe, expect, test } from 'vitest'
import { assessRoot, type GridToAssess } from '../../../node/durability/assess.ts'
import type { Estimates, ServerEstimate } from '../../../node/durability/estimate.ts'
import { weakestEvent } from '../../../node/durability/weakest.ts'
import { byId, DAILY, layout, letters, server } from './support.ts'

function grid(servers: readonly ServerEstimate[], more: Partial<GridToAssess> = {}, days = 31): GridToAssess {
  const expected = byId(servers)
  const cautious = byId(servers.map((one) => ({ ...one, lossesPerYear: 3 * one.lossesPerYear })))
  const evidence = {
    serverCount: servers.length,
    serverYears: (servers.length * days) / 365,
    days,
    lostCount: 0,
  }
  const lossesPerYear = { expected: 0.2, cautious: 0.6 }
  const estimates: Estimates = { expected, cautious, lossesPerYear, evidence }
  return { estimates, takers: new Set(servers.map(({ serverId }) => serverId)), full: new Set(), ...more }
}

/** Two servers each. */
const owned = ['anna', 'bert', 'carl', 'dora', 'emil'].flatMap((owner) =>
  [1, 2].map((number) => server(`${owner} ${number}`, { owner, site: 'home' })),
)
const ids = owned.map(({ serverId }) => serverId)

describe('weakestEvent', () => {
  test('names one server where one is enough', () => {
    const files = [layout(1, ['a', 'a', 'a']), layout(1, ['a', 'b'], { fileCount: 7 })]
    expect(weakestEvent(files, new Map())).toEqual({
      places: [{ kind: 'server', owner: '', site: '', serverIds: ['a'] }],
      lostFileCount: 1,
    })
  })

  test('names one site, then one owner, before several sites', () => {
    const two = byId([
      server('a', { owner: 'anna', site: 'attic' }),
      server('b', { owner: 'anna', site: 'office' }),
    ])
    expect(weakestEvent([layout(1, ['a', 'b'])], two)?.places).toMatchObject([
      { kind: 'owner', owner: 'anna' },
    ])
    const one = byId(letters(2).map((name) => server(name, { owner: 'anna', site: 'attic' })))
    expect(weakestEvent([layout(1, ['a', 'b'])], one)?.places).toMatchObject([
      { kind: 'site', site: 'attic' },
    ])
  })

  test('names as few sites as must go, and the files that go with them', () => {
    const event = weakestEvent([layout(3, ids, { fileCount: 1204 })], byId(owned))
    // Three sites take six of ten shares and leave four; the fourth leaves two.
    expect(event?.places).toHaveLength(4)
    expect(event?.lostFileCount).toBe(1204)
    expect(weakestEvent([layout(5, ids)], byId(owned))?.places).toHaveLength(3)
  })

  test('takes the event that loses most files among equally small ones', () => {
    const files = [layout(2, ['a', 'b'], { fileCount: 2 }), layout(2, ['c', 'd'], { fileCount: 5 })]
    expect(weakestEvent(files, new Map())).toMatchObject({ places: [{ serverIds: ['c'] }], lostFileCount: 5 })
  })

  test('says nothing of what is lost already', () => {
    expect(weakestEvent([layout(3, ['a', 'b'], { totalShares: 5 })], new Map())).toBeUndefined()
    expect(weakestEvent([], new Map())).toBeUndefined()
  })
})

describe('assessRoot', () => {
  test('tells of files that are well', () => {
    const found = assessRoot(
      { layouts: [layout(3, ids, { fileCount: 12 })], otherCount: 0, pace: DAILY },
      grid(owned),
    )
    expect(found).toMatchObject({
      fileCount: 12,
      unreadableCount: 0,
      worst: {
        foundShares: 10,
        neededShares: 3,
        totalShares: 10,
        serverCount: 10,
        siteCount: 5,
        fileCount: 12,
      },
      isMeasured: true,
    })
    expect(found.lossInYear.expected).toBeLessThan(found.lossInYear.atMost)
    expect(found.lossInYear.atMost).toBeLessThan(0.01)
  })

  test('adds up files that lie elsewhere, and not those that lie on the same servers', () => {
    const one = layout(8, ids)
    const other = layout(8, [...ids].reverse())
    const elsewhere = layout(8, [...letters(9), 'anna 1'])
    const all = grid([...owned, ...letters(9).map((name) => server(name))])
    const loss = (...layouts: Parameters<typeof assessRoot>[0]['layouts'][number][]) =>
      assessRoot({ layouts, otherCount: 0, pace: DAILY }, all).lossInYear.expected
    expect(loss(one, other)).toBeCloseTo(loss(one), 12)
    expect(loss(one, elsewhere)).toBeCloseTo(loss(one) + loss(elsewhere), 12)
  })

  test('takes files of layouts that are not told for like the last of those that are', () => {
    const loss = (otherCount: number) =>
      assessRoot({ layouts: [layout(5, ids)], otherCount, pace: DAILY }, grid(owned)).lossInYear.expected
    expect(loss(2)).toBeCloseTo(3 * loss(0), 12)
  })

  test('counts what is unreadable apart, and tells of the rest', () => {
    const files = [layout(3, ids), layout(3, ['anna 1'], { totalShares: 10, fileCount: 2 })]
    const found = assessRoot({ layouts: files, otherCount: 0, pace: DAILY }, grid(owned))
    expect(found.unreadableCount).toBe(2)
    expect(found.worst).toMatchObject({ foundShares: 1, fileCount: 2 })
    expect(found.lossInYear.atMost).toBeLessThan(0.5)
  })

  test('says when too little was measured', () => {
    expect(
      assessRoot({ layouts: [layout(3, ids)], otherCount: 0, pace: DAILY }, grid(owned, {}, 3)).isMeasured,
    ).toBe(false)
  })

  test('is at ease with a root of nothing', () => {
    expect(assessRoot({ layouts: [], otherCount: 0, pace: DAILY }, grid(owned))).toMatchObject({
      fileCount: 0,
      worst: undefined,
      weakest: undefined,
      lossInYear: { expected: 0, atMost: 0 },
      advice: [],
    })
  })
})

describe('advice', () => {
  test('is to repair where shares are missing and servers have room', () => {
    const files = [layout(3, ids.slice(0, 4), { totalShares: 10, fileCount: 5 })]
    const { advice, lossInYear } = assessRoot({ layouts: files, otherCount: 0, pace: DAILY }, grid(owned))
    const repair = advice.find(({ change }) => change.kind === 'repair')
    expect(repair?.change).toEqual({ kind: 'repair', shareCount: 30 })
    expect(repair?.lossInYear).toBeLessThan(lossInYear.atMost / 2)
  })

  test('is what the model says of the changed grid, best first', () => {
    const few = letters(4).map((name) => server(name, { lossesPerYear: 0.05 }))
    const files = [
      layout(
        2,
        few.map(({ serverId }) => serverId),
      ),
    ]
    const { advice, lossInYear } = assessRoot({ layouts: files, otherCount: 0, pace: DAILY }, grid(few))
    expect(advice.length).toBeGreaterThan(0)
    const after = advice.map((one) => one.lossInYear)
    expect(after).toEqual(after.toSorted((left, right) => left - right))
    expect(Math.max(...after)).toBeLessThanOrEqual(lossInYear.atMost / 2)
  })

  test('is a server at a new site where files crowd together', () => {
    const crowd = ['a', 'b', 'c'].map((name) =>
      server(name, { owner: 'anna', site: 'home', lossesPerYear: 0.1 }),
    )
    const { advice } = assessRoot(
      { layouts: [layout(1, ['a', 'b', 'c'])], otherCount: 0, pace: DAILY },
      grid(crowd),
    )
    expect(advice[0]?.change).toEqual({ kind: 'add-server' })
  })

  test('is that owners of full servers lend more', () => {
    const servers = letters(6).map((name) => server(name))
    const files = [layout(2, ['a', 'b', 'c'])]
    const room = { takers: new Set(['a', 'b', 'c']), full: new Set(['d', 'e', 'f']) }
    const { advice } = assessRoot({ layouts: files, otherCount: 0, pace: DAILY }, grid(servers, room))
    expect(advice.map(({ change }) => change)).toContainEqual({
      kind: 'lend-more',
      serverIds: ['d', 'e', 'f'],
    })
  })

  test('is a share for each server where there are more servers than shares', () => {
    const servers = letters(9).map((name) => server(name))
    const { advice } = assessRoot(
      { layouts: [layout(3, letters(5))], otherCount: 0, pace: DAILY },
      grid(servers),
    )
    expect(advice.map(({ change }) => change)).toContainEqual({
      kind: 'other-numbers',
      neededShares: 3,
      totalShares: 9,
      spaceFactor: 3,
      spaceFactorNow: 5 / 3,
    })
  })

  test('is none where nothing more can be claimed', () => {
    const safe = letters(20).map((name) => server(name, { lossesPerYear: 0.01, owner: name, site: name }))
    const files = [layout(3, letters(10))]
    expect(assessRoot({ layouts: files, otherCount: 0, pace: DAILY }, grid(safe)).advice).toEqual([])
  })
})
