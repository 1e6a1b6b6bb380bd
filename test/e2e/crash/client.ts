/**
 * A client that puts files, changes directories and slots and reads back, until it is killed: a process of its own.
 *
 * The first line of its standard input is its work (told.ts); then `pause` and `go`. On standard output it tells each
 * thing before it is begun and after it was acknowledged.
 */
import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import {
  type DirectoryWriteCapability,
  equalBytes,
  formatCapability,
  GridError,
  parseCapability,
  type SlotWriteCapability,
  utf8,
} from '#crypto'
import { type GridFiles, RemoteFiles, requireContent, requireDirectoryWrite } from '#gateway'
import { systemRandom, UnreachableError, type UploadSource } from '#node'
import { readDaemonFile } from '../../../cli/daemon-file.ts'
import { Home } from '../../../cli/home.ts'
import { openFiles } from '../../../cli/session.ts'
import { SimRandom } from '../../sim/sim-random.ts'
import { seededBytes } from '../../support/make-shares.ts'
import { formatStored, formatTold, parseStored, type Told, type Work, workMessage } from './told.ts'

const NAMES_MAX = 8
const SLOTS_MAX = 3
/** Shorter contents could be equal, and so would be their literal capabilities. */
const SIZE_LEAST_BYTES = 16
const SIZES_BYTES = [40, 700, 9_000, 30_000, 120_000]
const OPERATION_SECONDS = 60
const RETRY_MILLISECONDS = 50

/** Waits while it is told to pause. */
class Pauses {
  #resumed: PromiseWithResolvers<void> | undefined

  async watch(lines: AsyncIterator<string>): Promise<void> {
    for (;;) {
      const { value, done } = await lines.next()
      // Whoever gave the work is gone.
      if (done === true) process.exit(0)
      if (value === 'pause') this.#resumed ??= Promise.withResolvers<void>()
      if (value !== 'go') continue
      this.#resumed?.resolve()
      this.#resumed = undefined
    }
  }

  async rest(): Promise<void> {
    if (this.#resumed === undefined) return
    tell({ kind: 'paused' })
    await this.#resumed.promise
  }
}

class CrashClient {
  readonly #work: Work
  readonly #random: SimRandom
  readonly #directories: readonly (readonly [name: string, capability: DirectoryWriteCapability])[]
  readonly #stored: string[] = []
  readonly #slots: SlotWriteCapability[] = []
  /** Names that it has put into a directory, and not taken out. */
  readonly #linked = new Set<string>()
  #next = 0

  constructor(work: Work) {
    this.#work = work
    this.#random = new SimRandom(work.seed)
    this.#directories = Object.entries(work.directories).map(([name, text]) => [
      name,
      requireDirectoryWrite(parseCapability(text)),
    ])
  }

  async run(pauses: Pauses): Promise<never> {
    let files: GridFiles | undefined
    for (;;) {
      await pauses.rest()
      try {
        files ??= await this.#open()
        await this.#operate(files)
      } catch (error) {
        if (!(error instanceof GridError)) throw error
        tell({ kind: 'failed', code: error.code })
        // A daemon that was killed comes back at another port.
        if (this.#work.viaDaemon && error instanceof UnreachableError) {
          await files?.[Symbol.asyncDispose]()
          files = undefined
        }
        await new Promise((resolve) => setTimeout(resolve, RETRY_MILLISECONDS))
      }
    }
  }

  async #open(): Promise<GridFiles> {
    const home = new Home(this.#work.home)
    if (!this.#work.viaDaemon) return openFiles(home, new AbortController().signal)
    const place = await readDaemonFile(home)
    if (place === undefined) throw new UnreachableError('the daemon does not run')
    return RemoteFiles.open(place, systemRandom)
  }

  async #operate(files: GridFiles): Promise<void> {
    const dice = this.#random.below(10)
    if (dice < 4 || this.#stored.length === 0) return this.#link(files)
    if (dice < 5) return this.#unlink(files)
    if (dice < 8) return this.#writeSlot(files)
    return this.#readBack(files)
  }

  /** Put a file and give it a name, which may be taken. */
  async #link(files: GridFiles): Promise<void> {
    const { signal } = this.#limit()
    const sizeBytes =
      SIZE_LEAST_BYTES + this.#random.below(SIZES_BYTES[this.#random.below(SIZES_BYTES.length)] ?? 1)
    const seed = this.#newName()
    const put = await files.put(sourceOf(seededBytes(seed, sizeBytes)), { signal })
    const value = formatStored({ capability: formatCapability(put.capability), seed, sizeBytes })
    tell({ kind: 'stored', value })
    this.#stored.push(value)
    const [directoryName, directory] = this.#anyDirectory()
    const name = `${this.#work.name}-${this.#random.below(NAMES_MAX)}`
    const thing = `${directoryName}/${name}`
    tell({ kind: 'begun', thing, value })
    const change = {
      kind: 'set',
      name,
      capability: put.capability,
      metadata: { sizeBytes },
      ifExists: 'replace',
    } as const
    await files.edit(directory, [change], { signal })
    this.#linked.add(thing)
    tell({ kind: 'done', thing, value })
  }

  async #unlink(files: GridFiles): Promise<void> {
    const { signal } = this.#limit()
    const things = [...this.#linked]
    const thing = things[this.#random.below(things.length)]
    const [directoryName, name = ''] = thing?.split('/') ?? []
    const directory = this.#directories.find(([known]) => known === directoryName)?.[1]
    if (thing === undefined || directory === undefined) return
    tell({ kind: 'begun', thing, value: '' })
    await files.edit(directory, [{ kind: 'remove', name, ifMissing: 'ignore' }], { signal })
    this.#linked.delete(thing)
    tell({ kind: 'done', thing, value: '' })
  }

  async #writeSlot(files: GridFiles): Promise<void> {
    const { signal } = this.#limit()
    // Short values stand in the record itself, long ones in a file of their own.
    const value = `${this.#newName()} `.padEnd(10 + this.#random.below(2) * 20_000, '.')
    const slot = this.#slots[this.#random.below(SLOTS_MAX)]
    const begun = slot === undefined ? undefined : `slot ${formatCapability(slot)}`
    if (begun !== undefined) tell({ kind: 'begun', thing: begun, value })
    const written = await files.putSlot(slot, sourceOf(utf8(value)), { signal })
    if (slot === undefined) this.#slots.push(written)
    tell({ kind: 'done', thing: begun ?? `slot ${formatCapability(written)}`, value })
  }

  async #readBack(files: GridFiles): Promise<void> {
    const { signal } = this.#limit()
    const file = parseStored(this.#stored[this.#random.below(this.#stored.length)] ?? '')
    const { content } = await files.get(requireContent(parseCapability(file.capability)), { signal })
    const parts: Uint8Array[] = []
    for await (const bytes of content) parts.push(bytes.slice())
    if (equalBytes(Buffer.concat(parts), seededBytes(file.seed, file.sizeBytes)))
      return tell({ kind: 'read' })
    tell({ kind: 'broken', what: 'wrong bytes', message: `a get of ${file.seed} returned other bytes` })
  }

  #anyDirectory(): readonly [name: string, capability: DirectoryWriteCapability] {
    const directory = this.#directories[this.#random.below(this.#directories.length)]
    if (directory === undefined) throw new Error('there are no directories to work in')
    return directory
  }

  #newName(): string {
    this.#next += 1
    return `${this.#work.name}.${this.#work.seed}.${this.#next}`
  }

  #limit(): { readonly signal: AbortSignal } {
    return { signal: AbortSignal.timeout(OPERATION_SECONDS * 1000) }
  }
}

function sourceOf(content: Uint8Array): UploadSource {
  return { sizeBytes: content.length, rereadable: true, open: () => partsOf(content) }
}

async function* partsOf(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content.slice()
}

function tell(told: Told): void {
  writeSync(1, formatTold(told))
}

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const { value: firstLine = '' } = await lines.next()
const pauses = new Pauses()
void pauses.watch(lines)
try {
  await new CrashClient(workMessage.parse(JSON.parse(firstLine))).run(pauses)
} catch (error) {
  tell({
    kind: 'broken',
    what: 'bug',
    message: error instanceof Error ? (error.stack ?? error.message) : String(error),
  })
  process.exitCode = 1
  process.exit()
}
