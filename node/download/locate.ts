/** First stage of a download: which servers hold which shares of one file. */
import {
  equalBytes,
  type FileRoot,
  type Manifest,
  parseManifestOf,
  type StorageIndex,
  shortIndex,
  TOTAL_SHARES_MAX,
} from '#crypto'
import { NotEnoughSharesError, type ServerFailure } from '../errors.ts'
import { forEachConcurrently, untilAborted } from '../flow.ts'
import { failureOf, type Grid, type GridServer, shortId, summarizeFailures } from '../grid.ts'
import {
  ANSWER_SECONDS,
  HEDGE_MIN_MILLISECONDS,
  LOCATE_IN_FLIGHT_MAX,
  OPEN_FIRST_SERVERS,
} from '../limits.ts'
import type { ListedShare, ReadBlock } from '../storage/server.ts'
import { within } from '../within.ts'

/** What identifies an immutable file on the grid: the content of a verify capability. */
export interface FileId {
  readonly storageIndex: StorageIndex
  readonly root: FileRoot
}

/** A file with the manifest that its root commits to. */
export interface KnownFile extends FileId {
  readonly manifest: Manifest
  /** The manifest as it is stored. */
  readonly manifestBytes: Uint8Array
}

/** One share on one server, as that server claims. */
export interface ShareSource {
  readonly shareNumber: number
  readonly gridServer: GridServer
  /** What came with the claim: as little to be believed. */
  readonly early?: EarlyAnswer | undefined
}

export interface EarlyAnswer {
  readonly manifest: Uint8Array | undefined
  readonly segmentIndex: number | undefined
  readonly block: ReadBlock | undefined
}

export interface SearchOptions {
  /** Asked between servers: whether the ones not yet asked can be left alone. */
  readonly isEnough: (search: ShareSearch) => boolean
  /**
   * Given: the first OPEN_FIRST_SERVERS are asked for a manifest and the block of this segment too, and the others only
   * if someone waits for more, or one of the first fails, has nothing, or is late.
   */
  readonly firstSegment?: number | undefined
}

/**
 * Asks servers in ring order what they hold, and keeps asking while others already read. Consumers look at `sources`
 * and wait on `more()` for it to grow.
 */
export class ShareSearch {
  readonly #grid: Grid
  readonly #file: FileId
  readonly #sources: ShareSource[] = []
  readonly #failures: ServerFailure[] = []
  readonly #stop = new AbortController()
  readonly #finished: Promise<void>
  /** Resolves when the first servers are not enough. */
  readonly #goOn = Promise.withResolvers<void>()
  #firstLeft = 0
  #askedCount = 0
  #isFinished = false
  #wake: PromiseWithResolvers<void> = Promise.withResolvers()

  /** Starts asking at once. Call `stop` when done. */
  constructor(grid: Grid, file: FileId, options: SearchOptions) {
    this.#grid = grid
    this.#file = file
    this.#finished = this.#run(options)
    this.#finished.catch(() => undefined)
  }

  get sources(): readonly ShareSource[] {
    return this.#sources
  }

  get failures(): readonly ServerFailure[] {
    return this.#failures
  }

  /** Servers that have answered or failed. */
  get askedCount(): number {
    return this.#askedCount
  }

  get foundCount(): number {
    return new Set(this.#sources.map(({ shareNumber }) => shareNumber)).size
  }

  /** True once nothing more will be found. */
  get isFinished(): boolean {
    return this.#isFinished
  }

  /**
   * Resolves when something changed since the last look: a server answered, failed, or the search ended. Who waits
   * for that has not enough: once the first servers have answered, the others are asked.
   */
  more(): Promise<void> {
    if (this.#firstLeft === 0) this.#goOn.resolve()
    return this.#isFinished ? Promise.resolve() : this.#wake.promise
  }

  /** Resolves when every server that will be asked has been. */
  finished(): Promise<void> {
    this.#goOn.resolve()
    return this.#finished
  }

  stop(): void {
    this.#stop.abort(new DOMException('the search was stopped', 'AbortError'))
    this.#goOn.resolve()
  }

  async #run({ isEnough, firstSegment }: SearchOptions): Promise<void> {
    const ring = this.#grid.ring(this.#file.storageIndex)
    const first = firstSegment === undefined ? [] : ring.slice(0, OPEN_FIRST_SERVERS)
    try {
      const opened = firstSegment === undefined ? undefined : this.#openFirst(first, firstSegment)
      opened?.catch(() => this.#goOn.resolve())
      await forEachConcurrently(ring.slice(first.length), LOCATE_IN_FLIGHT_MAX, async (gridServer) => {
        if (opened !== undefined) await this.#goOn.promise
        if (this.#stop.signal.aborted || isEnough(this)) return
        await this.#list(gridServer)
        this.#askedCount += 1
        this.#notify()
      })
      await opened
    } finally {
      this.#isFinished = true
      this.#notify()
    }
  }

  /** Settles when all have answered or failed; lets the search go on as soon as one is no help. */
  async #openFirst(servers: readonly GridServer[], segmentIndex: number): Promise<void> {
    this.#firstLeft = servers.length
    const answered = new AbortController()
    const late = AbortSignal.any([this.#stop.signal, answered.signal])
    this.#grid.clock.sleep(HEDGE_MIN_MILLISECONDS, { signal: late }).then(
      () => this.#goOn.resolve(),
      () => undefined,
    )
    try {
      await Promise.all(
        servers.map(async (gridServer) => {
          const foundBefore = this.#sources.length
          await this.#open(gridServer, segmentIndex)
          if (this.#sources.length === foundBefore) this.#goOn.resolve()
          this.#askedCount += 1
          this.#firstLeft -= 1
          this.#notify()
        }),
      )
    } finally {
      answered.abort()
    }
  }

  async #open(gridServer: GridServer, segmentIndex: number): Promise<void> {
    await this.#ask(gridServer, async (signal) => {
      const request = { ...this.#file, segmentIndex }
      const { shares, manifest, block } = await gridServer.server.openFile(request, { signal })
      // What came along is of the lowest-numbered share, which may stand anywhere in a liar's list.
      const lowest = Math.min(...shares.map(({ shareNumber }) => shareNumber))
      this.#take(gridServer, shares, { shareNumber: lowest, early: { manifest, segmentIndex, block } })
    })
  }

  async #list(gridServer: GridServer): Promise<void> {
    await this.#ask(gridServer, async (signal) => {
      const [listed = []] = await gridServer.server.listShares([this.#file], { signal })
      this.#take(gridServer, listed)
    })
  }

  async #ask(gridServer: GridServer, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { signal } = this.#stop
    try {
      await within(this.#grid.clock, { seconds: ANSWER_SECONDS, what: 'asking for shares', signal }, work)
    } catch (error) {
      if (!signal.aborted) this.#failures.push(failureOf(gridServer.serverId, error))
    }
  }

  #take(
    gridServer: GridServer,
    listed: readonly ListedShare[],
    came?: { readonly shareNumber: number; readonly early: EarlyAnswer },
  ): void {
    const seen = new Set<number>()
    for (const { root, shareNumber } of listed) {
      if (seen.has(shareNumber) || shareNumber >= TOTAL_SHARES_MAX || !equalBytes(root, this.#file.root))
        continue
      seen.add(shareNumber)
      const early = came?.shareNumber === shareNumber ? came.early : undefined
      this.#sources.push({ shareNumber, gridServer, early })
    }
  }

  #notify(): void {
    const waiting = this.#wake
    this.#wake = Promise.withResolvers()
    waiting.resolve()
  }
}

/**
 * Get the manifest from any server that claims a share. It is verified against the root, so a liar is found out.
 *
 * @throws NotEnoughSharesError if no server gives it
 */
export async function fetchManifest(
  grid: Grid,
  file: FileId,
  search: ShareSearch,
  options: {
    readonly signal?: AbortSignal | undefined
    readonly onFailure: (failure: ServerFailure) => void
  },
): Promise<KnownFile> {
  for (let tried = 0; ; ) {
    options.signal?.throwIfAborted()
    const source = search.sources[tried]
    if (source === undefined) {
      if (search.isFinished) break
      await untilAborted(search.more(), options.signal)
      continue
    }
    tried += 1
    const { serverId, server } = source.gridServer
    try {
      const address = { ...file, shareNumber: source.shareNumber }
      const limit = { seconds: ANSWER_SECONDS, what: 'reading a manifest', signal: options.signal }
      const manifestBytes =
        source.early?.manifest ??
        (await within(grid.clock, limit, (signal) => server.readManifest(address, { signal })))
      return { ...file, manifest: parseManifestOf(file, manifestBytes), manifestBytes }
    } catch (error) {
      options.signal?.throwIfAborted()
      options.onFailure(failureOf(serverId, error, source.shareNumber))
    }
  }
  throw notEnough(file, {
    found: [],
    neededShares: undefined,
    failures: search.failures,
    askedCount: search.askedCount,
  })
}

/** The error of a reader who cannot go on: wanted, found, where, and what became of the others. */
export function notEnough(
  file: FileId,
  state: {
    readonly found: readonly ShareSource[]
    readonly neededShares: number | undefined
    readonly failures: readonly ServerFailure[]
    readonly askedCount: number
  },
): NotEnoughSharesError {
  const { found, neededShares, failures, askedCount } = state
  const count = new Set(found.map(({ shareNumber }) => shareNumber)).size
  const places = found.map(
    ({ shareNumber, gridServer }) => `share ${shareNumber} on ${shortId(gridServer.serverId)}`,
  )
  const wanted =
    neededShares === undefined ? 'no share found' : `found ${count} of ${neededShares} shares needed`
  const where = places.length === 0 ? '' : `: ${places.join(', ')}`
  return new NotEnoughSharesError(
    `${wanted} (${shortIndex(file.storageIndex)}…)${where}; ` +
      `${askedCount} servers asked: ${summarizeFailures(failures)}`,
    {
      neededShares,
      found: found.map((source) => ({
        shareNumber: source.shareNumber,
        serverId: source.gridServer.serverId,
      })),
      failures,
    },
  )
}
