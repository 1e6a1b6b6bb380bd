/**
 * Where contents are cut into blobs: by what stands there, under the key of the repository (FORMAT §18.2).
 *
 * A rolling hash over 32 bytes under a secret table proposes places. For each, a PRF of the 64 bytes before it says
 * whether the blob ends on its account, and how far behind it, so that where blobs end shows next to nothing of the
 * rolling hash. `cutPlainly` is the definition; ContentCutter gives the same, however the content is split into
 * buffers.
 */
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { concat, concatAll, utf8 } from '../bytes.ts'
import { assert } from '../errors.ts'
import { type CutKey, HASH_SIZE_BYTES, taggedHmac } from '../hash.ts'
import { TAGS } from '../tags.ts'

/** The rolling hash forgets a byte when it has been shifted 32 times. */
const ROLLING_BYTES = 32
/** What the PRF is of. */
const CUT_WINDOW_BYTES = 64
const TABLE_WORDS = 256
const WORDS_AN_ANSWER = 8

export interface CutSizes {
  /** No blob but the last of a content is smaller. At least CUT_WINDOW_BYTES. */
  readonly leastBytes: number
  /** No blob is larger. */
  readonly mostBytes: number
  /** One place in 2^bits is proposed. */
  readonly proposalBits: number
  /** One proposal in so many is confirmed. */
  readonly confirmedOneIn: number
  /** A confirmed place moves the end of the blob by 0 to 2^bits - 1 bytes. */
  readonly spreadBits: number
}

/** Of files: 1 MiB on average. */
export const DATA_CUT_SIZES: CutSizes = Object.freeze({
  leastBytes: 256 * 1024,
  mostBytes: 4 * 1024 * 1024,
  proposalBits: 13,
  confirmedOneIn: 92,
  spreadBits: 16,
})

/** Of trees: 128 KiB on average, as one changed entry makes a blob new. */
export const TREE_CUT_SIZES: CutSizes = Object.freeze({
  leastBytes: 32 * 1024,
  mostBytes: 512 * 1024,
  proposalBits: 10,
  confirmedOneIn: 92,
  spreadBits: 13,
})

interface CutRule {
  /** Words of the rolling hash, as V8 adds them: signed. */
  readonly table: Int32Array
  /** How many bytes behind a proposed place the blob ends; undefined: not on its account. */
  judge(window: Uint8Array): number | undefined
}

function cutRule(cutKey: CutKey, { confirmedOneIn, spreadBits }: CutSizes): CutRule {
  const table = new Int32Array(TABLE_WORDS)
  for (let part = 0; part < TABLE_WORDS / WORDS_AN_ANSWER; part += 1) {
    const words = viewOf(taggedHmac(cutKey, TAGS.cutTable, Uint8Array.of(part)))
    for (let word = 0; word < WORDS_AN_ANSWER; word += 1) {
      table[part * WORDS_AN_ANSWER + word] = words.getInt32(4 * word)
    }
  }
  // One key for many windows: what it begins with is hashed once, and nothing is allocated for a window.
  const keyed = hmac.create(sha256, cutKey)
  keyed.update(concat(Uint8Array.of(TAGS.cutPlace.length), utf8(TAGS.cutPlace)))
  const scratch = keyed.clone()
  const answer = new Uint8Array(HASH_SIZE_BYTES)
  const words = viewOf(answer)
  const confirmedBelow = Math.floor(2 ** 32 / confirmedOneIn)
  return {
    table,
    judge(window) {
      keyed._cloneInto(scratch).update(window).digestInto(answer)
      return words.getUint32(0) < confirmedBelow ? words.getUint32(4) >>> (32 - spreadBits) : undefined
    },
  }
}

function rolled(hash: number, table: Int32Array, byte = 0): number {
  return ((hash << 1) + (table[byte] ?? 0)) | 0
}

/** Most windows differ in their first byte, so this is not `equalBytes`. */
function isSame(left: Uint8Array, right: Uint8Array): boolean {
  for (let index = 0; index < CUT_WINDOW_BYTES; index += 1) if (left[index] !== right[index]) return false
  return true
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/**
 * The definition, for contents that are held whole.
 *
 * @returns the sizes of the blobs, in order; none if there are no bytes
 */
export function cutPlainly(cutKey: CutKey, content: Uint8Array, sizes: CutSizes): readonly number[] {
  const rule = cutRule(cutKey, sizes)
  const found: number[] = []
  for (let start = 0; start < content.length; ) {
    const size = firstSize(rule, content.subarray(start), sizes)
    found.push(size)
    start += size
  }
  return found
}

function firstSize({ table, judge }: CutRule, rest: Uint8Array, sizes: CutSizes): number {
  const { leastBytes, proposalBits } = sizes
  const most = Math.min(rest.length, sizes.mostBytes)
  for (let place = leastBytes; place <= most; place += 1) {
    let hash = 0
    for (const byte of rest.subarray(place - ROLLING_BYTES, place)) hash = rolled(hash, table, byte)
    if (hash >>> (32 - proposalBits) !== 0) continue
    const behind = judge(rest.subarray(place - CUT_WINDOW_BYTES, place))
    if (behind !== undefined) return Math.min(place + behind, most)
  }
  return most
}

/** Goes through one content after the other. Bytes are only read, and not kept beyond the call. */
export class ContentCutter {
  readonly #rule: CutRule
  readonly #sizes: CutSizes
  /** The last bytes of the blob before the buffer at hand, as many as a window looks back. */
  readonly #tail = new Uint8Array(CUT_WINDOW_BYTES)
  readonly #window = new Uint8Array(CUT_WINDOW_BYTES)
  readonly #judged = new Uint8Array(CUT_WINDOW_BYTES)
  /** Of the window in #judged. */
  #judgement: number | undefined
  /** The bits that are zero at a proposed place. */
  readonly #mask: number
  #hash = 0
  /** Bytes of the blob so far. */
  #sizeBytes = 0
  /** Where it ends at the latest; once a place is confirmed, where it ends. */
  #endBytes: number
  #isDecided = false

  constructor(cutKey: CutKey, sizes: CutSizes = DATA_CUT_SIZES) {
    const { leastBytes, mostBytes, proposalBits, confirmedOneIn, spreadBits } = sizes
    assert(
      leastBytes >= CUT_WINDOW_BYTES && mostBytes >= leastBytes,
      'sizes of blobs leave room for a window',
    )
    assert(proposalBits >= 1 && proposalBits <= 31, 'a proposal looks at 1 to 31 bits')
    assert(spreadBits >= 1 && spreadBits <= 31, 'a spread has 1 to 31 bits')
    assert(confirmedOneIn >= 1, 'no more places are confirmed than proposed')
    this.#sizes = sizes
    this.#rule = cutRule(cutKey, sizes)
    this.#judge(this.#judged)
    this.#mask = -1 << (32 - proposalBits)
    this.#endBytes = mostBytes
  }

  /** Forget what was read: what comes next is a new content. */
  restart(): void {
    this.#hash = 0
    this.#sizeBytes = 0
    this.#endBytes = this.#sizes.mostBytes
    this.#isDecided = false
  }

  /**
   * Read on.
   *
   * @returns how many of the bytes belong to the blob, if it ends within them or with the last of them; then go on with
   * those after. Undefined if it goes on. The last blob of a content ends with the content.
   */
  next(bytes: Uint8Array): number | undefined {
    const before = this.#sizeBytes
    if (!this.#isDecided) this.#scan(bytes)
    if (before + bytes.length >= this.#endBytes) {
      const size = this.#endBytes - before
      this.restart()
      return size
    }
    this.#sizeBytes = before + bytes.length
    this.#keepTail(bytes)
    return undefined
  }

  /** Look for a place that is confirmed, in as much of the bytes as may belong to the blob. */
  #scan(bytes: Uint8Array): void {
    const { leastBytes } = this.#sizes
    const before = this.#sizeBytes
    const end = Math.min(bytes.length, this.#endBytes - before)
    const firstPlace = Math.max(0, leastBytes - 1 - before)
    const { table } = this.#rule
    for (
      let index = Math.max(0, leastBytes - ROLLING_BYTES - before);
      index < Math.min(end, firstPlace);
      index += 1
    ) {
      this.#hash = rolled(this.#hash, table, bytes[index])
    }
    let place = this.#nextProposal(bytes, firstPlace, end)
    for (let last = 0; place !== undefined; ) {
      const window = this.#windowBefore(bytes, place)
      const comesAgain = isSame(window, this.#judged)
      if (!comesAgain) this.#judge(window)
      if (this.#judgement !== undefined) {
        this.#endBytes = Math.min(before + place + this.#judgement, this.#endBytes)
        this.#isDecided = true
        return
      }
      const from = comesAgain && last > 0 ? this.#afterPeriod(bytes, { place, last, end }) : place
      last = place
      place = this.#nextProposal(bytes, from, end)
    }
  }

  #judge(window: Uint8Array): void {
    this.#judgement = this.#rule.judge(window)
    this.#judged.set(window)
  }

  /**
   * The window before a place is that before an earlier one, so as long as each byte is that of as far before, so is
   * the window before each place, and none of those was confirmed. Without this a run of one byte, or of a short
   * pattern, that has an unlucky hash would take 3 us for each of its places.
   *
   * @returns from where on bytes are to be looked at again, with the hash rolled up to there
   */
  #afterPeriod(
    bytes: Uint8Array,
    { place, last, end }: { readonly place: number; readonly last: number; readonly end: number },
  ): number {
    const period = place - last
    let from = place
    while (from < end && bytes[from] === bytes[from - period]) from += 1
    // Of fewer bytes than these the hash is not known here; then it is that of the place.
    if (from < place + ROLLING_BYTES) return place
    let hash = 0
    for (let index = from - ROLLING_BYTES; index < from; index += 1) {
      hash = rolled(hash, this.#rule.table, bytes[index])
    }
    this.#hash = hash
    return from
  }

  /** Roll over the bytes from start up to a place that is proposed; if there is none, up to end. */
  #nextProposal(bytes: Uint8Array, start: number, end: number): number | undefined {
    const { table } = this.#rule
    const mask = this.#mask
    let hash = this.#hash
    let index = start
    // Four bytes a turn are half again as fast as one. Which of them it was, the loop below finds.
    for (const last = end - 3; index < last; index += 4) {
      const first = rolled(hash, table, bytes[index])
      const second = rolled(first, table, bytes[index + 1])
      const third = rolled(second, table, bytes[index + 2])
      const fourth = rolled(third, table, bytes[index + 3])
      if ((first & mask) === 0 || (second & mask) === 0 || (third & mask) === 0 || (fourth & mask) === 0)
        break
      hash = fourth
    }
    for (; index < end; index += 1) {
      hash = rolled(hash, table, bytes[index])
      if ((hash & mask) === 0) {
        this.#hash = hash
        return index + 1
      }
    }
    this.#hash = hash
    return undefined
  }

  #windowBefore(bytes: Uint8Array, end: number): Uint8Array {
    if (end >= CUT_WINDOW_BYTES) return bytes.subarray(end - CUT_WINDOW_BYTES, end)
    this.#window.set(this.#tail.subarray(end))
    this.#window.set(bytes.subarray(0, end), CUT_WINDOW_BYTES - end)
    return this.#window
  }

  #keepTail(bytes: Uint8Array): void {
    if (bytes.length >= CUT_WINDOW_BYTES) {
      this.#tail.set(bytes.subarray(bytes.length - CUT_WINDOW_BYTES))
      return
    }
    this.#tail.copyWithin(0, bytes.length)
    this.#tail.set(bytes, CUT_WINDOW_BYTES - bytes.length)
  }
}

/**
 * The blobs of a content, in buffers of their own. Holds one blob, and one buffer of the source, at a time.
 *
 * @param source its buffers must not change until the next but one blob is asked for; empty ones are passed over
 */
export async function* cutContent(
  cutter: ContentCutter,
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  cutter.restart()
  let parts: Uint8Array[] = []
  for await (const buffer of source) {
    let rest = buffer
    while (rest.length > 0) {
      const end = cutter.next(rest)
      parts.push(end === undefined ? rest : rest.subarray(0, end))
      if (end === undefined) break
      yield concatAll(parts)
      parts = []
      rest = rest.subarray(end)
    }
  }
  if (parts.length > 0) yield concatAll(parts)
}
