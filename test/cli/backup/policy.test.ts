import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  applyPolicy,
  type DatedSnapshot,
  type KeepRules,
  PERIODS,
  type Period,
  parseDuration,
} from '../../../cli/backup/policy.ts'

const NOW = new Date(2026, 10, 28, 14, 0).getTime()
const NOTHING: KeepRules = { counts: {}, within: undefined, tags: [] }

function snapshotAt(time: Date, tags: readonly string[] = []): DatedSnapshot {
  return { id: `${time.getTime()}`, takenAtMilliseconds: time.getTime(), tags }
}

function keptOf(snapshots: readonly DatedSnapshot[], rules: KeepRules): ReadonlySet<string> {
  return new Set(
    applyPolicy(snapshots, rules, { nowMilliseconds: NOW }).kept.map(({ snapshot }) => snapshot.id),
  )
}

const number = (part: Intl.DateTimeFormatPartTypes) => (parts: Intl.DateTimeFormatPart[]) =>
  Number(parts.find(({ type }) => type === part)?.value)
const CALENDAR = new Intl.DateTimeFormat('en-US', {
  year: 'numeric',
  month: 'numeric',
  day: 'numeric',
  hour: 'numeric',
  hourCycle: 'h23',
})

/** What tells one hour, day … from another, said another way than the policy says it. */
function slowKey(milliseconds: number, period: Exclude<Period, 'last'>): string {
  const parts = CALENDAR.formatToParts(milliseconds)
  const [year, month, day, hour] = [number('year'), number('month'), number('day'), number('hour')].map(
    (read) => read(parts),
  )
  // 1970-01-05 was a Monday.
  const week = Math.floor((Date.UTC(year ?? 0, (month ?? 1) - 1, day) / 86_400_000 - 4) / 7)
  const key = { hourly: [year, month, day, hour], daily: [year, month, day], weekly: [week] }
  return JSON.stringify({ ...key, monthly: [year, month], yearly: [year] }[period])
}

/** Each rule by itself, over all pairs of snapshots. */
function slowTwin(snapshots: readonly DatedSnapshot[], rules: KeepRules): ReadonlySet<string> {
  const kept = new Set<string>()
  const isLater = (one: DatedSnapshot, other: DatedSnapshot) =>
    one.takenAtMilliseconds > other.takenAtMilliseconds ||
    (one.takenAtMilliseconds === other.takenAtMilliseconds && one.id < other.id)
  const oldest = snapshots.find((one) => snapshots.every((other) => other === one || isLater(other, one)))
  for (const period of PERIODS) {
    const count = rules.counts[period] ?? 0
    if (count <= 0) continue
    const keyOf = (snapshot: DatedSnapshot) =>
      period === 'last' ? snapshot.id : slowKey(snapshot.takenAtMilliseconds, period)
    const newestOfEach = snapshots.filter(
      (one) => !snapshots.some((other) => keyOf(other) === keyOf(one) && isLater(other, one)),
    )
    for (const one of newestOfEach) {
      if (newestOfEach.filter((other) => isLater(other, one)).length < count) kept.add(one.id)
    }
    if (newestOfEach.length < count && oldest !== undefined) kept.add(oldest.id)
  }
  for (const list of rules.tags) {
    for (const { id, tags } of snapshots) {
      if (list.length === 0 ? tags.length === 0 : list.every((tag) => tags.includes(tag))) kept.add(id)
    }
  }
  return kept
}

/** In a few months, so that days and hours meet, around a change of the clocks and the end of a year. */
const time = fc
  .integer({ min: new Date(2025, 8, 1).getTime(), max: NOW })
  .map((milliseconds) => milliseconds - (milliseconds % 900_000))
const tag = fc.constantFrom('a', 'b', 'c')
const snapshots = fc
  .array(fc.record({ takenAtMilliseconds: time, tags: fc.uniqueArray(tag, { maxLength: 3 }) }), {
    maxLength: 60,
  })
  .map((list) => list.map((snapshot, index) => ({ ...snapshot, id: `${index}`.padStart(3, '0') })))
const count = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 9 }), fc.constant(Number.POSITIVE_INFINITY))
const counts = fc.record(
  { last: count, hourly: count, daily: count, weekly: count, monthly: count, yearly: count },
  { requiredKeys: [] },
)
const rules = fc.record({
  counts,
  within: fc.constant(undefined),
  tags: fc.array(fc.uniqueArray(tag, { maxLength: 2 }), { maxLength: 2 }),
})

describe('applyPolicy', () => {
  test('keeps what a slow twin keeps, for any snapshots and rules', () => {
    fc.assert(
      fc.property(snapshots, rules, (list, policy) => {
        expect([...keptOf(list, policy)].sort()).toEqual([...slowTwin(list, policy)].sort())
      }),
      { numRuns: 400 },
    )
  })

  test('keeps or forgets each snapshot, whatever order they come in', () => {
    fc.assert(
      fc.property(snapshots, rules, (list, policy) => {
        const verdict = applyPolicy(list, policy, { nowMilliseconds: NOW })
        const all = [...verdict.kept.map(({ snapshot }) => snapshot), ...verdict.forgotten]
        expect(all.map(({ id }) => id).sort()).toEqual(list.map(({ id }) => id))
        expect(keptOf([...list].reverse(), policy)).toEqual(keptOf(list, policy))
      }),
    )
  })

  test('a rule more, or a greater count, only ever adds', () => {
    fc.assert(
      fc.property(snapshots, rules, rules, (list, one, other) => {
        const larger = (period: Period) => Math.max(one.counts[period] ?? 0, other.counts[period] ?? 0)
        const both: KeepRules = {
          counts: Object.fromEntries(PERIODS.map((period) => [period, larger(period)])),
          within: undefined,
          tags: [...one.tags, ...other.tags],
        }
        const kept = keptOf(list, both)
        for (const id of [...keptOf(list, one), ...keptOf(list, other)]) expect(kept.has(id)).toBe(true)
      }),
    )
  })

  test('a week begins on Monday, also across the end of a year', () => {
    const days = [27, 28, 29, 30, 31].map((day) => new Date(2026, 11, day, 12))
    const next = [1, 2, 3, 4].map((day) => new Date(2027, 0, day, 12))
    const list = [...days, ...next].map((day) => snapshotAt(day))
    const kept = keptOf(list, { ...NOTHING, counts: { weekly: 3 } })
    expect(kept).toEqual(new Set([next[3], next[2], days[0]].map((day) => `${day?.getTime()}`)))
  })

  test('says by which rule each is kept', () => {
    const list = [new Date(2026, 10, 27), new Date(2026, 10, 28), new Date(2026, 10, 28, 9)].map((time) =>
      snapshotAt(time, time.getHours() === 9 ? ['kept', 'more'] : []),
    )
    const policy: KeepRules = { counts: { last: 1, daily: 7 }, within: undefined, tags: [['kept'], []] }
    const { kept } = applyPolicy(list, policy, { nowMilliseconds: NOW })
    expect(kept.map(({ reasons }) => reasons)).toEqual([
      ['tag kept', 'last', 'daily'],
      ['tag none'],
      ['tag none', 'daily'],
    ])
  })

  test('within counts from the newest that is not of the future', () => {
    const list = [
      new Date(2026, 9, 20),
      new Date(2026, 10, 20, 12),
      new Date(2026, 10, 21, 12),
      new Date(2099, 0, 1),
    ].map((time) => snapshotAt(time))
    const within = parseDuration('1m')
    expect(keptOf(list, { ...NOTHING, within })).toEqual(new Set(list.slice(1).map(({ id }) => id)))
    expect(keptOf(list, { ...NOTHING, within: parseDuration('1d1h') }).size).toBe(3)
    expect(keptOf(list, { ...NOTHING, within: parseDuration('24h') }).size).toBe(2)
    expect(keptOf(list, { ...NOTHING, within: parseDuration('1m2d') }).size).toBe(4)
    expect(keptOf(list.slice(3), { ...NOTHING, within }).size).toBe(1)
    expect(keptOf([], { ...NOTHING, within }).size).toBe(0)
  })
})

describe('parseDuration', () => {
  test.each([
    ['30d', [0, 0, 30, 0]],
    ['1y5m7d2h', [1, 5, 7, 2]],
    ['48h', [0, 0, 0, 48]],
  ])('reads %s', (text, [years, months, days, hours]) => {
    expect(parseDuration(text)).toEqual({ years, months, days, hours })
  })

  test.each(['', 'd', '0d', '7', '2h1d', '-3d', '1w', '99999y'])('refuses %j', (text) => {
    expect(() => parseDuration(text)).toThrow(/duration/)
  })
})
