/**
 * One file on one grid, year after year, event by event: servers and places that are lost, servers that are off and
 * come back, and a keeper that comes by and makes shares again.
 *
 * It shares no code with node/durability, whose formulas it judges. It also does what the formulas leave out: a keeper
 * cannot tell a server that is off from one that is lost, and puts a second share on a server when there is no other.
 */
import type { SimRandom } from './sim-random.ts'

export interface SimulatedServer {
  /** Undefined: lost and off with nobody else. */
  readonly owner?: string | undefined
  readonly site?: string | undefined
  /** All causes together. */
  readonly lossesPerYear: number
  readonly availability: number
  /** Shares at the start; 0: a spare server. */
  readonly shareCount: number
}

export interface SimulatedGrid {
  readonly servers: readonly SimulatedServer[]
  readonly neededShares: number
  /** Of the losses of a server, what takes the whole site, or the whole owner. */
  readonly siteFraction: number
  readonly ownerFraction: number
  /** Mean of a time off. */
  readonly outageDays: number
  /** Infinity: nobody looks. */
  readonly roundDays: number
  readonly patienceDays: number
  /** Shares are made again when more than such a part of the spare ones is gone. */
  readonly waitFraction: number
}

const YEAR_DAYS = 365.25

type Happening =
  | { readonly day: number; readonly kind: 'lost' | 'off' | 'on'; readonly server: number }
  | { readonly day: number; readonly kind: 'round' }

/** Years in which the file was lost, of so many, each begun anew. */
export function countLosses(grid: SimulatedGrid, years: number, random: SimRandom): number {
  let losses = 0
  for (let year = 0; year < years; year += 1) if (isLostInYear(grid, random)) losses += 1
  return losses
}

function isLostInYear(grid: SimulatedGrid, random: SimRandom): boolean {
  const state = new FileState(grid)
  for (const happening of drawYear(grid, random)) {
    if (happening.kind === 'round') state.repair(happening.day)
    else if (happening.kind === 'on') state.comeBack(happening.server)
    else if (happening.kind === 'off') state.goOff(happening.server, happening.day)
    else {
      state.lose(happening.server, happening.day)
      if (state.isLost()) return true
    }
  }
  return false
}

function drawYear(grid: SimulatedGrid, random: SimRandom): readonly Happening[] {
  const happenings: Happening[] = []
  const ownerDays = new Map<string, number>()
  const siteDays = new Map<string, number>()
  const shared = (days: Map<string, number>, name: string | undefined, perYear: number): number => {
    if (name === undefined) return Number.POSITIVE_INFINITY
    const day = days.get(name) ?? exponential(random, YEAR_DAYS / perYear)
    days.set(name, day)
    return day
  }
  for (const [server, { owner, site, lossesPerYear }] of grid.servers.entries()) {
    const byOwner = owner === undefined ? 0 : grid.ownerFraction * lossesPerYear
    const bySite = site === undefined ? 0 : grid.siteFraction * lossesPerYear
    const day = Math.min(
      exponential(random, YEAR_DAYS / (lossesPerYear - byOwner - bySite)),
      shared(ownerDays, owner, byOwner),
      shared(siteDays, site, bySite),
    )
    if (day < YEAR_DAYS) happenings.push({ day, kind: 'lost', server })
    happenings.push(...timesOff(grid, server, random))
  }
  if (Number.isFinite(grid.roundDays)) {
    const first = grid.roundDays * random.fraction()
    for (let day = first; day < YEAR_DAYS; day += grid.roundDays) happenings.push({ day, kind: 'round' })
  }
  return happenings.sort((left, right) => left.day - right.day)
}

/** Times off of one server, on its own; the mean time on follows from its availability. */
function timesOff(grid: SimulatedGrid, server: number, random: SimRandom): readonly Happening[] {
  const availability = grid.servers[server]?.availability ?? 1
  if (availability >= 1) return []
  const happenings: Happening[] = []
  const onDays = (grid.outageDays * availability) / (1 - availability)
  let isOn = random.fraction() < availability
  if (!isOn) happenings.push({ day: 0, kind: 'off', server })
  let day = 0
  while (day < YEAR_DAYS) {
    day += exponential(random, isOn ? onDays : grid.outageDays)
    isOn = !isOn
    happenings.push({ day, kind: isOn ? 'on' : 'off', server })
  }
  return happenings
}

function exponential(random: SimRandom, mean: number): number {
  return -mean * Math.log(1 - random.fraction())
}

interface ServerState {
  isLost: boolean
  isOff: boolean
  /** Since when it does not answer; undefined while it does. */
  silentSinceDay: number | undefined
  readonly shares: Set<number>
}

class FileState {
  readonly #grid: SimulatedGrid
  readonly #servers: readonly ServerState[]
  readonly #totalShares: number

  constructor(grid: SimulatedGrid) {
    this.#grid = grid
    let next = 0
    this.#servers = grid.servers.map(({ shareCount }) => ({
      isLost: false,
      isOff: false,
      silentSinceDay: undefined,
      shares: new Set(Array.from({ length: shareCount }, () => next++)),
    }))
    this.#totalShares = next
  }

  lose(server: number, day: number): void {
    const state = this.#state(server)
    state.isLost = true
    state.silentSinceDay ??= day
  }

  goOff(server: number, day: number): void {
    const state = this.#state(server)
    state.isOff = true
    state.silentSinceDay ??= day
  }

  comeBack(server: number): void {
    const state = this.#state(server)
    state.isOff = false
    if (!state.isLost) state.silentSinceDay = undefined
  }

  isLost(): boolean {
    return this.#sharesOf(({ isLost }) => !isLost).size < this.#grid.neededShares
  }

  /** What is on no server that answers, or has answered not long ago, is made again if k shares answer. */
  repair(day: number): void {
    const isLate = ({ silentSinceDay, shares }: ServerState): boolean =>
      silentSinceDay !== undefined && day - silentSinceDay >= this.#grid.patienceDays && shares.size > 0
    if (!this.#servers.some(isLate)) return
    const answering = this.#servers.filter(({ silentSinceDay }) => silentSinceDay === undefined)
    if (this.#sharesOf(({ silentSinceDay }) => silentSinceDay === undefined).size < this.#grid.neededShares)
      return
    const countedOn = this.#sharesOf(
      ({ silentSinceDay }) => silentSinceDay === undefined || day - silentSinceDay < this.#grid.patienceDays,
    )
    const { waitFraction, neededShares } = this.#grid
    if (countedOn.size >= this.#totalShares - waitFraction * (this.#totalShares - neededShares)) return
    for (let share = 0; share < this.#totalShares; share += 1) {
      if (countedOn.has(share)) continue
      let best: ServerState | undefined
      for (const state of answering) {
        if (best === undefined || state.shares.size < best.shares.size) best = state
      }
      best?.shares.add(share)
    }
  }

  #sharesOf(isCounted: (state: ServerState) => boolean): ReadonlySet<number> {
    const found = new Set<number>()
    for (const state of this.#servers)
      if (isCounted(state)) for (const share of state.shares) found.add(share)
    return found
  }

  #state(server: number): ServerState {
    const state = this.#servers[server]
    if (state === undefined) throw new Error(`no server ${server}`)
    return state
  }
}
