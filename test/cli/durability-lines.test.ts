import { describe, expect, test } from 'vitest'
import type { RootDurability } from '#node'
import { durabilityLines, rootLines, safetyLines } from '../../cli/durability-lines.ts'

const chance = (atMost: number) => ({ expected: atMost / 10, atMost })

const photos: RootDurability = {
  fileCount: 1204,
  unreadableCount: 0,
  worst: { foundShares: 8, neededShares: 3, totalShares: 10, serverCount: 8, siteCount: 5, fileCount: 31 },
  lossInYear: chance(1 / 43_000),
  lossUnrepaired: chance(0.02),
  unreadable: chance(1e-5),
  isRepaired: true,
  evidence: { serverCount: 9, serverYears: 0.7, days: 31.4, lostCount: 0 },
  isMeasured: true,
  weakest: {
    places: [
      { kind: 'site', owner: 'anna', site: 'home', serverIds: ['x'] },
      { kind: 'site', owner: 'bert', site: '', serverIds: ['y'] },
    ],
    lostFileCount: 31,
  },
  advice: [
    { change: { kind: 'add-server' }, lossInYear: 1 / 900_000 },
    { change: { kind: 'repair', shareCount: 62 }, lossInYear: 1 / 100_000 },
  ],
}

describe('safetyLines', () => {
  test('has a paragraph for a put', () => {
    const lines = safetyLines({ put: photos, records: [] })
    expect(lines.map((line) => line.slice(0, 24))).toEqual([
      'put now   1,204 files, t',
      '          chance of losi',
      '          would lose dat',
      '          better: a serv',
    ])
    expect(safetyLines({ put: undefined, records: [] })).toEqual([])
  })
})

describe('rootLines', () => {
  test('has a paragraph for each root, and says why one is not known', () => {
    const lines = rootLines([
      { name: 'photos', durability: photos, problem: undefined },
      { name: 'inbox', durability: undefined, problem: 'found 1 of 3 shares needed' },
    ])
    expect(lines.map((line) => line.slice(0, 32))).toEqual([
      'root      photos: 1,204 files, t',
      '          chance of losing any i',
      "          would lose data: anna'",
      '          better: a server more,',
      'root      inbox: found 1 of 3 sh',
    ])
  })
})

describe('durabilityLines', () => {
  test('says it all in four lines', () => {
    expect(durabilityLines(photos)).toEqual([
      '1,204 files, the worst 31 with 8 of 10 shares on 8 servers in 5 failure domains, 3 needed',
      'chance of losing any in a year: below 1 in 40,000 (from 31 days of records of 9 servers)',
      "would lose data: anna's at home and bert's gone for good, all at once (31 files)",
      'better: a server more, of another owner at another site: below 1 in 900,000',
    ])
  })

  test('is honest about what was not measured', () => {
    const evidence = { serverCount: 5, serverYears: 0.04, days: 3, lostCount: 0 }
    const found = { ...photos, evidence, isMeasured: false, lossInYear: chance(0.003) }
    expect(durabilityLines(found)[1]).toBe(
      'chance of losing any in a year: below 1 in 300 by what is usual; ' +
        'not enough measured yet (3 days of records of 5 servers)',
    )
  })

  test('says who would measure where nobody does', () => {
    const evidence = { serverCount: 0, serverYears: 0, days: 0, lostCount: 0 }
    expect(durabilityLines({ ...photos, evidence, isMeasured: false })[1]).toBe(
      'chance of losing any in a year: below 1 in 40,000 by what is usual; ' +
        'not enough measured yet (no records of servers: a daemon, cairn run, makes them)',
    )
  })

  test('tells of what cannot be read, and of nothing else if that is all', () => {
    const [, broken] = durabilityLines({ ...photos, unreadableCount: 2 })
    expect(broken).toBe('2 files cannot be read now: fewer shares than needed answer')
    expect(durabilityLines({ ...photos, fileCount: 2, unreadableCount: 2 })).toHaveLength(2)
    expect(durabilityLines({ ...photos, fileCount: 0, worst: undefined })).toEqual(['nothing in it yet'])
  })

  test('says so when files are often out of reach, or nobody repairs them', () => {
    expect(durabilityLines({ ...photos, unreadable: chance(0.04) })).toContain(
      'chance of not reading any at a given moment: below 1 in 20',
    )
    expect(durabilityLines({ ...photos, isRepaired: false })[1]).toContain(
      'chance of losing any in a year if nobody repairs: below 1 in 40,000',
    )
  })

  test('names servers, owners and what each change would bring', () => {
    const places = [{ kind: 'server', owner: '', site: '', serverIds: ['12D3KooWabcdefgh'] }] as const
    const changes = [
      { kind: 'repair', shareCount: 1 },
      { kind: 'repair-daily' },
      { kind: 'lend-more', serverIds: ['12D3KooWabcdefgh'] },
      { kind: 'other-numbers', neededShares: 2, totalShares: 10, spaceFactor: 5, spaceFactorNow: 10 / 3 },
    ] as const
    const [repair, daily, lend, numbers] = changes.map((change) =>
      durabilityLines({
        ...photos,
        weakest: { places, lostFileCount: 1 },
        advice: [{ change, lossInYear: 0.001 }],
      }).at(-1),
    )
    const many = ['a', 'b', 'c', 'd', 'e'].map(
      (owner) => ({ kind: 'owner', owner, site: '', serverIds: [] }) as const,
    )
    const weakest = { places: many, lostFileCount: 1 }
    expect(durabilityLines({ ...photos, fileCount: 1, weakest, advice: [] }).at(-1)).toBe(
      "would lose data: all of a's, all of b's, all of c's and 2 more such gone for good, all at once",
    )
    expect(repair).toBe('better: make 1 missing share again (cairn repair): below 1 in 1,000')
    expect(daily).toBe('better: repaired once a day, by a timer: below 1 in 1,000')
    expect(lend).toBe('better: more room on …abcdefgh, full now: below 1 in 1,000')
    expect(numbers).toBe(
      'better: stored anew with --needed 2 --total 10, at 5.0 times the space in place of 3.3: below 1 in 1,000',
    )
  })
})
