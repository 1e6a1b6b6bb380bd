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
import { ANSWER_SECONDS, LOCATE_IN_FLIGHT_MAX } from '../limits.ts'
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
  #askedCount = 0
  #isFinished = false
  #wake: PromiseWithResolvers<void> = Promise.withResolvers()

  /**
   * Starts asking at once. Call `stop` when done.
   *
   * @param isEnough asked between servers: whether the ones not yet asked can be left alone
   */
  constructor(grid: Grid, file: FileId, options: { readonly isEnough: (search: ShareSearch) => boolean }) {
    this.#grid = grid
    this.#file = file
    this.#finished = this.#run(options.isEnough)
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

  /** Resolves when something changed since the last look: a server answered, failed, or the search ended. */
  more(): Promise<void> {
    return this.#isFinished ? Promise.resolve() : this.#wake.promise
  }

  /** Resolves when every server that will be asked has been. */
  finished(): Promise<void> {
    return this.#finished
  }

  stop(): void {
    this.#stop.abort(new DOMException('the search was stopped', 'AbortError'))
  }

  async #run(isEnough: (search: ShareSearch) => boolean): Promise<void> {
    const ring = this.#grid.ring(this.#file.storageIndex)
    try {
      await forEachConcurrently(ring, LOCATE_IN_FLIGHT_MAX, async (gridServer) => {
        if (this.#stop.signal.aborted || isEnough(this)) return
        await this.#ask(gridServer)
        this.#askedCount += 1
        this.#notify()
      })
    } finally {
      this.#isFinished = true
      this.#notify()
    }
  }

  async #ask(gridServer: GridServer): Promise<void> {
    const { signal } = this.#stop
    try {
      const limit = { seconds: ANSWER_SECONDS, what: 'asking for shares', signal }
      const [listed] = await within(this.#grid.clock, limit, (limited) =>
        gridServer.server.listShares([this.#file], { signal: limited }),
      )
      const seen = new Set<number>()
      for (const { root, shareNumber } of listed ?? []) {
        if (seen.has(shareNumber) || shareNumber >= TOTAL_SHARES_MAX || !equalBytes(root, this.#file.root))
          continue
        seen.add(shareNumber)
        this.#sources.push({ shareNumber, gridServer })
      }
    } catch (error) {
      if (!signal.aborted) this.#failures.push(failureOf(gridServer.serverId, error))
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
      const manifestBytes = await within(grid.clock, limit, (signal) =>
        server.readManifest(address, { signal }),
      )
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
