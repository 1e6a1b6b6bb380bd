/**
 * Put one immutable file: plan -> key -> place -> (segment -> seal -> encode -> hash -> write) -> finish -> capability.
 *
 * Memory is bounded whatever the size of the file: at most `segmentsInFlight` encoded segments wait at each stage.
 *
 * A convergent put of what the grid has already sends only what is missing, and often nothing (already-there.ts).
 */
import {
  assert,
  checkEncoding,
  type EncodedSegment,
  type Encoding,
  fileGeometry,
  fileReadCapability,
  InvalidInputError,
  LITERAL_SIZE_MAX_BYTES,
  literalCapability,
  ManifestBuilder,
  parseManifest,
  shareLayout,
  shortIndex,
} from '#crypto'
import type { FileId, KnownFile } from '../download/locate.ts'
import { ConflictError, NotEnoughSharesError } from '../errors.ts'
import { mapInOrder } from '../flow.ts'
import type { Grid } from '../grid.ts'
import { happiness, type Placement } from '../happiness.ts'
import { giveUpLeases } from '../leases.ts'
import { BLOCK_ANSWER_SECONDS, CONVERGENT_TRIES_MAX, LEASE_DURATION_DEFAULT_SECONDS } from '../limits.ts'
import { regenerateShares } from '../regenerate.ts'
import { segmentsInFlight } from '../transfer-window.ts'
import { findHolders, keepHeld, sharesToSend } from './already-there.ts'
import { SegmentEncoder } from './encode.ts'
import { chooseKeys, type FileKeys, nameWrites, SourceChanged } from './key.ts'
import {
  openOnly,
  type PlacementOutcome,
  type PlacementRequest,
  placeShares,
  requireHappiness,
} from './place.ts'
import { cutSegments, type PlainSegment, SegmentBuffers, type UploadSource } from './segments.ts'
import { type Sent, type Settled, settleUpload } from './settle.ts'
import type { UploadOptions, UploadResult } from './upload-options.ts'
import { ShareSet } from './write.ts'

/**
 * @throws UnhappyError if fewer than h servers can hold the file: nothing was promised, and what was written is
 *   given up; InvalidInputError for an encoding outside the limits; the signal's reason when aborted
 */
export async function uploadFile(
  grid: Grid,
  source: UploadSource,
  options: UploadOptions,
): Promise<UploadResult> {
  const { encoding, happyServers } = options
  checkEncoding(encoding)
  if (!(happyServers >= encoding.neededShares && happyServers <= encoding.totalShares)) {
    throw new InvalidInputError(
      `needed <= happy <= total wanted, found ${encoding.neededShares}, ${happyServers}, ${encoding.totalShares}`,
    )
  }
  if (options.convergenceSecret !== undefined && !source.rereadable) {
    throw new InvalidInputError('a convergent put reads its source twice, which a pipe does not allow')
  }
  const upload = new Upload(grid, source, options)
  for (let tries = 1; ; tries += 1) {
    try {
      return await upload.run()
    } catch (error) {
      if (!(error instanceof SourceChanged)) throw error
      if (tries >= CONVERGENT_TRIES_MAX) {
        throw new ConflictError(`the file changed each of ${tries} times it was read for a convergent put`)
      }
    }
  }
}

class Upload {
  readonly #grid: Grid
  readonly #source: UploadSource
  readonly #options: UploadOptions
  readonly #encoding: Encoding
  readonly #buffers = new SegmentBuffers()

  constructor(grid: Grid, source: UploadSource, options: UploadOptions) {
    this.#grid = grid
    this.#source = source
    this.#options = options
    this.#encoding = options.encoding
  }

  async run(): Promise<UploadResult> {
    const segments = this.#read()
    try {
      const first = (await segments.next()).value
      if (first === undefined) throw new InvalidInputError('the source gave no segment')
      const fileSizeBytes = first.plaintext.length
      if (first.isLast && fileSizeBytes <= LITERAL_SIZE_MAX_BYTES) {
        const capability = literalCapability(first.plaintext)
        return { capability, fileSizeBytes, placements: [], sentShareCount: 0, failures: [] }
      }
      const keys = await chooseKeys(this.#grid, this.#source, this.#options)
      this.#requireServers(keys)
      const encoder = new SegmentEncoder(this.#grid, keys, {
        encoding: this.#encoding,
        buffers: this.#buffers,
      })
      return first.isLast
        ? await this.#uploadWhole(keys, encoder, first)
        : await this.#uploadSegments(keys, encoder, chain(first, segments))
    } finally {
      await segments.return()
    }
  }

  #read(): AsyncGenerator<PlainSegment, void, undefined> {
    const content = abortable(this.#source.open(), this.#options.signal)
    return cutSegments(content, this.#encoding.segmentSizeBytes, this.#buffers)
  }

  /** On a grid of fewer servers than h nothing need be sent to know how it ends. */
  #requireServers({ storageIndex }: FileKeys): void {
    const { happyServers } = this.#options
    const all = this.#grid.ring(storageIndex).map(({ serverId }, shareNumber) => ({ shareNumber, serverId }))
    requireHappiness({ storageIndex, happyServers }, all, [])
  }

  /** A file of one segment: everything is known before anything is sent, so each share goes in one round trip. */
  async #uploadWhole(keys: FileKeys, encoder: SegmentEncoder, segment: PlainSegment): Promise<UploadResult> {
    const fileSizeBytes = segment.plaintext.length
    const encoded = await encoder.encode(segment)
    const builder = new ManifestBuilder(this.#encoding, keys.storageIndex)
    builder.add(encoded)
    const { manifest, root } = builder.finish(fileSizeBytes)
    const { storageIndex } = keys
    const file = { storageIndex, root }
    const there = keys.segmentDigests === undefined ? [] : await this.#keepHeld(file)
    const leaseDurationSeconds = this.#leaseDurationSeconds
    const visible: Placement[] = []
    const sendWhole: PlacementRequest['hand'] = async (share, signal) => {
      const { shareNumber, gridServer } = share
      const block = requireBlock(encoded, shareNumber)
      const whole = { storageIndex, shareNumber, manifest, block, leaseDurationSeconds }
      await gridServer.server.writeWhole(whole, { signal })
      visible.push(share)
      return 0
    }
    try {
      const { open, failures } = await this.#place(keys, there, { sizeBytes: fileSizeBytes, hand: sendWhole })
      const held = await this.#settle(file, { there, sent: open, failures })
      this.#tell(fileSizeBytes, failures.length)
      return { capability: fileReadCapability(keys.readKey, root), fileSizeBytes, ...held }
    } catch (error) {
      await giveUpLeases(this.#grid, file, visible)
      throw error
    }
  }

  async #uploadSegments(
    keys: FileKeys,
    encoder: SegmentEncoder,
    segments: AsyncIterable<PlainSegment>,
  ): Promise<UploadResult> {
    const before = await this.#findBefore(keys, encoder)
    if (before.whole !== undefined) return before.whole
    const { there } = before
    const name = nameWrites(keys)
    try {
      return await this.#writeAll(keys, { there, uploadId: name?.uploadId }, { encoder, segments })
    } finally {
      name?.release()
    }
  }

  async #writeAll(
    keys: FileKeys,
    how: { readonly there: readonly Placement[]; readonly uploadId: Uint8Array | undefined },
    stages: { readonly encoder: SegmentEncoder; readonly segments: AsyncIterable<PlainSegment> },
  ): Promise<UploadResult> {
    const { there, uploadId } = how
    const shares = await this.#openShares(keys, there, uploadId)
    try {
      const { fileSizeBytes, manifest, root } = await this.#write(keys, shares, stages)
      const leaseDurationSeconds = this.#leaseDurationSeconds
      await shares.finish({ manifest, leaseDurationSeconds }, this.#options)
      const { storageIndex } = keys
      const file = { storageIndex, root, manifest: parseManifest(manifest), manifestBytes: manifest }
      const held = await this.#mend(file, shares, there)
      return { capability: fileReadCapability(keys.readKey, root), fileSizeBytes, ...held }
    } catch (error) {
      await shares.abort({ isToGoOn: uploadId !== undefined && this.#options.signal?.aborted === true })
      throw error
    }
  }

  /**
   * What an earlier put of the same content has left on the servers. If they have anything under its index, the file is
   * read once more to know its root, and nothing is sent meanwhile.
   *
   * @returns `whole`: all of it is there, and this is the put's result
   * @throws SourceChanged
   */
  async #findBefore(
    keys: FileKeys,
    encoder: SegmentEncoder,
  ): Promise<{ readonly there: readonly Placement[]; readonly whole?: UploadResult }> {
    const { storageIndex, segmentDigests } = keys
    if (segmentDigests === undefined) return { there: [] }
    const under = { storageIndex, root: undefined }
    if ((await findHolders(this.#grid, under, this.#search)).length === 0) return { there: [] }
    const { root, fileSizeBytes } = await encoder.rehearse(this.#read())
    const there = await this.#keepHeld({ storageIndex, root })
    if (sharesToSend(there, this.#wanted).length > 0) return { there }
    const held = await this.#settle({ storageIndex, root }, { there, sent: [], failures: [] })
    this.#tell(fileSizeBytes, 0)
    const capability = fileReadCapability(keys.readKey, root)
    return { there, whole: { capability, fileSizeBytes, ...held } }
  }

  #keepHeld(file: FileId): Promise<readonly Placement[]> {
    const leaseDurationSeconds = this.#leaseDurationSeconds
    return keepHeld(this.#grid, file, { ...this.#search, leaseDurationSeconds })
  }

  #place(
    keys: FileKeys,
    there: readonly Placement[],
    how: {
      readonly sizeBytes: number | undefined
      readonly hand: PlacementRequest['hand']
      readonly uploadId?: Uint8Array | undefined
    },
  ): Promise<PlacementOutcome> {
    const { sizeBytes, hand, uploadId } = how
    const geometry = sizeBytes === undefined ? undefined : fileGeometry(this.#encoding, sizeBytes)
    return placeShares(
      this.#grid,
      {
        storageIndex: keys.storageIndex,
        shareNumbers: sharesToSend(there, this.#wanted),
        existing: there,
        avoid: new Set(),
        expectedSizeBytes: geometry === undefined ? 0 : shareLayout(geometry).shareSizeBytes,
        hand,
        answerSeconds: BLOCK_ANSWER_SECONDS,
        uploadId,
      },
      this.#options,
    )
  }

  async #openShares(
    keys: FileKeys,
    there: readonly Placement[],
    uploadId: Uint8Array | undefined,
  ): Promise<ShareSet> {
    const { happyServers } = this.#options
    const { storageIndex } = keys
    const how = { sizeBytes: this.#source.sizeBytes, hand: openOnly, uploadId }
    const { open, failures } = await this.#place(keys, there, how)
    // Shares lost on the way are made again at the end, on servers that hold nothing yet; k must be left for that.
    const taken = new Set([...there, ...open].map(({ serverId }) => serverId)).size
    const idle = this.#grid.ring(storageIndex).length - taken
    const shares: ShareSet = new ShareSet(this.#grid, open, (live) => {
      const good = [...there, ...live]
      const hopeful = countShares(good) >= this.#encoding.neededShares ? happiness(good) + idle : 0
      if (hopeful < happyServers) requireHappiness({ storageIndex, happyServers }, good, shares.failures)
    })
    shares.failures.push(...failures)
    try {
      requireHappiness({ storageIndex, happyServers }, [...there, ...open], failures)
    } catch (error) {
      await shares.abort()
      throw error
    }
    this.#grid.log.debug('shares placed', { storageIndex: shortIndex(storageIndex), shareCount: open.length })
    return shares
  }

  async #write(
    keys: FileKeys,
    shares: ShareSet,
    stages: { readonly encoder: SegmentEncoder; readonly segments: AsyncIterable<PlainSegment> },
  ): Promise<Pick<UploadResult, 'fileSizeBytes'> & ReturnType<ManifestBuilder['finish']>> {
    const { encoder, segments } = stages
    const builder = new ManifestBuilder(this.#encoding, keys.storageIndex)
    const encoded = encoder.encodeEach(segments)
    const inFlightMax = segmentsInFlight(this.#encoding)
    const written = mapInOrder(
      encoded,
      inFlightMax,
      async ({ segmentIndex, plaintextSizeBytes, encodedSegment }) => {
        builder.add(encodedSegment)
        await shares.write(segmentIndex, encodedSegment, this.#options)
        encoder.release(encodedSegment)
        return plaintextSizeBytes
      },
    )
    let fileSizeBytes = 0
    for await (const sizeBytes of written) {
      fileSizeBytes += sizeBytes
      this.#tell(fileSizeBytes, shares.failures.length)
    }
    return { fileSizeBytes, ...builder.finish(fileSizeBytes) }
  }

  /**
   * Make the shares of servers that were lost on the way again, on others. If even so fewer than h servers hold
   * shares, the leases just taken are given back.
   */
  async #mend(file: KnownFile, shares: ShareSet, there: readonly Placement[]): Promise<Settled> {
    const { signal } = this.#options
    const leaseDurationSeconds = this.#leaseDurationSeconds
    const lost = new Set(shares.failures.map(({ serverId }) => serverId))
    const mended = await regenerateShares(this.#grid, file, {
      placed: [...there, ...shares.live],
      avoid: lost,
      leaseDurationSeconds,
      signal,
    }).catch((error: unknown) => {
      // The servers that hold shares do not answer now; whether they are enough is decided below.
      if (!(error instanceof NotEnoughSharesError)) throw error
      return { placements: [], failures: [] }
    })
    const sent = [...shares.live, ...mended.placements]
    const failures = [...shares.failures, ...mended.failures]
    try {
      return await this.#settle(file, { there, sent, failures })
    } catch (error) {
      await giveUpLeases(this.#grid, file, sent)
      throw error
    }
  }

  #settle(file: FileId, sent: Sent): Promise<Settled> {
    const leaseDurationSeconds = this.#leaseDurationSeconds
    return settleUpload(this.#grid, file, sent, { ...this.#options, leaseDurationSeconds })
  }

  #tell(doneBytes: number, serversLost: number): void {
    this.#options.onProgress?.({ doneBytes, totalBytes: this.#source.sizeBytes, serversLost })
  }

  get #search() {
    return { totalShares: this.#encoding.totalShares, signal: this.#options.signal }
  }

  get #wanted() {
    return { totalShares: this.#encoding.totalShares, happyServers: this.#options.happyServers }
  }

  get #leaseDurationSeconds(): number {
    return this.#options.leaseDurationSeconds ?? LEASE_DURATION_DEFAULT_SECONDS
  }
}

function countShares(placements: readonly Placement[]): number {
  return new Set(placements.map(({ shareNumber }) => shareNumber)).size
}

function requireBlock(encoded: EncodedSegment, shareNumber: number): Uint8Array {
  const block = encoded.blocks[shareNumber]
  assert(block !== undefined, 'a segment has a block for each share')
  return block
}

async function* abortable(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const bytes of source) {
    signal?.throwIfAborted()
    yield bytes
  }
}

async function* chain<Item>(first: Item, rest: AsyncIterable<Item>): AsyncGenerator<Item, void, undefined> {
  yield first
  yield* rest
}
