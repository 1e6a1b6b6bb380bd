/**
 * Which snapshots a policy keeps. Pure; rules only ever add to what is kept.
 *
 * The meaning is restic's. Snapshots of a group are looked at from the newest to the oldest. `--keep-daily 7` keeps the
 * newest of each of the last seven days that have any; days without one do not count. A rule that has not used up its
 * count keeps the oldest of all too. `--keep-within 1y5m7d2h` keeps what is less than that older than the newest.
 * `--keep-tag a,b` keeps what has both tags, and of several such one is enough. A day, a week (from Monday, as ISO
 * 8601 has it), a month or a year is that of the clock of the machine on which the policy is applied.
 */
import { InvalidInputError, type Snapshot } from '#crypto'

export type DatedSnapshot = Pick<Snapshot, 'id' | 'takenAtMilliseconds' | 'tags'>

export const PERIODS = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const
export type Period = (typeof PERIODS)[number]

export interface KeepRules {
  /** How many of each; infinity for all. Left out or 0: the rule is not there. */
  readonly counts: Partial<Readonly<Record<Period, number>>>
  readonly within: Duration | undefined
  /** A list of tags for each time the rule was given. An empty list stands for snapshots without tags. */
  readonly tags: readonly (readonly string[])[]
}

/** A span of the calendar: a month is as long as the month is. */
export interface Duration {
  readonly years: number
  readonly months: number
  readonly days: number
  readonly hours: number
}

export interface Verdict<Item> {
  /** Newest first, each with the rules that keep it. */
  readonly kept: readonly { readonly snapshot: Item; readonly reasons: readonly string[] }[]
  /** Newest first. */
  readonly forgotten: readonly Item[]
}

export function hasRules({ counts, within, tags }: KeepRules): boolean {
  return within !== undefined || tags.length > 0 || PERIODS.some((period) => (counts[period] ?? 0) > 0)
}

/**
 * @param snapshots of one group, in any order
 * @param options `now`: a snapshot that claims to be of later is not what `within` counts from, because one host whose
 *   clock is wrong would have the snapshots of all days forgotten
 */
export function applyPolicy<Item extends DatedSnapshot>(
  snapshots: readonly Item[],
  rules: KeepRules,
  options: { readonly nowMilliseconds: number },
): Verdict<Item> {
  const sorted = [...snapshots].sort(newestFirst)
  const counters = PERIODS.flatMap((period) => {
    const count = rules.counts[period] ?? 0
    return count > 0 ? [new PeriodCounter(period, count)] : []
  })
  const since = beginOfWithin(sorted, rules.within, options.nowMilliseconds)
  const kept: { snapshot: Item; reasons: readonly string[] }[] = []
  const forgotten: Item[] = []
  for (const [index, snapshot] of sorted.entries()) {
    const isOldest = index === sorted.length - 1
    const reasons = [
      ...rules.tags
        .filter((list) => hasTags(snapshot, list))
        .map((list) => `tag ${list.join(',') || 'none'}`),
      ...(since !== undefined && snapshot.takenAtMilliseconds > since ? ['within'] : []),
      ...counters.flatMap((counter) => counter.reasonToKeep(snapshot, { index, isOldest }) ?? []),
    ]
    if (reasons.length > 0) kept.push({ snapshot, reasons })
    else forgotten.push(snapshot)
  }
  return { kept, forgotten }
}

/** Later ones first; of one moment, in a fixed order. */
export function newestFirst(
  left: Pick<Snapshot, 'id' | 'takenAtMilliseconds'>,
  right: Pick<Snapshot, 'id' | 'takenAtMilliseconds'>,
): number {
  return right.takenAtMilliseconds - left.takenAtMilliseconds || (left.id < right.id ? -1 : 1)
}

/** All of them; and for an empty list that it has no tags. */
export function hasTags(snapshot: Pick<Snapshot, 'tags'>, wanted: readonly string[]): boolean {
  if (wanted.length === 0) return snapshot.tags.length === 0
  return wanted.every((tag) => snapshot.tags.includes(tag))
}

class PeriodCounter {
  readonly #period: Period
  #left: number
  #lastKey: string | undefined

  constructor(period: Period, count: number) {
    this.#period = period
    this.#left = count
  }

  /** Asked once for each snapshot, from the newest on. */
  reasonToKeep(
    { takenAtMilliseconds }: DatedSnapshot,
    { index, isOldest }: { readonly index: number; readonly isOldest: boolean },
  ): string | undefined {
    if (this.#left <= 0) return undefined
    const key = this.#period === 'last' ? String(index) : keyOf(new Date(takenAtMilliseconds), this.#period)
    const isFirstOfItsTime = key !== this.#lastKey
    if (!isFirstOfItsTime && !isOldest) return undefined
    this.#lastKey = key
    this.#left -= 1
    return isFirstOfItsTime ? this.#period : `oldest, ${this.#period}`
  }
}

function keyOf(time: Date, period: Exclude<Period, 'last'>): string {
  const year = time.getFullYear()
  switch (period) {
    case 'hourly':
      return `${year}-${time.getMonth()}-${time.getDate()}-${time.getHours()}`
    case 'daily':
      return `${year}-${time.getMonth()}-${time.getDate()}`
    case 'weekly':
      return weekOf(time)
    case 'monthly':
      return `${year}-${time.getMonth()}`
    case 'yearly':
      return `${year}`
  }
}

/** The Monday that it begins with: what tells weeks apart, across years too. */
function weekOf(time: Date): string {
  const daysSinceMonday = (time.getDay() + 6) % 7
  const monday = new Date(time.getFullYear(), time.getMonth(), time.getDate() - daysSinceMonday)
  return `${monday.getFullYear()}-${monday.getMonth()}-${monday.getDate()}`
}

/** Undefined: the rule keeps nothing. */
function beginOfWithin(
  sorted: readonly DatedSnapshot[],
  within: Duration | undefined,
  nowMilliseconds: number,
): number | undefined {
  if (within === undefined) return undefined
  const newest =
    sorted.find(({ takenAtMilliseconds }) => takenAtMilliseconds <= nowMilliseconds) ?? sorted.at(-1)
  if (newest === undefined) return undefined
  const { years, months, days, hours } = within
  const time = new Date(newest.takenAtMilliseconds)
  time.setFullYear(time.getFullYear() - years, time.getMonth() - months, time.getDate() - days)
  return time.getTime() - hours * 3_600_000
}

const DURATION = /^(?:(\d{1,4})y)?(?:(\d{1,5})m)?(?:(\d{1,6})d)?(?:(\d{1,7})h)?$/

/** `1y5m7d2h`: each part may be left out, one has to be there. @throws InvalidInputError */
export function parseDuration(text: string): Duration {
  const found = DURATION.exec(text)
  if (found === null || text === '') {
    throw new InvalidInputError(
      `a duration such as 30d or 1y5m7d2h (years, months, days, hours, in this order) wanted, found ${text}`,
    )
  }
  const [years, months, days, hours] = [1, 2, 3, 4].map((part) => Number(found[part] ?? 0))
  const duration = { years: years ?? 0, months: months ?? 0, days: days ?? 0, hours: hours ?? 0 }
  if (Object.values(duration).every((part) => part === 0)) {
    throw new InvalidInputError(`a duration that is longer than nothing wanted, found ${text}`)
  }
  return duration
}
