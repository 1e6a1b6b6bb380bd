/**
 * Check and verify an immutable file with a verify capability: ask every server what it holds; and, to verify, read
 * and hash every byte of it.
 */
import { type Encoding, type FileVerifyCapability, manifestGeometry } from '#crypto'
import { verifyBlock } from './download/fetch.ts'
import { fetchManifest, type KnownFile, ShareSearch, type ShareSource } from './download/locate.ts'
import { NotEnoughSharesError, type ServerFailure } from './errors.ts'
import { countUp, forEachConcurrently, mapInOrder } from './flow.ts'
import { failureOf, type Grid } from './grid.ts'
import { happiness, inShareOrder, type Placement } from './happiness.ts'
import { BLOCK_ANSWER_SECONDS, SEGMENTS_IN_FLIGHT_MAX, VERIFY_IN_FLIGHT_MAX } from './limits.ts'
import { within } from './within.ts'

export interface CheckReport {
  /** Undefined if no server gave a manifest: then nothing is known but the failures. */
  readonly encoding: Encoding | undefined
  readonly fileSizeBytes: number | undefined
  /** Shares on servers that answered; after a verify, only the good ones. */
  readonly placements: readonly Placement[]
  /** Share numbers that nobody holds. */
  readonly missing: readonly number[]
  /** Distinct share numbers found. */
  readonly foundCount: number
  readonly happiness: number
  /** k shares were found. */
  readonly isRecoverable: boolean
  /** Every share was found. */
  readonly isHealthy: boolean
  /** Bad shares, and servers that did not answer. */
  readonly failures: readonly ServerFailure[]
  readonly askedCount: number
}

export interface CheckOptions {
  readonly signal?: AbortSignal | undefined
}

export interface VerifyOptions extends CheckOptions {
  /** Called after each block. */
  readonly onProgress?:
    | ((progress: { readonly doneBlocks: number; readonly totalBlocks: number }) => void)
    | undefined
}

/** Everything that a repair goes on from. */
export interface Examination {
  /** Undefined if no server gave the manifest. */
  readonly known: KnownFile | undefined
  /** Shares found; after a verify, only the good ones. */
  readonly sources: readonly ShareSource[]
  /** Shares found to be bad, and what is wrong with them. */
  readonly bad: readonly { readonly source: ShareSource; readonly failure: ServerFailure }[]
  /** Every failure, those of bad shares too. */
  readonly failures: readonly ServerFailure[]
  readonly askedCount: number
}

/** Count the shares. Servers are believed: `verifyFile` does not. */
export async function checkFile(
  grid: Grid,
  capability: FileVerifyCapability,
  options: CheckOptions = {},
): Promise<CheckReport> {
  return reportOf(await findShares(grid, capability, options))
}

/** Read and hash every block of every share on every server. */
export async function verifyFile(
  grid: Grid,
  capability: FileVerifyCapability,
  options: VerifyOptions = {},
): Promise<CheckReport> {
  return reportOf(await examineShares(grid, capability, options))
}

export async function findShares(
  grid: Grid,
  capability: FileVerifyCapability,
  options: CheckOptions,
): Promise<Examination> {
  const search = new ShareSearch(grid, capability, { isEnough: () => options.signal?.aborted === true })
  const failures: ServerFailure[] = []
  let known: KnownFile | undefined
  try {
    const onFailure = (failure: ServerFailure): void => void failures.push(failure)
    known = await fetchManifest(grid, capability, search, { ...options, onFailure })
    await search.finished()
  } catch (error) {
    if (!(error instanceof NotEnoughSharesError)) throw error
  } finally {
    search.stop()
  }
  options.signal?.throwIfAborted()
  const totalShares = known?.manifest.encoding.totalShares ?? 0
  return {
    known,
    sources: search.sources.filter(({ shareNumber }) => shareNumber < totalShares),
    bad: [],
    failures: [...failures, ...search.failures],
    askedCount: search.askedCount,
  }
}

export async function examineShares(
  grid: Grid,
  capability: FileVerifyCapability,
  options: VerifyOptions,
): Promise<Examination> {
  const found = await findShares(grid, capability, options)
  const { known } = found
  if (known === undefined) return found
  const { segmentCount } = manifestGeometry(known.manifest)
  const totalBlocks = found.sources.length * segmentCount
  let doneBlocks = 0
  const good: ShareSource[] = []
  const bad: { source: ShareSource; failure: ServerFailure }[] = []
  await forEachConcurrently(found.sources, VERIFY_IN_FLIGHT_MAX, async (source) => {
    try {
      await verifyShare(grid, known, source, {
        signal: options.signal,
        onBlock: () => {
          doneBlocks += 1
          options.onProgress?.({ doneBlocks, totalBlocks })
        },
      })
      good.push(source)
    } catch (error) {
      options.signal?.throwIfAborted()
      bad.push({ source, failure: failureOf(source.gridServer.serverId, error, source.shareNumber) })
    }
  })
  return { ...found, sources: good, bad, failures: [...found.failures, ...bad.map(({ failure }) => failure)] }
}

/** @throws IntegrityError at the first block that is not the one the manifest commits to */
async function verifyShare(
  grid: Grid,
  known: KnownFile,
  source: ShareSource,
  options: { readonly signal: AbortSignal | undefined; readonly onBlock: () => void },
): Promise<void> {
  const { storageIndex, root } = known
  const { shareNumber } = source
  const { server } = source.gridServer
  const segmentIndexes = countUp(0, manifestGeometry(known.manifest).segmentCount)
  const verified = mapInOrder(segmentIndexes, SEGMENTS_IN_FLIGHT_MAX, async (segmentIndex) => {
    const request = { address: { storageIndex, root, shareNumber }, segmentIndex, withSealedProof: false }
    const limit = { seconds: BLOCK_ANSWER_SECONDS, what: 'reading a block', signal: options.signal }
    const answer = await within(grid.clock, limit, (signal) => server.readBlock(request, { signal }))
    await verifyBlock(grid, known, { ...answer, shareNumber, segmentIndex })
  })
  for await (const _ of verified) options.onBlock()
}

export function placementsOf(sources: readonly ShareSource[]): readonly Placement[] {
  return inShareOrder(
    sources.map(({ shareNumber, gridServer }) => ({ shareNumber, serverId: gridServer.serverId })),
  )
}

export function reportOf(examined: Examination): CheckReport {
  const placements = placementsOf(examined.sources)
  const manifest = examined.known?.manifest
  const found = new Set(placements.map(({ shareNumber }) => shareNumber))
  const totalShares = manifest?.encoding.totalShares ?? 0
  return {
    encoding: manifest?.encoding,
    fileSizeBytes: manifest?.fileSizeBytes,
    placements,
    missing: [...countUp(0, totalShares)].filter((shareNumber) => !found.has(shareNumber)),
    foundCount: found.size,
    happiness: happiness(placements),
    isRecoverable: manifest !== undefined && found.size >= manifest.encoding.neededShares,
    isHealthy: manifest !== undefined && found.size === totalShares,
    failures: examined.failures,
    askedCount: examined.askedCount,
  }
}
