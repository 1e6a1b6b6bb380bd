/**
 * Stage of a download or repair: the sealed segments of one file, each from whichever k servers give it soonest.
 *
 * k blocks are asked of the servers that have been quickest; one that is late is hedged with another server, one that
 * fails is replaced. The decoded segment is compared with the sealed tree, which also shows up a writer that
 * committed to inconsistent shares; only if it does not fit are the blocks looked at one by one, to name the liar.
 */
import {
  blockLeaf,
  blockSizeAt,
  decodeSealed,
  type ErasureCodec,
  type FileGeometry,
  IntegrityError,
  manifestGeometry,
  releaseBuffer,
  SEAL_TAG_SIZE_BYTES,
  sealedLeaf,
  segmentSizeAt,
  shortIndex,
  type TreeHash,
  verifyProof,
} from '#crypto'
import type { ServerFailure } from '../errors.ts'
import { untilAborted } from '../flow.ts'
import { failureOf, type Grid } from '../grid.ts'
import type { Placement } from '../happiness.ts'
import { BLOCK_ANSWER_SECONDS, HEDGE_FACTOR, HEDGE_MIN_MILLISECONDS } from '../limits.ts'
import type { ReadBlock } from '../storage/server.ts'
import { within } from '../within.ts'
import { type KnownFile, notEnough, type ShareSearch, type ShareSource } from './locate.ts'
import { ServerPace } from './pace.ts'

interface FetchedBlock extends ReadBlock {
  readonly source: ShareSource
}

export class SegmentFetcher {
  readonly #grid: Grid
  readonly #file: KnownFile
  readonly #geometry: FileGeometry
  readonly #codec: ErasureCodec
  readonly #search: ShareSearch
  readonly #isTrusted: (placement: Placement) => boolean
  readonly #pace = new ServerPace()
  readonly #dropped = new Set<ShareSource>()
  readonly failures: ServerFailure[] = []

  /** @param isTrusted which of the found shares to use at all; every one if not given */
  constructor(
    grid: Grid,
    parts: {
      readonly file: KnownFile
      readonly codec: ErasureCodec
      readonly search: ShareSearch
      readonly isTrusted?: ((placement: Placement) => boolean) | undefined
    },
  ) {
    this.#grid = grid
    this.#isTrusted = parts.isTrusted ?? (() => true)
    this.#file = parts.file
    this.#geometry = manifestGeometry(parts.file.manifest)
    this.#codec = parts.codec
    this.#search = parts.search
  }

  /**
   * One sealed segment, verified; a new buffer, owned by the caller. May be called for several segments at once.
   *
   * @throws NotEnoughSharesError if fewer than k servers give good blocks; IntegrityError if the writer of the file
   *   committed to shares that do not belong together
   */
  async fetchSealed(segmentIndex: number, signal: AbortSignal): Promise<Uint8Array> {
    for (;;) {
      const fetched = await this.#fetchBlocks(segmentIndex, signal)
      const blocks: (Uint8Array | undefined)[] = new Array(this.#codec.parameters.totalShares).fill(undefined)
      for (const { source, block } of fetched) blocks[source.shareNumber] = block
      const sealedSizeBytes = segmentSizeAt(this.#geometry, segmentIndex) + SEAL_TAG_SIZE_BYTES
      const sealed = decodeSealed(this.#codec, blocks, sealedSizeBytes)
      const leaf = sealedLeaf(await this.#grid.bulk.sha256(sealed))
      if (fetched.some((answer) => this.#isProven(segmentIndex, leaf, answer))) {
        for (const { source, block } of fetched) {
          if (earlyBlock(source, segmentIndex) === undefined) releaseBuffer(block)
        }
        return sealed
      }
      const liars = await this.#dropLiars(segmentIndex, fetched)
      if (liars === 0 && (await this.#isProvenByOthers(segmentIndex, leaf, { fetched, signal })))
        return sealed
    }
  }

  /** Whether the sealed proof of an answer shows the segment to be the one the manifest commits to. */
  #isProven(segmentIndex: number, leaf: TreeHash, { sealedProof: proof }: ReadBlock): boolean {
    if (proof === undefined) return false
    const place = { leafIndex: segmentIndex, leafCount: this.#geometry.segmentCount, proof }
    try {
      verifyProof(this.#file.manifest.sealedRoot, leaf, place)
      return true
    } catch (error) {
      if (error instanceof IntegrityError) return false
      throw error
    }
  }

  /** Drop the sources whose block is not the one that their share's root commits to. @returns how many */
  async #dropLiars(segmentIndex: number, fetched: readonly FetchedBlock[]): Promise<number> {
    let liars = 0
    for (const { source, block, blockProof } of fetched) {
      const { shareNumber } = source
      try {
        await verifyBlock(this.#grid, this.#file, { shareNumber, segmentIndex, block, blockProof })
      } catch (error) {
        liars += 1
        this.#drop(source, error)
      }
    }
    return liars
  }

  /**
   * Every block is right and yet no proof fits: look for one on the servers that were not asked. If there is one,
   * those that gave wrong proofs are dropped.
   *
   * @throws IntegrityError if nobody has one: then the file itself is broken
   */
  async #isProvenByOthers(
    segmentIndex: number,
    leaf: TreeHash,
    asked: { readonly fetched: readonly FetchedBlock[]; readonly signal: AbortSignal },
  ): Promise<boolean> {
    await untilAborted(this.#search.finished(), asked.signal)
    const suspects = new Set(asked.fetched.map(({ source }) => source))
    for (const source of this.#usableSources()) {
      if (suspects.has(source)) continue
      try {
        const answer = await this.#readBlock(source, segmentIndex, asked.signal)
        if (!this.#isProven(segmentIndex, leaf, answer)) continue
      } catch (error) {
        asked.signal.throwIfAborted()
        this.#drop(source, error)
        continue
      }
      for (const suspect of suspects)
        this.#drop(suspect, new IntegrityError('a sealed proof leads to another root'))
      return true
    }
    throw new IntegrityError(
      `segment ${segmentIndex} of ${shortIndex(this.#file.storageIndex)}… does not decode to what its manifest ` +
        'commits to, though every block does: whoever wrote the file made its shares inconsistent',
      { segmentIndex },
    )
  }

  /** Blocks of k different shares, of the right size, not yet verified. */
  async #fetchBlocks(segmentIndex: number, signal: AbortSignal): Promise<readonly FetchedBlock[]> {
    const { neededShares } = this.#codec.parameters
    const fetched = new Map<number, FetchedBlock>()
    const asked = new Map<ShareSource, Promise<void>>()
    const tried = new Set<ShareSource>()
    const losers = new AbortController()
    const stop = AbortSignal.any([signal, losers.signal])
    const ask = (source: ShareSource): void => {
      tried.add(source)
      const early = earlyBlock(source, segmentIndex)
      if (early !== undefined) {
        if (this.#hasRightSize(source, segmentIndex, early))
          fetched.set(source.shareNumber, { ...early, source })
        return
      }
      const asking = this.#readBlock(source, segmentIndex, stop).then(
        (block) => {
          asked.delete(source)
          if (fetched.size < neededShares) fetched.set(source.shareNumber, block)
        },
        (error: unknown) => {
          asked.delete(source)
          if (!stop.aborted) this.#drop(source, error)
        },
      )
      asked.set(source, asking)
    }
    try {
      let hedges = 0
      while (fetched.size < neededShares) {
        signal.throwIfAborted()
        while (fetched.size + asked.size < neededShares + hedges) {
          const source = this.#bestSource(segmentIndex, tried, fetched)
          if (source === undefined) break
          ask(source)
        }
        if (fetched.size >= neededShares) break
        if (
          asked.size === 0 &&
          this.#search.isFinished &&
          this.#bestSource(segmentIndex, tried, fetched) === undefined
        ) {
          throw this.#notEnough()
        }
        const isLate = await this.#waitForChange(asked, stop)
        if (isLate) hedges += 1
      }
      return [...fetched.values()]
    } finally {
      losers.abort(new DOMException('other servers were quicker', 'AbortError'))
    }
  }

  /**
   * Wait until a block came, a request failed or the search went on.
   *
   * @returns true if instead the time to hedge came
   */
  async #waitForChange(
    asked: ReadonlyMap<ShareSource, Promise<void>>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const usual = this.#pace.usualMilliseconds() * HEDGE_FACTOR
    const timer = new AbortController()
    const hedgeDelay = Math.max(HEDGE_MIN_MILLISECONDS, usual)
    const waits: Promise<boolean>[] = [...asked.values()].map((asking) => asking.then(() => false))
    if (!this.#search.isFinished) waits.push(this.#search.more().then(() => false))
    waits.push(
      this.#grid.clock.sleep(hedgeDelay, { signal: AbortSignal.any([signal, timer.signal]) }).then(
        () => true,
        () => false,
      ),
    )
    try {
      return await Promise.race(waits)
    } finally {
      timer.abort()
    }
  }

  /** Sources that are not dropped, of shares that the file has and that may be used. */
  *#usableSources(): Generator<ShareSource, void, undefined> {
    for (const source of this.#search.sources) {
      const { shareNumber, gridServer } = source
      if (this.#dropped.has(source) || shareNumber >= this.#codec.parameters.totalShares) continue
      if (this.#isTrusted({ shareNumber, serverId: gridServer.serverId })) yield source
    }
  }

  /** The quickest source of a share that is not yet fetched or asked for; a data share goes before a parity share. */
  #bestSource(
    segmentIndex: number,
    tried: ReadonlySet<ShareSource>,
    fetched: ReadonlyMap<number, FetchedBlock>,
  ): ShareSource | undefined {
    const shareNumbersTried = new Set(
      [...tried].filter((source) => !this.#dropped.has(source)).map((s) => s.shareNumber),
    )
    let best: ShareSource | undefined
    let bestScore = Number.POSITIVE_INFINITY
    for (const source of this.#usableSources()) {
      const { shareNumber } = source
      if (tried.has(source) || fetched.has(shareNumber)) continue
      const isRepeat = shareNumbersTried.has(shareNumber)
      const isParity = shareNumber >= this.#codec.parameters.neededShares
      // What is here already goes before everything.
      const isHere = earlyBlock(source, segmentIndex) !== undefined
      const score =
        (isHere ? -1e6 : 0) +
        (isParity ? 1 : 0) +
        this.#pace.expectedMilliseconds(source.gridServer.serverId) * (isParity ? 1.2 : 1) +
        (isRepeat ? 1e6 : 0)
      if (score < bestScore) {
        best = source
        bestScore = score
      }
    }
    return best
  }

  async #readBlock(source: ShareSource, segmentIndex: number, signal: AbortSignal): Promise<FetchedBlock> {
    const { server, serverId } = source.gridServer
    const { clock } = this.#grid
    const ended = this.#pace.begin(serverId, clock.elapsed())
    let isAnswer = false
    try {
      const { storageIndex, root } = this.#file
      const address = { storageIndex, root, shareNumber: source.shareNumber }
      const limit = { seconds: BLOCK_ANSWER_SECONDS, what: 'reading a block', signal }
      const answer = await within(clock, limit, (limited) =>
        server.readBlock({ address, segmentIndex, withSealedProof: true }, { signal: limited }),
      )
      requireBlockSize(this.#geometry, segmentIndex, answer.block)
      isAnswer = true
      return { ...answer, source }
    } finally {
      ended({ at: clock.elapsed(), isAnswer })
    }
  }

  #hasRightSize(source: ShareSource, segmentIndex: number, { block }: ReadBlock): boolean {
    try {
      requireBlockSize(this.#geometry, segmentIndex, block)
      return true
    } catch (error) {
      this.#drop(source, error)
      return false
    }
  }

  #drop(source: ShareSource, error: unknown): void {
    if (this.#dropped.has(source)) return
    const failure = failureOf(source.gridServer.serverId, error, source.shareNumber)
    this.#dropped.add(source)
    this.failures.push(failure)
    this.#grid.log.warn('a share was dropped from a download', { ...failure })
  }

  #notEnough(): Error {
    return notEnough(this.#file, {
      found: this.#search.sources.filter((source) => !this.#dropped.has(source)),
      neededShares: this.#codec.parameters.neededShares,
      failures: [...this.#search.failures, ...this.failures],
      askedCount: this.#search.askedCount,
    })
  }
}

/** The block that came when the server was first asked, if it is of this segment. */
function earlyBlock({ early }: ShareSource, segmentIndex: number): ReadBlock | undefined {
  return early?.segmentIndex === segmentIndex ? early.block : undefined
}

function requireBlockSize(geometry: FileGeometry, segmentIndex: number, block: Uint8Array): void {
  const wantedBytes = blockSizeAt(geometry, segmentIndex)
  if (block.length === wantedBytes) return
  throw new IntegrityError(
    `a block of ${wantedBytes} bytes wanted for segment ${segmentIndex}, found ${block.length}`,
  )
}

/** Check one block against the root of its share. @throws IntegrityError */
export async function verifyBlock(
  grid: Pick<Grid, 'bulk'>,
  file: KnownFile,
  found: { readonly shareNumber: number; readonly segmentIndex: number } & Pick<
    ReadBlock,
    'block' | 'blockProof'
  >,
): Promise<void> {
  const { shareNumber, segmentIndex, block, blockProof } = found
  const geometry = manifestGeometry(file.manifest)
  requireBlockSize(geometry, segmentIndex, block)
  const shareRoot = file.manifest.shareRoots[shareNumber]
  if (shareRoot === undefined) throw new IntegrityError(`the file has no share ${shareNumber}`)
  const leaf = blockLeaf(await grid.bulk.sha256(block))
  try {
    verifyProof(shareRoot, leaf, {
      leafIndex: segmentIndex,
      leafCount: geometry.segmentCount,
      proof: blockProof,
    })
  } catch (cause) {
    throw new IntegrityError(
      `the block of segment ${segmentIndex} in share ${shareNumber} is not the one its manifest commits to`,
      { shareNumber, segmentIndex },
      { cause },
    )
  }
}
