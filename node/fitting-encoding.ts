/** Which numbers of shares fit a grid of so many servers. */
import {
  assert,
  HAPPY_SERVERS_DEFAULT,
  NEEDED_SHARES_DEFAULT,
  TOTAL_SHARES_DEFAULT,
  TOTAL_SHARES_MAX,
} from '#crypto'

/** k, h and n of a put; 1 <= needed <= happy <= total <= 255. */
export interface ShareNumbers {
  readonly neededShares: number
  readonly happyServers: number
  readonly totalShares: number
}

/** 3 of 10, and 7 servers at least: storage of 3.3 times the file, and any 7 of 10 servers may be lost. */
export const SHARE_NUMBERS_DEFAULT: ShareNumbers = Object.freeze({
  neededShares: NEEDED_SHARES_DEFAULT,
  happyServers: HAPPY_SERVERS_DEFAULT,
  totalShares: TOTAL_SHARES_DEFAULT,
})

/**
 * One share for each server, in the proportions of the default. More servers than its n change nothing: more shares
 * are a choice, not a need.
 */
export function fittingNumbers(serverCount: number): ShareNumbers {
  assert(Number.isInteger(serverCount) && serverCount >= 1, 'a grid that is fitted has a server')
  if (serverCount >= TOTAL_SHARES_DEFAULT) return SHARE_NUMBERS_DEFAULT
  const totalShares = Math.min(serverCount, TOTAL_SHARES_MAX)
  const neededShares = Math.max(1, Math.round(totalShares * (NEEDED_SHARES_DEFAULT / TOTAL_SHARES_DEFAULT)))
  const proportionate = Math.round(totalShares * (HAPPY_SERVERS_DEFAULT / TOTAL_SHARES_DEFAULT))
  // With happy = needed the loss of one server could be the loss of the file.
  const happyServers = Math.min(totalShares, Math.max(neededShares + 1, proportionate))
  return { neededShares, happyServers, totalShares }
}

/** What the numbers survive when every share has a server of its own, in words for a person. */
export function survivalOf({ neededShares, totalShares }: ShareNumbers): string {
  const spare = totalShares - neededShares
  const cost = `${(totalShares / neededShares).toFixed(1)} times the space of the file`
  if (spare === 0) return `no server may be lost, at ${cost}`
  return `any ${spare} of ${totalShares} servers may be lost, at ${cost}`
}
