/**
 * Parts of packs, read in runs of whole segments that are kept for a while: packs are read nearly in the order in which
 * they were written, in small steps, and whoever goes on and on in one is given more at a time.
 *
 * Memory is bounded: RUNS_KEPT_MAX runs, and those that are being fetched.
 */
import { type FileReadCapability, IntegrityError, RecentMap } from '#crypto'
import type { GridFiles } from '#gateway'
import { untilAborted } from '#node'
import { RUN_SIZE_BYTES, RUNS_AHEAD_MAX, RUNS_KEPT_MAX } from './limits.ts'
import type { Cancel } from './types.ts'

/** Packs whose reading is watched for going on and on. */
const PACKS_WATCHED_MAX = 64

export interface ReadablePack {
  /** Of its own, among all that one reader reads. */
  readonly number: number
  readonly capability: FileReadCapability
  readonly sizeBytes: number
}

interface Course {
  /** The run that comes next if the pack is read on. */
  nextRun: number
  /** Runs that are fetched beyond those asked for. */
  ahead: number
}

export class PackReader implements AsyncDisposable {
  readonly #files: Pick<GridFiles, 'get'>
  readonly #runs = new RecentMap<string, Promise<Uint8Array>>(RUNS_KEPT_MAX)
  readonly #courses = new RecentMap<number, Course>(PACKS_WATCHED_MAX)
  readonly #closing = new AbortController()
  readonly #fetches = new Set<Promise<void>>()

  constructor(files: Pick<GridFiles, 'get'>) {
    this.#files = files
  }

  /**
   * @returns a buffer of its own, not yet verified as a blob
   * @throws IntegrityError if the pack ends before; what getting a file throws
   */
  async read(
    pack: ReadablePack,
    { start, end }: { readonly start: number; readonly end: number },
    { signal }: Cancel = {},
  ): Promise<Uint8Array> {
    if (start >= end || end > pack.sizeBytes) {
      throw new IntegrityError(`a pack of ${pack.sizeBytes} bytes has no bytes ${start} to ${end}`)
    }
    const firstRun = Math.floor(start / RUN_SIZE_BYTES)
    const endRun = Math.ceil(end / RUN_SIZE_BYTES)
    const runs = this.#runsOf(pack, { firstRun, endRun })
    const bytes = new Uint8Array(end - start)
    for (const [place, run] of runs.entries()) {
      const runStart = (firstRun + place) * RUN_SIZE_BYTES
      const content = await untilAborted(run, signal)
      const from = Math.max(start, runStart)
      const part = content.subarray(from - runStart, Math.min(end - runStart, RUN_SIZE_BYTES))
      bytes.set(part, from - start)
    }
    return bytes
  }

  /** What is being fetched is given up. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new DOMException('the repository was closed', 'AbortError'))
    await Promise.all(this.#fetches)
  }

  #runsOf(
    pack: ReadablePack,
    { firstRun, endRun }: { readonly firstRun: number; readonly endRun: number },
  ): readonly Promise<Uint8Array>[] {
    const ahead = this.#advance(pack, { firstRun, endRun })
    const wanted: Promise<Uint8Array>[] = []
    let missing = firstRun
    const fetchUpTo = (end: number, beyond: number): void => {
      if (missing < end)
        wanted.push(...this.#fetch(pack, { firstRun: missing, endRun: end + beyond }).slice(0, end - missing))
    }
    for (let run = firstRun; run < endRun; run += 1) {
      const kept = this.#runs.get(keyOf(pack, run))
      if (kept === undefined) continue
      fetchUpTo(run, 0)
      wanted.push(kept)
      missing = run + 1
    }
    fetchUpTo(endRun, ahead)
    return wanted
  }

  /** How many runs to fetch beyond: more each time the pack is read on. */
  #advance(
    { number }: ReadablePack,
    { firstRun, endRun }: { readonly firstRun: number; readonly endRun: number },
  ): number {
    const course = this.#courses.get(number)
    const goesOn = course !== undefined && firstRun >= course.nextRun - 1 && firstRun <= course.nextRun
    if (course === undefined || !goesOn) {
      this.#courses.set(number, { nextRun: endRun, ahead: 0 })
      return 0
    }
    if (endRun > course.nextRun) {
      course.nextRun = endRun
      course.ahead = Math.min(RUNS_AHEAD_MAX, 2 * course.ahead + 1)
    }
    return course.ahead
  }

  /** Fetch runs in one go; each can be used as soon as it is there. */
  #fetch(
    pack: ReadablePack,
    { firstRun, endRun }: { readonly firstRun: number; readonly endRun: number },
  ): readonly Promise<Uint8Array>[] {
    const last = Math.min(endRun, Math.ceil(pack.sizeBytes / RUN_SIZE_BYTES))
    const arrivals: PromiseWithResolvers<Uint8Array>[] = []
    for (let run = firstRun; run < last; run += 1) {
      if (run > firstRun && this.#runs.get(keyOf(pack, run)) !== undefined) break
      const arrival = Promise.withResolvers<Uint8Array>()
      // Nobody may be waiting for what is fetched ahead.
      arrival.promise.catch(() => undefined)
      arrivals.push(arrival)
      this.#runs.set(keyOf(pack, run), arrival.promise)
    }
    const fetched: Promise<void> = this.#receive(pack, firstRun, arrivals)
      .catch((error: unknown) => {
        for (const [place, { promise, reject }] of arrivals.entries()) {
          const key = keyOf(pack, firstRun + place)
          if (this.#runs.get(key) === promise) this.#runs.delete(key)
          reject(error)
        }
      })
      .finally(() => this.#fetches.delete(fetched))
    this.#fetches.add(fetched)
    return arrivals.map(({ promise }) => promise)
  }

  async #receive(
    { capability, sizeBytes }: ReadablePack,
    firstRun: number,
    arrivals: readonly PromiseWithResolvers<Uint8Array>[],
  ): Promise<void> {
    const start = firstRun * RUN_SIZE_BYTES
    const end = Math.min(sizeBytes, start + arrivals.length * RUN_SIZE_BYTES)
    const { signal } = this.#closing
    const download = await this.#files.get(capability, { range: { start, end }, signal })
    try {
      if (download.fileSizeBytes !== sizeBytes) {
        throw new IntegrityError(
          `a pack of ${sizeBytes} bytes wanted, found a file of ${download.fileSizeBytes}`,
        )
      }
      const received = await fill(arrivals, end - start, download.content)
      if (received < end - start) throw new IntegrityError('a pack ended before the part that was asked for')
    } finally {
      await download.close()
    }
  }
}

/** @returns how many bytes there were */
async function fill(
  arrivals: readonly PromiseWithResolvers<Uint8Array>[],
  sizeBytes: number,
  content: AsyncIterable<Uint8Array>,
): Promise<number> {
  let received = 0
  let run = new Uint8Array(0)
  let filled = 0
  for await (const bytes of content) {
    for (let rest = bytes; rest.length > 0 && received < sizeBytes; ) {
      if (filled === 0) run = new Uint8Array(Math.min(RUN_SIZE_BYTES, sizeBytes - received))
      const taken = rest.subarray(0, run.length - filled)
      run.set(taken, filled)
      filled += taken.length
      received += taken.length
      rest = rest.subarray(taken.length)
      if (filled < run.length) continue
      arrivals[Math.floor((received - 1) / RUN_SIZE_BYTES)]?.resolve(run)
      filled = 0
    }
  }
  return received
}

function keyOf({ number }: ReadablePack, run: number): string {
  return `${number}:${run}`
}
