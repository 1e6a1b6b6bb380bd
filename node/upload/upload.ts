/**
 * Put one immutable file: plan -> key -> place -> (segment -> seal -> encode -> hash -> write) -> finish -> capability.
 *
 * Memory is bounded whatever the size of the file: at most `segmentsInFlight` encoded segments exist at a time.
 */
import {
  asReadKey,
  type ConvergenceSecret,
  checkEncoding,
  contentDigest,
  convergentReadKey,
  type Digest,
  type EncodedSegment,
  type Encoding,
  type EncryptionKey,
  type ErasureCodec,
  encodedSizeBytes,
  encodeSealed,
  equalBytes,
  fileEncryptionKey,
  fileGeometry,
  fileReadCapability,
  fileStorageIndex,
  InvalidInputError,
  LITERAL_SIZE_MAX_BYTES,
  literalCapability,
  ManifestBuilder,
  openCodec,
  parseManifest,
  type ReadCapability,
  type ReadKey,
  type Secret,
  type StorageIndex,
  sealSegment,
  shareLayout,
  shortIndex,
} from '#crypto'
import type { KnownFile } from '../download/locate.ts'
import { ConflictError, NotEnoughSharesError, type ServerFailure } from '../errors.ts'
import { mapInOrder } from '../flow.ts'
import type { Grid } from '../grid.ts'
import { happiness, type Placement } from '../happiness.ts'
import { giveUpLeases } from '../leases.ts'
import { CONVERGENT_TRIES_MAX, LEASE_DURATION_DEFAULT_SECONDS } from '../limits.ts'
import { regenerateShares } from '../regenerate.ts'
import { segmentsInFlight } from '../transfer-window.ts'
import { placeShares, requireHappiness } from './place.ts'
import { cutSegments, type PlainSegment, type UploadSource } from './segments.ts'
import { ShareSet } from './write.ts'

export interface UploadOptions {
  readonly encoding: Encoding
  /** h: the upload succeeds only if so many distinct servers hold distinct shares; 1 <= h <= n. */
  readonly happyServers: number
  /** Given: the read key follows from the content, so that equal files of one person are one file. */
  readonly convergenceSecret?: Secret<ConvergenceSecret> | undefined
  readonly leaseDurationSeconds?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Called after each segment that servers have taken; not after the upload has settled. */
  readonly onProgress?: ((progress: UploadProgress) => void) | undefined
}

export interface UploadProgress {
  /** Plaintext bytes that servers have taken. */
  readonly doneBytes: number
  /** Undefined while the source is a pipe. */
  readonly totalBytes: number | undefined
  readonly serversLost: number
}

export interface UploadResult {
  readonly capability: ReadCapability
  readonly fileSizeBytes: number
  /** Where each share is; empty for a literal. */
  readonly placements: readonly Placement[]
  /** Servers that were asked and did not hold out. */
  readonly failures: readonly ServerFailure[]
}

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

/** The second reading met other bytes than the first: the key must not seal them. */
class SourceChanged extends Error {}

/** What one attempt has settled on before its first segment. */
interface FileKeys {
  readonly readKey: ReadKey
  readonly storageIndex: StorageIndex
  readonly encryptionKey: EncryptionKey
  /** Digest of each segment at the first reading; undefined when the key is random and there was none. */
  readonly segmentDigests: readonly Digest[] | undefined
}

interface WrittenSegment {
  readonly encoded: EncodedSegment
  readonly segment: PlainSegment
}

class Upload {
  readonly #grid: Grid
  readonly #source: UploadSource
  readonly #options: UploadOptions
  /** Buffers of encoded segments, used again: fresh memory costs more than encoding does. */
  readonly #spareTargets: Uint8Array[] = []

  constructor(grid: Grid, source: UploadSource, options: UploadOptions) {
    this.#grid = grid
    this.#source = source
    this.#options = options
  }

  async run(): Promise<UploadResult> {
    const segments = cutSegments(
      abortable(this.#source.open(), this.#options.signal),
      this.#encoding.segmentSizeBytes,
    )
    try {
      const first = (await segments.next()).value
      if (first === undefined) throw new InvalidInputError('the source gave no segment')
      if (first.isLast && first.plaintext.length <= LITERAL_SIZE_MAX_BYTES) {
        const capability = literalCapability(first.plaintext)
        return { capability, fileSizeBytes: first.plaintext.length, placements: [], failures: [] }
      }
      return await this.#uploadSegments(first, segments)
    } finally {
      await segments.return()
    }
  }

  get #encoding(): Encoding {
    return this.#options.encoding
  }

  async #uploadSegments(first: PlainSegment, rest: AsyncIterable<PlainSegment>): Promise<UploadResult> {
    const keys = await this.#chooseKeys()
    const codec = await openCodec(this.#encoding)
    const shares = await this.#place(keys.storageIndex, first)
    try {
      const sealed = mapInOrder(chain(first, rest), this.#segmentsInFlight, (segment) =>
        this.#seal(keys, codec, segment),
      )
      const { fileSizeBytes, manifest, root } = await this.#write(keys.storageIndex, shares, sealed)
      const leaseDurationSeconds = this.#leaseDurationSeconds
      await shares.finish({ manifest, leaseDurationSeconds }, this.#options)
      const file = {
        storageIndex: keys.storageIndex,
        root,
        manifest: parseManifest(manifest),
        manifestBytes: manifest,
      }
      const { placements, failures } = await this.#mend(file, shares)
      return { capability: fileReadCapability(keys.readKey, root), fileSizeBytes, placements, failures }
    } catch (error) {
      await shares.abort()
      throw error
    }
  }

  /** A fresh random key, or the one that the whole content leads to. */
  async #chooseKeys(): Promise<FileKeys> {
    const { convergenceSecret, signal } = this.#options
    if (convergenceSecret === undefined) return keysOf(asReadKey(this.#grid.random.bytes(32)), undefined)
    const segmentDigests: Digest[] = []
    const reading = abortable(this.#source.open(), signal)
    for await (const { plaintext } of cutSegments(reading, this.#encoding.segmentSizeBytes)) {
      segmentDigests.push(await this.#grid.bulk.sha256(plaintext))
    }
    const digest = contentDigest(segmentDigests)
    return keysOf(convergentReadKey(convergenceSecret.reveal(), this.#encoding, digest), segmentDigests)
  }

  async #place(storageIndex: StorageIndex, first: PlainSegment): Promise<ShareSet> {
    const { happyServers, signal } = this.#options
    const sizeBytes = first.isLast ? first.plaintext.length : this.#source.sizeBytes
    const { open, failures } = await placeShares(
      this.#grid,
      {
        storageIndex,
        shareNumbers: Array.from({ length: this.#encoding.totalShares }, (_, shareNumber) => shareNumber),
        existing: [],
        avoid: new Set(),
        expectedSizeBytes:
          sizeBytes === undefined ? 0 : shareLayout(fileGeometry(this.#encoding, sizeBytes)).shareSizeBytes,
      },
      { signal },
    )
    const shares: ShareSet = new ShareSet(this.#grid, open, (live) => {
      // Shares lost on the way are made again at the end, on servers that hold nothing yet; k must be left for that.
      const idle = this.#grid.ring(storageIndex).length - new Set(open.map(({ serverId }) => serverId)).size
      const hopeful = live.length >= this.#encoding.neededShares ? happiness(live) + idle : 0
      if (hopeful < happyServers) requireHappiness({ storageIndex, happyServers }, live, shares.failures)
    })
    shares.failures.push(...failures)
    try {
      requireHappiness({ storageIndex, happyServers }, open, failures)
    } catch (error) {
      await shares.abort()
      throw error
    }
    this.#grid.log.debug('shares placed', { storageIndex: shortIndex(storageIndex), shareCount: open.length })
    return shares
  }

  async #seal(keys: FileKeys, codec: ErasureCodec, segment: PlainSegment): Promise<WrittenSegment> {
    const { bulk } = this.#grid
    if (keys.segmentDigests !== undefined) {
      const expected = keys.segmentDigests[segment.segmentIndex]
      const isLast = segment.segmentIndex === keys.segmentDigests.length - 1
      const digest = await bulk.sha256(segment.plaintext)
      if (expected === undefined || isLast !== segment.isLast || !equalBytes(digest, expected))
        throw new SourceChanged()
    }
    const sealed = await sealSegment(bulk, keys.encryptionKey, segment)
    const wantedBytes = encodedSizeBytes(this.#encoding, segment.plaintext.length)
    const spare = this.#spareTargets.pop()
    const target = spare !== undefined && spare.length >= wantedBytes ? spare : new Uint8Array(wantedBytes)
    return { encoded: await encodeSealed({ bulk, codec, encoding: this.#encoding }, sealed, target), segment }
  }

  async #write(storageIndex: StorageIndex, shares: ShareSet, sealed: AsyncIterable<WrittenSegment>) {
    const builder = new ManifestBuilder(this.#encoding, storageIndex)
    let fileSizeBytes = 0
    const written = mapInOrder(sealed, this.#segmentsInFlight, async ({ encoded, segment }) => {
      builder.add(encoded)
      await shares.write(segment.segmentIndex, encoded, this.#options)
      this.#release(encoded)
      return segment.plaintext.length
    })
    for await (const sizeBytes of written) {
      fileSizeBytes += sizeBytes
      this.#options.onProgress?.({
        doneBytes: fileSizeBytes,
        totalBytes: this.#source.sizeBytes,
        serversLost: shares.failures.length,
      })
    }
    return { fileSizeBytes, ...builder.finish(fileSizeBytes) }
  }

  /**
   * Make the shares of servers that were lost on the way again, on others. If even so fewer than h servers hold
   * shares, the leases just taken are given back.
   */
  async #mend(file: KnownFile, shares: ShareSet): Promise<Pick<UploadResult, 'placements' | 'failures'>> {
    const { happyServers, signal } = this.#options
    const leaseDurationSeconds = this.#leaseDurationSeconds
    const lost = new Set(shares.failures.map(({ serverId }) => serverId))
    const mended = await regenerateShares(this.#grid, file, {
      placed: shares.live,
      avoid: lost,
      leaseDurationSeconds,
      signal,
    }).catch((error: unknown) => {
      // The servers that hold shares do not answer now; whether they are enough is decided below.
      if (!(error instanceof NotEnoughSharesError)) throw error
      return { placements: [], failures: [] }
    })
    const placements = [...shares.live, ...mended.placements].sort((a, b) => a.shareNumber - b.shareNumber)
    const failures = [...shares.failures, ...mended.failures]
    try {
      requireHappiness({ ...file, happyServers }, placements, failures)
    } catch (error) {
      await giveUpLeases(this.#grid, file, placements)
      throw error
    }
    return {
      placements: placements.map(({ shareNumber, serverId }) => ({ shareNumber, serverId })),
      failures,
    }
  }

  get #leaseDurationSeconds(): number {
    return this.#options.leaseDurationSeconds ?? LEASE_DURATION_DEFAULT_SECONDS
  }

  #release(encoded: EncodedSegment): void {
    const [block] = encoded.blocks
    if (block !== undefined && this.#spareTargets.length < this.#segmentsInFlight) {
      this.#spareTargets.push(new Uint8Array(block.buffer))
    }
  }

  get #segmentsInFlight(): number {
    return segmentsInFlight(this.#encoding)
  }
}

function keysOf(readKey: ReadKey, segmentDigests: readonly Digest[] | undefined): FileKeys {
  return {
    readKey,
    storageIndex: fileStorageIndex(readKey),
    encryptionKey: fileEncryptionKey(readKey),
    segmentDigests,
  }
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
