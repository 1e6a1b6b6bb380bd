/**
 * Giving up what no snapshot needs, beside backups and other prunes, and so that it may be killed at any step.
 *
 * What is needed is marked; packs that are mostly waste are repacked; then packs are taken out of `data/` in two steps.
 * First they are only called `freeing`, under a name of this prune. Then `snapshots/` and `data/` are read again: a
 * snapshot that was announced meanwhile has what it needs put back, and so has this prune itself, if another one took
 * out what it relied on. Only then they are let go of, which leaves a record of where they are while their leases last.
 *
 * Whoever publishes writes its snapshot and then reads `data/`; whoever prunes changes `data/` and then reads
 * `snapshots/`. Slots are linearizable, so at least one of the two sees the other. A prune that dies in between leaves
 * `freeing` packs, which readers still find, and which the next session after a while puts back.
 */
import { GridError, toBase32 } from '#crypto'
import type { GridFiles } from '#gateway'
import { ConflictError, type DirectoryChange } from '#node'
import type { KnownPack } from './blob-index.ts'
import { packsThatCanGo } from './good-copies.ts'
import { formatDataName } from './layout.ts'
import { dropOldRecords, letGo } from './let-go.ts'
import {
  FREEING_MAX_MILLISECONDS,
  KEEP_UNFINISHED_MILLISECONDS,
  PENDING_MAX_MILLISECONDS,
  REPACK_BELOW_SHARE,
} from './limits.ts'
import type { LocalState } from './local-state.ts'
import { Marker } from './mark.ts'
import { type LearnedListing, packLink } from './pack-directory.ts'
import { rewriteIndexes } from './rewrite-indexes.ts'
import type { ListedSnapshot } from './snapshot-directory.ts'
import type { RepositoryPlaces, StoredRepository } from './stored-repository.ts'
import type { Cancel, PruneOptions, PruneReport, PruneStage } from './types.ts'
import type { WriteSession } from './write-session.ts'

const PRUNE_ID_BYTES = 16

export interface PruneParts {
  readonly files: GridFiles
  readonly state: LocalState
  readonly stored: StoredRepository
  readonly session: WriteSession
  readonly places: RepositoryPlaces
  readonly onWarning: (message: string) => void
}

/** What is to become of the packs, once it is known what is needed. */
export interface PrunePlan {
  /** Some of their blobs are needed, and they stay. */
  readonly relied: readonly KnownPack[]
  /** Not needed, and too young to go. */
  readonly kept: readonly KnownPack[]
  /** Needed blobs are put into new packs first, and then they go. */
  readonly repacked: readonly KnownPack[]
  /** Not needed at all. */
  readonly unneeded: readonly KnownPack[]
}

/** What a prune goes by when it looks again. */
interface PruneMemory {
  /** Ids of snapshots whose needs it has marked. */
  readonly known: ReadonlySet<string>
  /** Packs that have what they need. */
  readonly relied: readonly KnownPack[]
}

/** @throws IntegrityError if a snapshot cannot be walked: what it needs is not known, so nothing is taken out */
export async function prune(parts: PruneParts, options: PruneOptions = {}): Promise<PruneReport> {
  const marker = new Marker(parts)
  try {
    return await new Prune(parts, marker, options).run()
  } finally {
    await marker[Symbol.asyncDispose]()
  }
}

class Prune {
  readonly #parts: PruneParts
  readonly #marker: Marker
  readonly #options: PruneOptions
  /** In the names of what this prune takes out, so that no other lets go of it. */
  readonly #pruneId: string
  readonly #startedAt: number

  constructor(parts: PruneParts, marker: Marker, options: PruneOptions) {
    this.#parts = parts
    this.#marker = marker
    this.#options = options
    this.#pruneId = toBase32(parts.state.random.bytes(PRUNE_ID_BYTES))
    this.#startedAt = parts.state.clock.now()
  }

  async run(): Promise<PruneReport> {
    const { stored, session } = this.#parts
    await session.flush()
    // Snapshots first: whatever they refer to was linked before they were announced.
    const listed = await this.#spared(await stored.snapshots.list(this.#options))
    const listing = await stored.data.refresh({ signal: this.#options.signal, firm: true })
    const incomplete = await this.#mark(listed)
    const known = new Set(listed.map(({ id }) => id)).difference(incomplete)
    const plan = this.#plan(listing)
    const report = this.#reportOf(listed, plan)
    if (this.#options.dryRun === true) return report
    const { repacked, filled } = await this.#repack(plan.repacked)
    // A pack that a repack has filled may have been there, as an earlier prune has left it that died.
    const filledNames = new Set(filled.map(({ name }) => name))
    const victims = await this.#thatCanGo(
      [...plan.unneeded, ...repacked].filter(({ name }) => !filledNames.has(name)),
    )
    const victimNames = new Set(victims.map(({ name }) => name))
    const relied = [...plan.relied, ...plan.repacked, ...plan.unneeded, ...filled].filter(
      ({ name }) => !victimNames.has(name),
    )
    const gone = await this.#takeOut(victims, { known, relied })
    return {
      ...report,
      repacked: repacked.length,
      freed: gone.length,
      freedBytes: sizeOf(gone),
      bytesNow: this.#bytesNow(),
    }
  }

  /** Announced so long ago that nobody will confirm them: they are given up, and what they need is not spared. */
  async #spared(listed: readonly ListedSnapshot[]): Promise<readonly ListedSnapshot[]> {
    const isGivenUp = ({ isPending, linkedAtMilliseconds }: ListedSnapshot) =>
      isPending && !this.#isYoung(linkedAtMilliseconds, PENDING_MAX_MILLISECONDS)
    const { snapshots } = this.#parts.stored
    if (this.#options.dryRun !== true) await snapshots.remove(listed.filter(isGivenUp), this.#options)
    return listed.filter((one) => !isGivenUp(one))
  }

  /** @returns those that will have to be looked at again */
  async #mark(listed: readonly ListedSnapshot[]): Promise<ReadonlySet<string>> {
    let done = 0
    const onSnapshot = () => {
      done += 1
      this.#tell('marking', done, listed.length)
    }
    this.#tell('marking', 0, listed.length)
    const incomplete = await this.#marker.mark(listed, { signal: this.#options.signal, onSnapshot })
    if (this.#options.dryRun !== true) await this.#putBackMarked()
    return incomplete
  }

  #plan({ packs }: LearnedListing): PrunePlan {
    const { keepUnfinishedMilliseconds, repackBelow } = this.#options
    const keep = keepUnfinishedMilliseconds ?? KEEP_UNFINISHED_MILLISECONDS
    const plan: Record<keyof PrunePlan, KnownPack[]> = { relied: [], kept: [], repacked: [], unneeded: [] }
    for (const pack of this.#parts.state.index.packs()) {
      const linked = packs.get(pack.name)
      if (linked === undefined) continue
      const { count, storedBytes } = this.#marker.live.of(pack.name)
      const isYoung = this.#isYoung(linked.linkedAtMilliseconds, keep)
      const isWaste = storedBytes < pack.blobsSizeBytes * (repackBelow ?? REPACK_BELOW_SHARE)
      if (count === 0) plan[isYoung ? 'kept' : 'unneeded'].push(pack)
      else plan[isWaste && !isYoung ? 'repacked' : 'relied'].push(pack)
    }
    return plan
  }

  /** Hosts of one owner trust each other; one with a drop-box is not trusted that far. */
  async #thatCanGo(packs: readonly KnownPack[]): Promise<readonly KnownPack[]> {
    if (this.#parts.places.drop === undefined) return packs
    return packsThatCanGo(this.#parts, packs, { signal: this.#options.signal, live: this.#marker.live })
  }

  /** @returns those that can go now, and those that have their blobs; one that cannot be read is left alone */
  async #repack(
    packs: readonly KnownPack[],
  ): Promise<{ readonly repacked: readonly KnownPack[]; readonly filled: readonly KnownPack[] }> {
    const { session } = this.#parts
    const repacked: KnownPack[] = []
    session.takeArrived()
    for (const [place, pack] of packs.entries()) {
      this.#tell('repacking', place, packs.length)
      try {
        await this.#moveBlobs(pack)
        repacked.push(pack)
      } catch (error) {
        if (!(error instanceof GridError)) throw error
        this.#parts.onWarning(`pack ${pack.name} stays as it is: it cannot be repacked (${error.message})`)
      }
    }
    await session.flush()
    return { repacked, filled: session.takeArrived() }
  }

  async #moveBlobs(pack: KnownPack): Promise<void> {
    const { stored, session } = this.#parts
    const { rows } = await stored.data.tableOf(pack.capability, {
      ...this.#options,
      sizeBytes: pack.sizeBytes,
    })
    for (const [row, entry] of rows.entries()) {
      if (!this.#marker.live.has(pack.name, row)) continue
      const place = { ...entry, packNumber: pack.number, row }
      const blob = await stored.blobs.readFrom({ pack, place }, this.#options)
      await session.append(entry, blob.stored)
    }
  }

  /** @returns what was let go of */
  async #takeOut(victims: readonly KnownPack[], before: PruneMemory): Promise<readonly KnownPack[]> {
    const { data } = this.#parts.stored
    this.#tell('freeing', 0, victims.length)
    const metadata = { modifiedAtMilliseconds: this.#parts.state.clock.now() }
    const changes = victims.flatMap(({ name, capability }): DirectoryChange[] => [
      { kind: 'set', name: this.#freeingName(name), capability, metadata, ifExists: 'replace' },
      { kind: 'remove', name: formatDataName({ kind: 'pack', id: name }), ifMissing: 'ignore' },
    ])
    try {
      await data.edit(changes, this.#options)
      await this.#lookAgain(before)
    } catch (error) {
      await this.#undo(victims)
      throw error
    }
    const linked = (pack: KnownPack) => this.#parts.state.index.pack(pack.name)?.state === 'linked'
    const gone = victims.filter((pack) => !linked(pack))
    const freeingName = (name: string) => this.#freeingName(name)
    const onProgress = (done: number) => this.#tell('freeing', done, gone.length)
    await letGo(this.#parts, { ...this.#options, packs: gone, freeingName, onProgress })
    const putBack = victims.filter(linked)
    await data.edit(
      putBack.map(({ name }) => ({ kind: 'remove', name: freeingName(name), ifMissing: 'ignore' })),
      this.#options,
    )
    await rewriteIndexes(this.#parts, this.#options)
    await dropOldRecords(this.#parts, this.#options)
    if (gone.length > 0) await this.#parts.state.index.sweep()
    return gone
  }

  /** After packs were taken out: put back what turns out to be needed, by a new snapshot or by this prune itself. */
  async #lookAgain({ known, relied }: PruneMemory): Promise<void> {
    const { stored, session } = this.#parts
    const firmly = { signal: this.#options.signal, firm: true }
    const fresh = (await stored.snapshots.list(firmly)).filter(({ id }) => !known.has(id))
    const { packs } = await stored.data.refresh(firmly)
    const incomplete = await this.#marker.mark(fresh, this.#options)
    if (incomplete.size > 0) {
      throw new ConflictError('a backup is just being finished: prune again later, and nothing was freed')
    }
    await this.#putBackMarked()
    await session.relink(
      relied.filter(({ name }) => !packs.has(name)),
      this.#options,
    )
  }

  async #putBackMarked(): Promise<void> {
    const { toPutBack } = this.#marker
    const packs = [...toPutBack.values()]
    toPutBack.clear()
    await this.#parts.session.relink(packs, this.#options)
  }

  /** As far as it can be done; what cannot is done by a later session. Not stopped by what stopped the prune. */
  async #undo(victims: readonly KnownPack[]): Promise<void> {
    const { stored, onWarning } = this.#parts
    const changes = victims.flatMap(({ name, capability }): DirectoryChange[] => [
      packLink(name, { capability, linkedAtMilliseconds: this.#startedAt }),
      { kind: 'remove', name: this.#freeingName(name), ifMissing: 'ignore' },
    ])
    try {
      await stored.data.edit(changes)
    } catch (error) {
      if (!(error instanceof GridError)) throw error
      onWarning(`packs that were taken out are put back by a later session (${error.message})`)
    }
  }

  #freeingName(name: string): string {
    return formatDataName({ kind: 'freeing', id: name, pruneId: this.#pruneId })
  }

  #isYoung(sinceMilliseconds: number, keepMilliseconds: number): boolean {
    return keepMilliseconds > 0 && this.#startedAt - sinceMilliseconds < keepMilliseconds
  }

  #reportOf(listed: readonly ListedSnapshot[], plan: PrunePlan): PruneReport {
    const { live } = this.#marker
    const moved = plan.repacked.reduce((sum, { name }) => sum + live.of(name).storedBytes, 0)
    const stay = [...plan.relied, ...plan.kept]
    const go = [...plan.repacked, ...plan.unneeded]
    return {
      snapshots: listed.filter(({ isPending }) => !isPending).length,
      packs: stay.length + go.length,
      kept: plan.kept.length,
      repacked: plan.repacked.length,
      freed: go.length,
      freedBytes: sizeOf(go),
      bytesNow: sizeOf(stay) + moved,
    }
  }

  #bytesNow(): number {
    return sizeOf([...this.#parts.state.index.packs()].filter(({ state }) => state === 'linked'))
  }

  #tell(stage: PruneStage, done: number, total: number): void {
    this.#options.onProgress?.({ stage, done, total })
  }
}

function sizeOf(packs: readonly KnownPack[]): number {
  return packs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}

/**
 * Put back what a prune has taken out that did not end. One that is only slow loses nothing by it.
 *
 * @param listing of just now
 */
export async function undoDeadPrunes(
  { state, stored, onWarning }: Pick<PruneParts, 'state' | 'stored' | 'onWarning'>,
  { freeing, packs }: LearnedListing,
  options: Cancel,
): Promise<void> {
  const now = state.clock.now()
  const dead = freeing.filter(({ linkedAtMilliseconds }) => {
    return Math.abs(now - linkedAtMilliseconds) > FREEING_MAX_MILLISECONDS
  })
  if (dead.length === 0) return
  onWarning(`a prune has not ended: ${dead.length} packs that it took out are put back`)
  const changes = dead.flatMap(({ name, pruneId, capability }): DirectoryChange[] => [
    ...(packs.has(name) ? [] : [packLink(name, { capability, linkedAtMilliseconds: now })]),
    { kind: 'remove', name: formatDataName({ kind: 'freeing', id: name, pruneId }), ifMissing: 'ignore' },
  ])
  await stored.data.edit(changes, options)
  await stored.data.refresh(options)
}
