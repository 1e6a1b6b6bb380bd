/** Stage of an upload or repair: send each segment's blocks to the servers that take them, and finish the shares. */
import type { EncodedSegment } from '#crypto'
import type { ServerFailure } from '../errors.ts'
import { failureOf, type Grid } from '../grid.ts'
import { BLOCK_ANSWER_SECONDS, FINISH_ANSWER_SECONDS } from '../limits.ts'
import { within } from '../within.ts'
import { abortAll, type OpenShare } from './place.ts'

/**
 * The shares being written. A server that fails is dropped with its share and recorded; `requireEnough` is called
 * after each loss and throws when going on makes no sense.
 */
export class ShareSet {
  readonly #grid: Grid
  readonly #live: Map<number, OpenShare>
  readonly #requireEnough: (live: readonly OpenShare[]) => void
  readonly failures: ServerFailure[] = []

  constructor(grid: Grid, open: readonly OpenShare[], requireEnough: (live: readonly OpenShare[]) => void) {
    this.#grid = grid
    this.#live = new Map(open.map((share) => [share.shareNumber, share]))
    this.#requireEnough = requireEnough
  }

  get live(): readonly OpenShare[] {
    return [...this.#live.values()]
  }

  /**
   * Send one segment. Segments come in order; calls may overlap.
   *
   * @returns when every server has taken its block or was dropped: the blocks' buffer is free again
   */
  async write(
    segmentIndex: number,
    encoded: EncodedSegment,
    options: { readonly signal?: AbortSignal | undefined },
  ): Promise<void> {
    const { sealedLeaf } = encoded
    await this.#onEach(
      'sending a block',
      BLOCK_ANSWER_SECONDS,
      options,
      async ({ shareNumber, writer, segmentsHeld }, signal) => {
        const block = encoded.blocks[shareNumber]
        if (block !== undefined && segmentIndex >= segmentsHeld)
          await writer.writeBlock({ segmentIndex, sealedLeaf, block }, { signal })
      },
    )
  }

  /** Make every share that is left durable and visible. */
  async finish(
    last: { readonly manifest: Uint8Array; readonly leaseDurationSeconds: number },
    options: { readonly signal?: AbortSignal | undefined },
  ): Promise<void> {
    await this.#onEach('finishing a share', FINISH_ANSWER_SECONDS, options, ({ writer }, signal) =>
      writer.finish(last, { signal }),
    )
  }

  /** @param isToGoOn what the servers have is left there, for whoever puts the same file again */
  async abort({ isToGoOn = false }: { readonly isToGoOn?: boolean } = {}): Promise<void> {
    if (isToGoOn) await Promise.allSettled(this.live.map(({ writer }) => writer.detach()))
    else await abortAll(this.#live.values())
    this.#live.clear()
  }

  async #onEach(
    what: string,
    seconds: number,
    options: { readonly signal?: AbortSignal | undefined },
    act: (share: OpenShare, signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const limit = { seconds, what, signal: options.signal }
    await within(this.#grid.clock, limit, (signal) =>
      Promise.all(
        this.live.map(async (share) => {
          try {
            await act(share, signal)
          } catch (error) {
            options.signal?.throwIfAborted()
            this.#drop(share, error)
          }
        }),
      ),
    )
    this.#requireEnough(this.live)
  }

  #drop(share: OpenShare, error: unknown): void {
    if (this.#live.get(share.shareNumber) !== share) return
    const failure = failureOf(share.serverId, error, share.shareNumber)
    this.#live.delete(share.shareNumber)
    this.failures.push(failure)
    this.#grid.log.warn('a server was dropped from an upload', { ...failure })
    void share.writer.abort()
  }
}
