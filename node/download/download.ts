/**
 * Get one immutable file, or a range of it: locate -> fetch -> verify -> decode -> open -> trim -> bytes.
 *
 * No byte is delivered before it is verified against the root in the capability. Memory is bounded: a few segments.
 */
import {
  type FileReadCapability,
  fileEncryptionKey,
  fileStorageIndex,
  InvalidInputError,
  manifestGeometry,
  openCodec,
  openSegment,
  type ReadCapability,
  releaseBuffer,
  SEGMENT_SIZE_DEFAULT_BYTES,
  segmentsOfRange,
} from '#crypto'
import type { ServerFailure } from '../errors.ts'
import { countUp, mapInOrder } from '../flow.ts'
import type { Grid } from '../grid.ts'
import { LOCATE_RING_FACTOR } from '../limits.ts'
import { segmentsInFlight } from '../transfer-window.ts'
import { SegmentFetcher } from './fetch.ts'
import { type FileId, fetchManifest, type KnownFile, ShareSearch } from './locate.ts'

/** Plaintext bytes `start` up to, not including, `end`; a range past the end of the file is cut there. */
export interface ByteRange {
  readonly start: number
  /** Undefined: to the end of the file. */
  readonly end?: number | undefined
}

export interface DownloadOptions {
  readonly range?: ByteRange | undefined
  readonly signal?: AbortSignal | undefined
}

export interface Download {
  readonly fileSizeBytes: number
  /** What `content` will yield, after the range was cut to the file. */
  readonly range: { readonly start: number; readonly end: number }
  /** The bytes, in order, in buffers of up to a segment that belong to the reader. To be iterated once, or closed. */
  readonly content: AsyncIterable<Uint8Array>
  /** Servers that failed or lied so far; grows while the content is read. */
  failures(): readonly ServerFailure[]
  /** Give up, if `content` is not iterated to its end. */
  close(): Promise<void>
}

/**
 * Open a file for reading. On return its manifest is verified, so its size is certain.
 *
 * @throws NotEnoughSharesError if nobody gives the manifest; InvalidInputError for a range that starts past the end
 */
export async function downloadFile(
  grid: Grid,
  capability: ReadCapability,
  options: DownloadOptions = {},
): Promise<Download> {
  if (capability.kind === 'lit') return bytesDownload(capability.content.reveal(), options)
  const file: FileId = { storageIndex: fileStorageIndex(capability.readKey.reveal()), root: capability.root }
  let known: KnownFile | undefined
  const search = new ShareSearch(grid, file, {
    // A guess, as the manifest is not known: other sizes of segments cost a round trip more.
    firstSegment: Math.floor(Math.max(0, options.range?.start ?? 0) / SEGMENT_SIZE_DEFAULT_BYTES),
    isEnough: (found) => known !== undefined && isEnoughToRead(found, known),
  })
  const early: ServerFailure[] = []
  try {
    known = await fetchManifest(grid, file, search, {
      ...options,
      onFailure: (failure) => early.push(failure),
    })
    const codec = await openCodec(known.manifest.encoding)
    const fetcher = new SegmentFetcher(grid, { file: known, codec, search })
    const range = cutRange(options.range, known.manifest.fileSizeBytes)
    const content = readRange(grid, { known, capability, fetcher, search, range }, options)
    return {
      fileSizeBytes: known.manifest.fileSizeBytes,
      range,
      content,
      failures: () => [...early, ...search.failures, ...fetcher.failures],
      close: async () => {
        search.stop()
        await content.return()
      },
    }
  } catch (error) {
    search.stop()
    throw error
  }
}

/** All shares are found, or k of them and everywhere that a put would have placed them has been looked at. */
function isEnoughToRead(search: ShareSearch, { manifest }: KnownFile): boolean {
  const { neededShares, totalShares } = manifest.encoding
  if (search.foundCount >= totalShares) return true
  return search.foundCount >= neededShares && search.askedCount >= LOCATE_RING_FACTOR * totalShares
}

async function* readRange(
  grid: Grid,
  file: {
    readonly known: KnownFile
    readonly capability: FileReadCapability
    readonly fetcher: SegmentFetcher
    readonly search: ShareSearch
    readonly range: { readonly start: number; readonly end: number }
  },
  options: DownloadOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { known, fetcher, range } = file
  const geometry = manifestGeometry(known.manifest)
  const key = fileEncryptionKey(file.capability.readKey.reveal())
  const { firstSegment, endSegment } = segmentsOfRange(geometry, range)
  const abandoned = new AbortController()
  const signal = AbortSignal.any([
    abandoned.signal,
    ...(options.signal === undefined ? [] : [options.signal]),
  ])
  try {
    const opened = mapInOrder(
      countUp(firstSegment, endSegment),
      segmentsInFlight(known.manifest.encoding),
      async (segmentIndex) => {
        const sealed = await fetcher.fetchSealed(segmentIndex, signal)
        const isLast = segmentIndex === geometry.segmentCount - 1
        const plaintext = await openSegment(grid.bulk, key, { segmentIndex, isLast, sealed })
        releaseBuffer(new Uint8Array(sealed.buffer))
        return { segmentIndex, plaintext }
      },
    )
    for await (const { segmentIndex, plaintext } of opened) {
      const segmentStart = segmentIndex * geometry.encoding.segmentSizeBytes
      const from = Math.max(0, range.start - segmentStart)
      yield plaintext.subarray(from, Math.min(plaintext.length, range.end - segmentStart))
      signal.throwIfAborted()
    }
  } finally {
    abandoned.abort(new DOMException('the reading was closed', 'AbortError'))
    file.search.stop()
  }
}

function cutRange(range: ByteRange | undefined, fileSizeBytes: number): { start: number; end: number } {
  const start = range?.start ?? 0
  const end = Math.min(range?.end ?? fileSizeBytes, fileSizeBytes)
  if (start < 0 || start > fileSizeBytes || start > end) {
    throw new InvalidInputError(
      `a range inside ${fileSizeBytes} bytes wanted, found ${start} to ${range?.end ?? 'the end'}`,
    )
  }
  return { start, end }
}

/** What is at hand already, as it were a file. */
export function bytesDownload(bytes: Uint8Array, options: DownloadOptions): Download {
  const range = cutRange(options.range, bytes.length)
  async function* content(): AsyncGenerator<Uint8Array, void, undefined> {
    if (range.end > range.start) yield bytes.slice(range.start, range.end)
  }
  return {
    fileSizeBytes: bytes.length,
    range,
    content: content(),
    failures: () => [],
    close: async () => undefined,
  }
}
