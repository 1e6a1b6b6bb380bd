/** How safe a root is, as people read it. Pure. */
import { type Advice, type LostPlace, type RootDurability, shortId, type ToldDurability } from '#node'
import { stateBound } from './chance-text.ts'
import { countOf, formatCount, labelled } from './describe.ts'

/** Places named of an event; the others are counted. */
const NAMES_MAX = 4
/** Unreadable at a given moment for more than this part of the time: worth a word. */
const UNREADABLE_LEAST = 1 / 1000

/** What has an alias, and how safe all of it is, or why that is not known. */
export interface ToldRoot {
  readonly name: string
  readonly durability: RootDurability | undefined
  readonly problem: string | undefined
}

/** Lines of `cairn status`. */
export function safetyLines({ put }: ToldDurability): readonly string[] {
  return put === undefined ? [] : labelled('put now', durabilityLines(put))
}

/** Lines of `cairn status --roots`. */
export function rootLines(roots: readonly ToldRoot[]): readonly string[] {
  return roots.flatMap(({ name, durability, problem = 'not known' }) => {
    const [first = problem, ...others] = durability === undefined ? [] : durabilityLines(durability)
    return labelled('root', [`${name}: ${first}`, ...others])
  })
}

/** A short paragraph; its first line says what there is. */
export function durabilityLines(found: RootDurability): readonly string[] {
  const { fileCount, unreadableCount, worst, weakest, isMeasured, unreadable } = found
  if (worst === undefined) return ['nothing in it yet']
  const lines = [worstText(worst, fileCount)]
  if (unreadableCount > 0) {
    lines.push(`${countOf(unreadableCount, 'file')} cannot be read now: fewer shares than needed answer`)
  }
  if (unreadableCount === fileCount) return lines
  lines.push(lossText(found))
  if (isMeasured && unreadable.atMost > UNREADABLE_LEAST) {
    lines.push(
      `chance of not reading ${which(fileCount)} at a given moment: ${stateBound(unreadable.atMost)}`,
    )
  }
  if (weakest !== undefined) {
    const { places, lostFileCount } = weakest
    const together = places.length > 1 ? ', all at once' : ''
    const lost = fileCount === 1 ? '' : ` (${countOf(lostFileCount, 'file')})`
    lines.push(`would lose data: ${placesText(places)} gone for good${together}${lost}`)
  }
  const [best] = found.advice
  if (best !== undefined) lines.push(`better: ${adviceText(best)}`)
  return lines
}

function worstText(worst: NonNullable<RootDurability['worst']>, fileCount: number): string {
  const { foundShares, neededShares, totalShares, serverCount, siteCount } = worst
  const subject =
    worst.fileCount === fileCount
      ? `${countOf(fileCount, 'file')} with`
      : `${countOf(fileCount, 'file')}, the worst ${formatCount(worst.fileCount)} with`
  return (
    `${subject} ${foundShares} of ${totalShares} shares on ${countOf(serverCount, 'server')} ` +
    `in ${countOf(siteCount, 'failure domain')}, ${neededShares} needed`
  )
}

function lossText(found: RootDurability): string {
  const { lossInYear, isRepaired, evidence, isMeasured, fileCount } = found
  const days = countOf(Math.floor(evidence.days), 'day')
  const records =
    evidence.serverCount === 0
      ? 'no records of servers: a daemon, cairn run, makes them'
      : `${days} of records of ${countOf(evidence.serverCount, 'server')}`
  const event = `chance of losing ${which(fileCount)} in a year${isRepaired ? '' : ' if nobody repairs'}`
  const bound = stateBound(lossInYear.atMost)
  if (isMeasured) return `${event}: ${bound} (from ${records})`
  return `${event}: ${bound} by what is usual; not enough measured yet (${records})`
}

function which(fileCount: number): string {
  return fileCount === 1 ? 'it' : 'any'
}

function placesText(places: readonly LostPlace[]): string {
  const names = places.map(({ kind, owner, site, serverIds }) => {
    const [first = ''] = serverIds
    if (kind === 'server') return `server …${shortId(first)}`
    if (kind === 'owner') return `all of ${owner}'s`
    if (owner === '') return `the site ${site}`
    return site === '' ? `${owner}'s` : `${owner}'s at ${site}`
  })
  if (names.length <= 1) return names.join('')
  if (names.length > NAMES_MAX) {
    const shown = NAMES_MAX - 1
    return `${names.slice(0, shown).join(', ')} and ${names.length - shown} more such`
  }
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

function adviceText({ change, lossInYear }: Advice): string {
  const then = stateBound(lossInYear)
  switch (change.kind) {
    case 'repair':
      return `make ${countOf(change.shareCount, 'missing share')} again (cairn repair): ${then}`
    case 'repair-daily':
      return `repaired once a day, by a timer: ${then}`
    case 'add-server':
      return `a server more, of another owner at another site: ${then}`
    case 'lend-more':
      return `more room on ${change.serverIds.map((id) => `…${shortId(id)}`).join(', ')}, full now: ${then}`
    case 'other-numbers': {
      const { neededShares, totalShares, spaceFactor, spaceFactorNow } = change
      const cost = `${spaceFactor.toFixed(1)} times the space in place of ${spaceFactorNow.toFixed(1)}`
      return `stored anew with --needed ${neededShares} --total ${totalShares}, at ${cost}: ${then}`
    }
  }
}
