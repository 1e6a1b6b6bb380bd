/** Times as people type them. Pure. */
import { InvalidInputError } from '#crypto'

const UNIT_SECONDS: Readonly<Record<string, number>> = Object.freeze({
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
  w: 7 * 86_400,
  y: 365 * 86_400,
})

/** `90s`, `12h`, `30d`. @throws InvalidInputError that names the option */
export function parseDuration(text: string, option: string): number {
  const [, digits, unit = ''] = /^(\d{1,6})([smhdwy])$/.exec(text) ?? []
  const seconds = Number(digits) * (UNIT_SECONDS[unit] ?? Number.NaN)
  if (seconds > 0) return seconds
  throw new InvalidInputError(`${option}: a time such as 12h, 30d or 1y wanted, found ${text}`)
}

/**
 * A date (its first moment, UTC), or a time from now.
 *
 * @param now milliseconds since 1970 UTC
 * @returns seconds since 1970 UTC
 * @throws InvalidInputError that names the option
 */
export function parseEnd(text: string, option: string, now: number): number {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return Math.floor(now / 1000) + parseDuration(text, option)
  const date = new Date(`${text}T00:00:00Z`)
  const isReal = !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text)
  if (!isReal) throw new InvalidInputError(`${option}: there is no such date as ${text}`)
  return date.getTime() / 1000
}

/** `2027-06-30`. @param seconds since 1970 UTC */
export function dateText(seconds: number): string {
  const date = new Date(seconds * 1000)
  return Number.isNaN(date.getTime()) ? 'no date' : date.toISOString().slice(0, 10)
}
