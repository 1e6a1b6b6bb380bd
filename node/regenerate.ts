/**
 * Make missing shares of a file again: fetch -> verify -> decode -> encode -> write, on ciphertext, with no key.
 *
 * An upload ends with it where servers were lost on the way, and a repair is little else.
 */
import {
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
import { ANSWER_SECONDS } from './limits.ts'
import type { PeerId } from './platform/platform.ts'
import { segmentsInFlight } from './transfer-window.ts'
import { openOnly, placeShares } from './upload/place.ts'
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
  const { open, failures } = await placeShares(
    grid,
    {
      storageIndex: file.storageIndex,
      shareNumbers,
      existing: options.placed,
      avoid: options.avoid,
      expectedSizeBytes: shareLayout(manifestGeometry(file.manifest)).shareSizeBytes,
      hand: openOnly,
      answerSeconds: ANSWER_SECONDS,
    },
    options,
  )
  if (open.length === 0) return { placements: [], failures }
  const shares = new ShareSet(grid, open, () => undefined)
  const isHeld = ({ shareNumber, serverId }: Placement): boolean =>
    options.placed.some(
      (placement) => placement.shareNumber === shareNumber && placement.serverId === serverId,
    )
  const search = new ShareSearch(grid, file, { isEnough: (found) => found.foundCount >= held.size })
  try {
    const codec = await openCodec(encoding)
    const fetcher = new SegmentFetcher(grid, { file, codec, search, isTrusted: isHeld })
    await writeSegments(grid, { file, fetcher, shares }, options)
    const { leaseDurationSeconds, signal } = options
    await shares.finish({ manifest: file.manifestBytes, leaseDurationSeconds }, { signal })
    return { placements: shares.live, failures: [...failures, ...shares.failures, ...fetcher.failures] }
  } catch (error) {
    await shares.abort()
    throw error
  } finally {
    search.stop()
  }
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
  const coder = grid.coder ?? localSegmentCoder(grid.bulk)
  const abandoned = new AbortController()
  const signal = AbortSignal.any([
    abandoned.signal,
    ...(options.signal === undefined ? [] : [options.signal]),
  ])
  try {
    const inFlightMax = segmentsInFlight(encoding)
    const encoded = mapInOrder(countUp(0, geometry.segmentCount), inFlightMax, async (segmentIndex) => {
      const sealed = await fetcher.fetchSealed(segmentIndex, signal)
      const job = { encoding, content: sealed, seal: undefined }
      return { segmentIndex, segment: await coder.code(job, new Uint8Array(targetSizeBytes(job))) }
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
