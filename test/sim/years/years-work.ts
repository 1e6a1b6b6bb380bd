/** What clients do on a grid over years, and what they were promised for it. */
import {
  type DirectoryVerifyCapability,
  type DirectoryWriteCapability,
  equalBytes,
  type FileReadCapability,
  formatCapability,
  GridError,
  type PublicKey,
  type SlotVerifyCapability,
  slotKeys,
  slotStorageIndex,
  toBase32,
  toVerifyCapability,
} from '#crypto'
import {
  downloadFile,
  editDirectory,
  type Grid,
  happiness,
  makeDirectory,
  openDirectory,
  repairDeep,
  repairFile,
  repairSlot,
  uploadFile,
} from '#node'
import { Promises, valuesByName } from '../../support/promises.ts'
import type { SimRandom } from '../sim-random.ts'
import { SimSlots } from '../sim-slots.ts'
import { BrokenPromise, must } from './broken-promise.ts'
import type { Promised } from './fault-budget.ts'
import { HAPPY_SERVERS, STORING } from './numbers.ts'
import type { Secrets } from './secrets.ts'
import type { YearsClient, YearsGrid } from './years-grid.ts'

/** Most files of people are small; some have several segments, and shares that are files of their own. */
const SIZES_BYTES = [100, 2_000, 10_000, 70_000]
const NAMES_MAX = 5
/** Things that are repaired or read back at a time. */
const AT_ONCE_MAX = 64
/** Rounds of repair in which whole trees are repaired too. */
const DEEP_EVERY_ROUNDS = 3

interface KeptFile {
  readonly capability: FileReadCapability
  readonly content: Uint8Array
  /** Of its storage index. */
  readonly name: string
}

export interface WorkParts {
  readonly grid: YearsGrid
  readonly random: SimRandom
  readonly secrets: Secrets
  /** Files that somebody cares for at one time. */
  readonly filesMax: number
  readonly note: (what: string, value: number) => void
}

export class YearsWork {
  readonly #parts: WorkParts
  readonly #files: KeptFile[] = []
  /** Files that entries point to, by their capability. */
  readonly #linked = new Map<string, KeptFile>()
  readonly #promises = new Promises()
  readonly #slots: SimSlots
  readonly #directories: DirectoryWriteCapability[] = []
  readonly #directoryKeys: PublicKey[] = []
  /** By directory: what its entries point to, as last listed. */
  readonly #present = new Map<number, ReadonlySet<string>>()
  #repairCount = 0

  constructor(parts: WorkParts) {
    this.#parts = parts
    this.#slots = new SimSlots(parts.random.fork())
  }

  /** A directory for each client, and one for all. */
  async begin(clients: readonly YearsClient[]): Promise<void> {
    for (const client of [...clients, ...clients.slice(0, 1)]) {
      const directory = await makeDirectory(client.grid, [], STORING)
      this.#directories.push(directory)
      this.#directoryKeys.push(slotKeys(directory.seed.reveal()).publicKey)
    }
  }

  promised(): Promised {
    const files = new Set([...this.#files, ...this.#linked.values()].map(({ name }) => name))
    return { files, slots: [...this.#slots.publicKeys, ...this.#directoryKeys].map(slotStorageIndex) }
  }

  /** One thing that a client does; under faults it may fail, but only in ways that have a name. */
  async operate(client: YearsClient, place: number): Promise<void> {
    const { random, note } = this.#parts
    const { grid } = client
    const dice = random.below(16)
    const kinds = [
      { below: 4, what: 'put', work: () => this.#put(grid) },
      { below: 7, what: 'get', work: () => this.#get(grid) },
      { below: 8, what: 'forget', work: async () => this.#forget() },
      { below: 11, what: 'directory edit', work: () => this.#edit(grid, place) },
      { below: 12, what: 'directory list', work: () => this.#list(grid) },
      { below: 14, what: 'slot update', work: () => this.#slots.update(grid) },
      { below: 16, what: 'slot read', work: () => this.#slots.read(grid) },
    ]
    const chosen = kinds.find(({ below }) => dice < below)
    if (chosen === undefined) return
    try {
      note(chosen.what, await chosen.work())
    } catch (error) {
      if (!(error instanceof GridError)) throw error
      note(`${chosen.what}: ${error.code}`, 0)
    }
  }

  async #put(grid: Grid): Promise<number> {
    const file = await this.#store(grid)
    if (this.#files.length >= this.#parts.filesMax) this.#forget()
    this.#files.push(file)
    return file.content.length
  }

  /** What is stored is not yet promised to be kept up. */
  async #store(grid: Grid): Promise<KeptFile> {
    const { random, secrets } = this.#parts
    const sizeBytes = 1 + random.below(SIZES_BYTES[random.below(SIZES_BYTES.length)] ?? 1)
    const content = secrets.content(random, sizeBytes)
    const source = { sizeBytes: content.length, rereadable: true, open: () => partsOf(content) }
    const { capability, placements } = await uploadFile(grid, source, STORING)
    if (capability.kind !== 'file') throw new Error('a file capability is expected')
    const name = toBase32(toVerifyCapability(capability).storageIndex)
    const named = happiness(placements)
    must(named >= HAPPY_SERVERS, 'unhappy', `a put returned with placements on ${named} servers`)
    const held = happiness(this.#heldOrClaimed(name, placements))
    must(held >= HAPPY_SERVERS, 'unhappy', `a put returned with shares on ${held} servers`)
    return { capability, content, name }
  }

  /** What stands on disks, and what liars say does. */
  #heldOrClaimed(
    name: string,
    placements: readonly { readonly serverId: string; readonly shareNumber: number }[],
  ): readonly { readonly serverId: string; readonly shareNumber: number }[] {
    const { servers } = this.#parts.grid
    const liars = new Set(servers.filter(({ lie }) => lie !== undefined).map(({ id }) => id))
    return [
      ...placements.filter(({ serverId }) => liars.has(serverId)),
      ...servers.flatMap((server) =>
        server
          .shares()
          .filter(({ storageIndex }) => storageIndex === name)
          .map(({ shareNumber }) => ({ serverId: server.id, shareNumber })),
      ),
    ]
  }

  async #get(grid: Grid): Promise<number> {
    const files = [...this.#files, ...this.#linked.values()]
    const file = files[this.#parts.random.below(files.length)]
    if (file === undefined) return 0
    const start = this.#parts.random.below(file.content.length)
    return this.#read(grid, file, start)
  }

  async #read(grid: Grid, file: KeptFile, start: number): Promise<number> {
    const { content } = await downloadFile(grid, file.capability, {
      range: { start, end: file.content.length },
    })
    let offset = start
    for await (const bytes of content) {
      const right = file.content.subarray(offset, offset + bytes.length)
      must(equalBytes(bytes, right), 'wrong bytes', `a get returned wrong bytes from ${offset} on`)
      offset += bytes.length
    }
    must(offset === file.content.length, 'wrong bytes', 'a get ended early')
    return offset - start
  }

  /** Nobody renews it any more. */
  #forget(): number {
    const [file] = this.#files.splice(this.#parts.random.below(this.#files.length), 1)
    return file === undefined ? 0 : 1
  }

  /** Each client has names of its own, in its directory and in the one of all. */
  async #edit(grid: Grid, client: number): Promise<number> {
    const { random } = this.#parts
    const place = random.below(2) === 0 ? client : this.#directories.length - 1
    const directory = this.#directories[place]
    if (directory === undefined) throw new Error('there is no such directory')
    const name = `${client}-${random.below(NAMES_MAX)}`
    const thing = `${place}/${name}`
    if (random.below(4) === 0) {
      this.#promises.begin(thing, '')
      await editDirectory(grid, directory, [{ kind: 'remove', name, ifMissing: 'ignore' }], STORING)
      this.#promises.acknowledge(thing, '')
      return 0
    }
    const file = await this.#store(grid)
    const value = formatCapability(file.capability)
    this.#promises.begin(thing, value)
    this.#linked.set(value, file)
    const change = {
      kind: 'set',
      name,
      capability: file.capability,
      metadata: {},
      ifExists: 'replace',
    } as const
    await editDirectory(grid, directory, [change], STORING)
    this.#promises.acknowledge(thing, value)
    return file.content.length
  }

  async #list(grid: Grid): Promise<number> {
    const directory = this.#directories[this.#parts.random.below(this.#directories.length)]
    if (directory === undefined) return 0
    let count = 0
    for await (const _ of (await openDirectory(grid, directory, STORING)).entries()) count += 1
    return count
  }

  /** Repair everything, and renew its leases. Faults that pass have passed. */
  async repairAll(grid: Grid): Promise<void> {
    const { note } = this.#parts
    this.#repairCount += 1
    if (this.#repairCount % DEEP_EVERY_ROUNDS === 0) await this.#repairDeep(grid)
    // A deep repair believes servers that call their shares good; this one reads them.
    const files = [...this.#files, ...this.#linked.values()].map(({ capability }) => async () => {
      note('file repaired', (await repairFile(grid, toVerifyCapability(capability))).made.length)
    })
    const slots = this.#slotVerifiers().map((capability) => async () => {
      note('slot repaired', (await repairSlot(grid, capability, STORING)).madeCount)
    })
    await allAtOnce([...files, ...slots])
  }

  async #repairDeep(grid: Grid): Promise<void> {
    for (const directory of this.#directories) {
      for await (const report of repairDeep(grid, toVerifyCapability(directory), STORING)) {
        // Files are read below; one that only a branch of a killed writer points to may be gone.
        const isKept = report.isRecoverable || report.kind === 'file'
        must(isKept, 'loss', `a ${report.kind} below a directory has ${report.foundCount} left`)
        this.#parts.note('deep repair', report.madeCount)
      }
    }
  }

  /** Of directories too. */
  #slotVerifiers(): readonly (SlotVerifyCapability | DirectoryVerifyCapability)[] {
    const directories = this.#directories.map((directory) => toVerifyCapability(directory))
    return [
      ...this.#slots.verifyCapabilities,
      ...directories.filter((capability) => capability.kind === 'dir-verify'),
    ]
  }

  /** Everything that is promised is there, and nothing else. Nobody else works meanwhile. */
  async keepPromises(grid: Grid): Promise<void> {
    const directories = [...this.#directories.entries()]
    await allAtOnce(
      directories.map(
        ([place, directory]) =>
          () =>
            this.#compareListing(grid, directory, place),
      ),
    )
    this.#letGoOfUnlinked()
    const files = [...this.#files, ...this.#linked.values()]
    await allAtOnce(files.map((file) => () => this.#read(grid, file, 0)))
    await allAtOnce([async () => this.#parts.note('slots kept', await this.#slots.keepPromises(grid))])
    this.#parts.note('files kept', files.length)
  }

  async #compareListing(grid: Grid, directory: DirectoryWriteCapability, place: number): Promise<void> {
    const children: { name: string; value: string }[] = []
    for await (const child of (await openDirectory(grid, directory, STORING)).entries()) {
      children.push({ name: `${place}/${child.name}`, value: formatCapability(child.capability) })
    }
    const found = valuesByName(children)
    const things = this.#promises.things.filter((thing) => thing.startsWith(`${place}/`))
    for (const thing of new Set([...things, ...found.keys()])) {
      const problem = this.#promises.settleEntry(thing, found.get(thing) ?? [])
      if (problem !== undefined) throw new BrokenPromise('loss', problem)
    }
    this.#present.set(place, new Set(children.map(({ value }) => value)))
  }

  /** What no entry points to any more is nobody's. */
  #letGoOfUnlinked(): void {
    for (const value of [...this.#linked.keys()]) {
      if (![...this.#present.values()].some((values) => values.has(value))) this.#linked.delete(value)
    }
  }
}

/** Together, so that their messages travel together. With all faults over, no promise may fail. */
async function allAtOnce(works: readonly (() => Promise<unknown>)[]): Promise<void> {
  const left = works[Symbol.iterator]()
  await Promise.all(
    Array.from({ length: AT_ONCE_MAX }, async () => {
      for (const work of left) {
        try {
          await work()
        } catch (error) {
          if (!(error instanceof GridError)) throw error
          throw new BrokenPromise('loss', error.message)
        }
      }
    }),
  )
}

async function* partsOf(content: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  for (let start = 0; start < content.length; start += 10_000) yield content.slice(start, start + 10_000)
}
