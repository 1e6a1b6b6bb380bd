/**
 * The servers a node knows, by their latest valid announcements (PROTOCOL §6.2), and on a grid of members what it knows
 * of these (§12.3). In memory; roster-file.ts keeps it between runs.
 */
import {
  compareBytes,
  decodeFields,
  IntegrityError,
  InvalidInputError,
  type StorageIndex,
  TAGS,
  taggedHash,
} from '#crypto'
import {
  ANNOUNCEMENT_AHEAD_MAX_SECONDS,
  ANNOUNCEMENT_LIFETIME_MAX_SECONDS,
  ROSTER_COMPARED_MAX,
  ROSTER_ENTRIES_MAX,
  ROSTER_GIVEN_BYTES_MAX,
} from '../limits.ts'
import { ROLE_SERVER } from '../membership/certificate.ts'
import { parseChain } from '../membership/chain.ts'
import { readExpulsion } from '../membership/expulsion.ts'
import type { MemberRecords, RosterItem } from '../membership/member-records.ts'
import type { Clock, PeerId } from '../platform/platform.ts'
import { type Announcement, readAnnouncement } from './announcement.ts'

/**
 * What became of an entry. `expelled`: added, and somebody is a member no more. `forged`: malformed, or not signed by
 * whom it names; no honest peer passes that on. `stale`: expired, or no newer than what is known. `refused`: too far in
 * the future, a stranger that is no server, the roster is full, or not of a member of this grid.
 */
export type AddOutcome = 'added' | 'expelled' | 'stale' | 'refused' | 'forged'

/** One page of what a node knows: every entry with a key from `from` on, up to and not including `until`. */
export interface RosterPage {
  readonly from: Uint8Array
  /** undefined: to the end. */
  readonly until: Uint8Array | undefined
  readonly entries: readonly { readonly key: Uint8Array; readonly sequence: number }[]
}

/** Of a byte string of up to ANNOUNCEMENT_MAX_BYTES. */
const CBOR_BYTES_HEAD_MAX = 3

/** Of a signature, which an announcement ends with: enough to tell one from another. */
const MARK_SIZE_BYTES = 16

export class Roster {
  readonly #clock: Pick<Clock, 'now'>
  readonly #entriesMax: number
  readonly #records: MemberRecords | undefined
  readonly #known = new Map<PeerId, Announcement>()
  /** Ends of the entries that were added. */
  readonly #marks = new Set<string>()
  /** Sorted by public key; rebuilt when something was added or expired. */
  #sorted: readonly Announcement[] | undefined

  /**
   * @param options.entriesMax for tests; a roster takes no strangers beyond it
   * @param options.records of a grid of members: servers need a certificate; undefined: an open grid
   */
  constructor(
    clock: Pick<Clock, 'now'>,
    options: { readonly entriesMax?: number; readonly records?: MemberRecords | undefined } = {},
  ) {
    this.#clock = clock
    this.#entriesMax = options.entriesMax ?? ROSTER_ENTRIES_MAX
    this.#records = options.records
  }

  get size(): number {
    return this.#known.size
  }

  /** Takes an entry from anyone: it is verified, unless it is no news. */
  add(bytes: Uint8Array): AddOutcome {
    // The same one comes from many sides: by far the most are known by their signature without being read.
    const mark = keyText(bytes.subarray(-MARK_SIZE_BYTES))
    if (this.#marks.has(mark)) return 'stale'
    try {
      const outcome = this.#addRead(bytes)
      if (outcome === 'added' || outcome === 'expelled') this.#marks.add(mark)
      if (this.#marks.size > 2 * ROSTER_ENTRIES_MAX) this.#marks.clear()
      return outcome
    } catch (error) {
      if (error instanceof InvalidInputError || error instanceof IntegrityError) return 'forged'
      throw error
    }
  }

  #addRead(bytes: Uint8Array): AddOutcome {
    const record = this.#records && addRecord(this.#records, bytes)
    if (record === 'expelled') this.#dropExpired()
    if (record !== undefined) return record
    const read = readAnnouncement(bytes)
    if (read.sequence <= (this.#known.get(read.peerId)?.sequence ?? -1)) return 'stale'
    return this.#keep(read.verify())
  }

  get(peer: PeerId): Announcement | undefined {
    const found = this.#known.get(peer)
    return found === undefined || this.#isExpired(found) ? undefined : found
  }

  /** Everything that is told to others, servers and records of members, by key. */
  items(): readonly RosterItem[] {
    const servers = this.all().map(({ publicKey, sequence, bytes }) => ({ key: publicKey, sequence, bytes }))
    if (this.#records === undefined) return servers
    return [...servers, ...this.#records.items()].sort((left, right) => compareBytes(left.key, right.key))
  }

  addressesOf(peer: PeerId): readonly string[] {
    return this.get(peer)?.addresses ?? []
  }

  /** Everyone heard of and not expired, by public key. */
  all(): readonly Announcement[] {
    const isCurrent = this.#sorted?.every((announcement) => !this.#isExpired(announcement)) ?? false
    if (this.#sorted !== undefined && isCurrent) return this.#sorted
    this.#dropExpired()
    this.#sorted = [...this.#known.values()].sort((left, right) =>
      compareBytes(left.publicKey, right.publicKey),
    )
    return this.#sorted
  }

  /** Those that take shares, in the order of one file: each node that knows the same servers finds the same order. */
  ring(storageIndex: StorageIndex): readonly Announcement[] {
    return this.all()
      .filter(({ isServer }) => isServer)
      .map((announcement) => ({
        announcement,
        place: taggedHash(TAGS.ring, storageIndex, announcement.publicKey),
      }))
      .sort((left, right) => compareBytes(left.place, right.place))
      .map(({ announcement }) => announcement)
  }

  /** The page that begins at a key; `until` of one page is `from` of the next. */
  page(from: Uint8Array): RosterPage {
    const rest = this.items().filter(({ key }) => compareBytes(key, from) >= 0)
    const entries = rest.slice(0, ROSTER_COMPARED_MAX).map(({ key, sequence }) => ({ key, sequence }))
    return { from, until: rest[ROSTER_COMPARED_MAX]?.key, entries }
  }

  /** What stands under these keys, as it travels. */
  bytesOf(keys: readonly Uint8Array[]): readonly Uint8Array[] {
    const wanted = new Set(keys.map(keyText))
    return this.items()
      .filter(({ key }) => wanted.has(keyText(key)))
      .map(({ bytes }) => bytes)
  }

  /**
   * What we know better than the sender of a page, and which of its keys it knows better than we.
   *
   * @returns as many entries as one message takes, and where to go on if there are more
   */
  compare(page: RosterPage): {
    readonly newer: readonly Uint8Array[]
    readonly wanted: readonly Uint8Array[]
    readonly next: Uint8Array | undefined
  } {
    const ours = this.items().filter(
      ({ key }) =>
        compareBytes(key, page.from) >= 0 && (page.until === undefined || compareBytes(key, page.until) < 0),
    )
    const theirs = new Map(page.entries.map(({ key, sequence }) => [keyText(key), sequence]))
    const better = ours.filter(({ key, sequence }) => sequence > (theirs.get(keyText(key)) ?? -1))
    let sizeBytes = 0
    const given = better.filter(({ bytes }) => {
      sizeBytes += bytes.length + CBOR_BYTES_HEAD_MAX
      return sizeBytes <= ROSTER_GIVEN_BYTES_MAX
    })
    const newer = given.map(({ bytes }) => bytes)
    const next = better[given.length]?.key
    const known = new Map(ours.map(({ key, sequence }) => [keyText(key), sequence]))
    const wanted = page.entries
      .filter(({ key, sequence }) => sequence > (known.get(keyText(key)) ?? -1))
      .map(({ key }) => key)
    return { newer, wanted, next }
  }

  #keep(announcement: Announcement): AddOutcome {
    const nowSeconds = this.#clock.now() / 1000
    if (announcement.expiresAtSeconds <= nowSeconds) return 'stale'
    if (!this.#isOfMember(announcement)) return 'refused'
    const { expiresAtSeconds, sequence, peerId } = announcement
    if (expiresAtSeconds > nowSeconds + ANNOUNCEMENT_LIFETIME_MAX_SECONDS) return 'refused'
    if (sequence / 1000 > nowSeconds + ANNOUNCEMENT_AHEAD_MAX_SECONDS) return 'refused'
    // A server we know may say that it is none any more; others have nothing to announce.
    if (!announcement.isServer && !this.#known.has(peerId)) return 'refused'
    if (!this.#known.has(peerId) && this.#known.size >= this.#entriesMax) {
      this.#dropExpired()
      // Those we know stay: a flood of new names cannot push out the servers that hold our shares.
      if (this.#known.size >= this.#entriesMax) return 'refused'
    }
    this.#known.set(peerId, announcement)
    this.#sorted = undefined
    return 'added'
  }

  /** It, or the certificate of its server. */
  #isExpired({ expiresAtSeconds, chain }: Announcement): boolean {
    if (expiresAtSeconds * 1000 <= this.#clock.now()) return true
    return chain !== undefined && this.#records?.isOver(chain) === true
  }

  /** On a grid of members: of a server in good standing. On an open one: without certificates. */
  #isOfMember({ chain }: Announcement): boolean {
    if (this.#records === undefined || chain === undefined)
      return this.#records === undefined && chain === undefined
    return chain.own.roles.includes(ROLE_SERVER) && this.#records.problemWith(chain) === undefined
  }

  #dropExpired(): void {
    for (const [peer, announcement] of this.#known) {
      if (this.#isExpired(announcement) || !this.#isOfMember(announcement)) this.#known.delete(peer)
    }
    this.#sorted = undefined
  }
}

/** Undefined: it is neither a member nor an expulsion, so it must be an announcement. */
function addRecord(records: MemberRecords, bytes: Uint8Array): AddOutcome | undefined {
  const fields = decodeFields(bytes, 'roster entry')
  if (fields.has('body')) return undefined
  if (!fields.has('expulsion')) return records.addMember(parseChain(bytes), new Uint8Array(bytes))
  const outcome = records.addExpulsion(readExpulsion(bytes))
  return outcome === 'added' ? 'expelled' : outcome
}

function keyText(key: Uint8Array): string {
  return String.fromCharCode(...key)
}
