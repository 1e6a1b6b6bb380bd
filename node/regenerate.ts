/**
 * Make missing shares of a file again: fetch -> verify -> decode -> encode -> write, on ciphertext, with no key.
 *
 * An upload ends with it where servers were lost on the way, and a repair is little else.
 */
import {
  assert,
  type EncodedSegment,
  localSegmentCoder,
  manifestGeometry,
  openCodec,
  segmentSizeAt,
  shareLayout,
  targetSizeBytes,
} from '#crypto'
import { SegmentFetcher } from './download/fetch.ts'
import { type KnownFile, ShareSearch } from './download/locate.ts'
import type { ServerFailure } from './errors.ts'
import { countUp, mapInOrder } from './flow.ts'
import type { Grid } from './grid.ts'
import type { Placement } from './happiness.ts'
import { BLOCK_ANSWER_SECONDS } from './limits.ts'
import type { PeerId } from './platform/platform.ts'
import { segmentsInFlight } from './transfer-window.ts'
import { openOnly, type PlacementOutcome, type PlacementRequest, placeShares } from './upload/place.ts'
import { ShareSet } from './upload/write.ts'

export interface RegenerateOptions {
  /** Good shares that are on servers now. */
  readonly placed: readonly Placement[]
  /** Servers that are not to be given shares. */
  readonly avoid: ReadonlySet<PeerId>
  readonly leaseDurationSeconds: number
  readonly signal?: AbortSignal | undefined
  /** Called after each segment, with plaintext bytes. */
  readonly onProgress?:
    | ((progress: { readonly doneBytes: number; readonly totalBytes: number }) => void)
    | undefined
}

export interface Regenerated {
  /** The new shares only. */
  readonly placements: readonly Placement[]
  readonly failures: readonly ServerFailure[]
}

/**
 * Write every share of the file that nobody holds to servers that would take it; shares that find no server stay
 * missing, and whether that is enough is for the caller to judge.
 *
 * @throws NotEnoughSharesError if fewer than k good shares can be read
 */
export async function regenerateShares(
  grid: Grid,
  file: KnownFile,
  options: RegenerateOptions,
): Promise<Regenerated> {
  const { encoding } = file.manifest
  const held = new Set(options.placed.map(({ shareNumber }) => shareNumber))
  const shareNumbers = [...countUp(0, encoding.totalShares)].filter((shareNumber) => !held.has(shareNumber))
  if (shareNumbers.length === 0) return { placements: [], failures: [] }
  const isHeld = ({ shareNumber, serverId }: Placement): boolean =>
    options.placed.some(
      (placement) => placement.shareNumber === shareNumber && placement.serverId === serverId,
    )
  const search = new ShareSearch(grid, file, { isEnough: (found) => found.foundCount >= held.size })
  try {
    const codec = await openCodec(encoding)
    const fetcher = new SegmentFetcher(grid, { file, codec, search, isTrusted: isHeld })
    const parts = { file, fetcher, shareNumbers }
    const { segmentCount } = manifestGeometry(file.manifest)
    const { placements, failures } = await (segmentCount === 1
      ? writeWhole(grid, parts, options)
      : writeShares(grid, parts, options))
    return { placements, failures: [...failures, ...fetcher.failures] }
  } finally {
    search.stop()
  }
}

interface RegenerateParts {
  readonly file: KnownFile
  readonly fetcher: SegmentFetcher
  /** To be made again; not none. */
  readonly shareNumbers: readonly number[]
}

/** A file of one segment: each share goes in one round trip. */
async function writeWhole(
  grid: Grid,
  parts: RegenerateParts,
  options: RegenerateOptions,
): Promise<Regenerated> {
  const { file, fetcher } = parts
  const { storageIndex, manifestBytes: manifest } = file
  const { leaseDurationSeconds, signal } = options
  const sealed = await fetcher.fetchSealed(0, signal ?? new AbortController().signal)
  const { blocks } = await encodeAgain(grid, file, sealed)
  const { open, failures } = await placeMissing(grid, parts, options, async (share, limited) => {
    const { shareNumber, gridServer } = share
    const block = blocks[shareNumber]
    assert(block !== undefined, 'a block for each share of the file')
    const whole = { storageIndex, shareNumber, manifest, block, leaseDurationSeconds }
    await gridServer.server.writeWhole(whole, { signal: limited })
    return 0
  })
  const { fileSizeBytes } = file.manifest
  options.onProgress?.({ doneBytes: fileSizeBytes, totalBytes: fileSizeBytes })
  return { placements: open, failures }
}

async function writeShares(
  grid: Grid,
  parts: RegenerateParts,
  options: RegenerateOptions,
): Promise<Regenerated> {
  const { open, failures } = await placeMissing(grid, parts, options, openOnly)
  if (open.length === 0) return { placements: [], failures }
  const shares = new ShareSet(grid, open, () => undefined)
  try {
    await writeSegments(grid, { ...parts, shares }, options)
    const { leaseDurationSeconds, signal } = options
    await shares.finish({ manifest: parts.file.manifestBytes, leaseDurationSeconds }, { signal })
    return { placements: shares.live, failures: [...failures, ...shares.failures] }
  } catch (error) {
    await shares.abort()
    throw error
  }
}

function placeMissing(
  grid: Grid,
  { file, shareNumbers }: RegenerateParts,
  options: RegenerateOptions,
  hand: PlacementRequest['hand'],
): Promise<PlacementOutcome> {
  const { placed: existing, avoid } = options
  const expectedSizeBytes = shareLayout(manifestGeometry(file.manifest)).shareSizeBytes
  const { storageIndex } = file
  const place = { storageIndex, shareNumbers, existing, avoid, expectedSizeBytes }
  return placeShares(grid, { ...place, hand, answerSeconds: BLOCK_ANSWER_SECONDS }, options)
}

async function encodeAgain(grid: Grid, file: KnownFile, sealed: Uint8Array): Promise<EncodedSegment> {
  const coder = grid.coder ?? localSegmentCoder(grid.bulk)
  const job = { encoding: file.manifest.encoding, content: sealed, seal: undefined }
  return coder.code(job, new Uint8Array(targetSizeBytes(job)))
}

async function writeSegments(
  grid: Grid,
  parts: {
    readonly file: KnownFile
    readonly fetcher: SegmentFetcher
    readonly shares: ShareSet
  },
  options: RegenerateOptions,
): Promise<void> {
  const { file, fetcher, shares } = parts
  const { encoding } = file.manifest
  const geometry = manifestGeometry(file.manifest)
  const abandoned = new AbortController()
  const signal = AbortSignal.any([
    abandoned.signal,
    ...(options.signal === undefined ? [] : [options.signal]),
  ])
  try {
    const inFlightMax = segmentsInFlight(encoding)
    const encoded = mapInOrder(countUp(0, geometry.segmentCount), inFlightMax, async (segmentIndex) => {
      const sealed = await fetcher.fetchSealed(segmentIndex, signal)
      return { segmentIndex, segment: await encodeAgain(grid, file, sealed) }
    })
    const written = mapInOrder(encoded, inFlightMax, async ({ segmentIndex, segment }) => {
      if (shares.live.length > 0) await shares.write(segmentIndex, segment, { signal })
      return segmentSizeAt(geometry, segmentIndex)
    })
    let doneBytes = 0
    for await (const sizeBytes of written) {
      doneBytes += sizeBytes
      options.onProgress?.({ doneBytes, totalBytes: geometry.fileSizeBytes })
    }
  } finally {
    abandoned.abort(new DOMException('the regeneration ended', 'AbortError'))
  }
}
