/**
 * What follows from the answers of servers that may lie, lag or vanish: arithmetic without I/O (PROTOCOL §9).
 *
 * Of N replicas up to f may do as they like. Any two quorums share at least f + 1 servers, so at least one honest one:
 * whoever hears a quorum hears of every record that a quorum took (a dissemination quorum system; Malkhi and Reiter,
 * Byzantine Quorum Systems, 1998). A server never replaces a record by another of the same sequence. So once a quorum
 * has shown which record of a sequence each of them holds, no other record of that sequence can succeed any more.
 */
import { compareBytes, equalBytes, type SlotRecord } from '#crypto'

export interface QuorumSize {
  /** N: servers that a record is meant to be on. */
  readonly replicas: number
  /** f: so many of them may do as they like. */
  readonly faulty: number
  /** q: so many must take part in a read or a write. */
  readonly quorum: number
}

/** @param replicas at least 1 */
export function quorumOf(replicas: number): QuorumSize {
  const faulty = Math.floor((replicas - 1) / 3)
  return { replicas, faulty, quorum: Math.ceil((replicas + faulty + 1) / 2) }
}

/** What identifies a record among the valid ones of a slot. */
export type RecordPlace = Pick<SlotRecord, 'sequence' | 'hash'>

export interface Judgement<Place extends RecordPlace> {
  /** Replicas that answered. */
  readonly answeredCount: number
  /** The highest found; 0 if there is no record. */
  readonly sequence: number
  /**
   * All records of that sequence, the one that holds first: it is on most replicas, and of several such has the highest
   * hash. So it may have succeeded if any may, and to bring it to the others is the shortest way to a decision.
   */
  readonly heads: readonly Place[]
  /** The heads beside the first that must not be lost: those that may have succeeded; if none may, all. */
  readonly rivals: readonly Place[]
  /** Replicas that hold the first head; if there is no record, replicas that answered so. */
  readonly heldCount: number
  /** A quorum holds the first head, or has no record: nothing else of that sequence can succeed. */
  readonly isSettled: boolean
  /** A quorum has shown which record of that sequence it holds: one that is not among the heads cannot succeed. */
  readonly isFrozen: boolean
  /** Some head may still come to be on a quorum. */
  readonly canSettle: boolean
}

/**
 * @param held what each replica holds that answered; undefined: no record
 * @param elsewhere records that were found on servers which are no replicas
 */
export function judge<Place extends RecordPlace>(
  size: QuorumSize,
  held: readonly (Place | undefined)[],
  elsewhere: readonly Place[] = [],
): Judgement<Place> {
  const sequence = [...held, ...elsewhere].reduce((most, place) => Math.max(most, place?.sequence ?? 0), 0)
  const votes = held.filter((place) => (place?.sequence ?? 0) === sequence)
  const isFrozen = votes.length >= size.quorum
  const shared = { answeredCount: held.length, sequence, isFrozen }
  if (sequence === 0) {
    return { ...shared, heads: [], rivals: [], heldCount: votes.length, isSettled: isFrozen, canSettle: true }
  }
  const undecidedCount = size.replicas - votes.length
  const counted = countHeads([...votes, ...elsewhere], sequence).map(({ head }) => {
    const count = votes.filter((vote) => vote !== undefined && isSame(vote, head)).length
    return { head, count, mayHaveSucceeded: count + undecidedCount + size.faulty >= size.quorum }
  })
  counted.sort((left, right) => right.count - left.count || compareBytes(right.head.hash, left.head.hash))
  const [first, ...others] = counted
  const rivals = first?.mayHaveSucceeded === true ? others.filter((each) => each.mayHaveSucceeded) : others
  const heldCount = first?.count ?? 0
  return {
    ...shared,
    heads: counted.map(({ head }) => head),
    rivals: rivals.map(({ head }) => head),
    heldCount,
    isSettled: heldCount >= size.quorum,
    canSettle: heldCount + undecidedCount >= size.quorum,
  }
}

export function isSame(left: RecordPlace, right: RecordPlace): boolean {
  return left.sequence === right.sequence && equalBytes(left.hash, right.hash)
}

/** Each record of that sequence once. */
function countHeads<Place extends RecordPlace>(
  places: readonly (Place | undefined)[],
  sequence: number,
): readonly { readonly head: Place }[] {
  const heads: { readonly head: Place }[] = []
  for (const place of places) {
    if (place?.sequence !== sequence || heads.some(({ head }) => isSame(head, place))) continue
    heads.push({ head: place })
  }
  return heads
}
