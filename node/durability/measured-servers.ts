/**
 * The uptimes that durability goes by: a daemon looks at every server once an hour and keeps what it finds; commands
 * beside it read that.
 */
import { OBSERVATION_SECONDS } from '../keeping/limits.ts'
import type { ServerRecord } from '../keeping/server-records.ts'
import { ServerRecordsFile } from '../keeping/server-records-file.ts'
import type { Platform } from '../platform/platform.ts'
import type { KnownServer } from '../status.ts'
import { wholeSeconds } from '../storage/lease.ts'

/** Whether an hour has begun in which nobody has looked yet is asked this often. */
const LOOK_POLL_MILLISECONDS = (OBSERVATION_SECONDS * 1000) / 60

type MeasuringPlatform = Pick<Platform, 'disk' | 'clock' | 'log'>
type Look = (options: { readonly signal: AbortSignal }) => Promise<readonly KnownServer[]>

export class MeasuredServers implements AsyncDisposable {
  readonly #platform: MeasuringPlatform
  readonly #file: ServerRecordsFile
  readonly #measures: boolean
  readonly #stop = new AbortController()
  #watching: Promise<void> = Promise.resolve()

  private constructor(platform: MeasuringPlatform, file: ServerRecordsFile, measures: boolean) {
    this.#platform = platform
    this.#file = file
    this.#measures = measures
  }

  /**
   * @param options.measures whether this process is the one that looks and writes: the daemon of the home; others read
   *   what it last wrote
   */
  static async open(
    platform: MeasuringPlatform,
    { home, measures }: { readonly home: string; readonly measures: boolean },
  ): Promise<MeasuredServers> {
    const folder = `${home}/keeping`
    if (measures) {
      await platform.disk.makeFolder(folder)
      await platform.disk.syncFolder(home)
    }
    return new MeasuredServers(platform, await ServerRecordsFile.open(platform, folder), measures)
  }

  get records(): readonly ServerRecord[] {
    return this.#file.records.all()
  }

  /** Look once an hour from now on, if this process measures. Called once. */
  watch(look: Look): void {
    if (this.#measures) this.#watching = this.#keepLooking(look)
  }

  /** What servers have answered just now: counts if it is the first of its hour. */
  note(servers: readonly KnownServer[]): void {
    if (!this.#measures) return
    const others = servers.filter(({ isLocal }) => !isLocal)
    const answers = new Map(others.map(({ peerId, status }) => [peerId, status !== undefined]))
    this.#file.records.noteLook(answers, wholeSeconds(this.#platform.clock))
  }

  /** What was noted is on the disk then. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new DOMException('the node is stopping', 'AbortError'))
    await this.#watching
    await this.#file[Symbol.asyncDispose]()
  }

  async #keepLooking(look: Look): Promise<void> {
    const { clock, log } = this.#platform
    const { signal } = this.#stop
    while (!signal.aborted) {
      try {
        await clock.sleep(LOOK_POLL_MILLISECONDS, { signal })
        if (this.#file.records.isLookDue(wholeSeconds(clock))) this.note(await look({ signal }))
      } catch (error) {
        if (!signal.aborted) log.error('looking at the servers failed', { error })
      }
    }
  }
}
