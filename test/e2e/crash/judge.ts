/** What must hold of a grid after crashes, as one more client of it finds it, and of each server's disk. */
import { readdir } from 'node:fs/promises'
import {
  type DirectoryWriteCapability,
  equalBytes,
  formatCapability,
  GridError,
  parseCapability,
  toVerifyCapability,
} from '#crypto'
import { type GridFiles, requireContent } from '#gateway'
import { type DeepReport, nodeDisk } from '#node'
import { GRACE_ACCOUNT } from '../../../node/storage/index-keys.ts'
import { StoragePaths } from '../../../node/storage/paths.ts'
import { until } from '../../support/cairn-process.ts'
import { seededBytes } from '../../support/make-shares.ts'
import { valuesByName } from '../../support/promises.ts'
import { openStorage } from '../../support/storages.ts'
import type { Acknowledged } from './acknowledged.ts'
import type { StoredFile } from './told.ts'

/** Files read back at a time. */
const READS_IN_FLIGHT_MAX = 4
/** Found again at once; later rounds find the others, which nothing has written since. */
const OLD_FILES_READ = 10

export interface Findings {
  readonly losses: readonly string[]
  readonly wrongBytes: readonly string[]
  /** Things and files that were read back and compared. */
  readonly comparedCount: number
}

export class Judge {
  readonly #files: GridFiles
  readonly #directories: Readonly<Record<string, DirectoryWriteCapability>>
  readonly #losses: string[] = []
  readonly #wrongBytes: string[] = []
  #comparedCount = 0
  readonly #compared = new Set<string>()

  constructor(files: GridFiles, directories: Readonly<Record<string, DirectoryWriteCapability>>) {
    this.#files = files
    this.#directories = directories
  }

  /** Until so many servers answer. */
  async waitForServers(count: number): Promise<void> {
    await until(async () => {
      const { servers } = await this.#files.status()
      return servers.filter(({ status }) => status !== undefined).length >= count
    })
  }

  /** All that was acknowledged is there, and nothing is that nobody began. Nobody writes meanwhile. */
  async compare(acknowledged: Acknowledged): Promise<Findings> {
    for (const [name, directory] of Object.entries(this.#directories)) {
      await this.#compareListing(name, directory, acknowledged)
    }
    for (const thing of acknowledged.promises.things)
      if (thing.startsWith('slot ')) await this.#compareSlot(thing, acknowledged)
    const fresh = acknowledged.files.filter(({ capability }) => !this.#compared.has(capability))
    const old = acknowledged.files.filter(({ capability }) => this.#compared.has(capability))
    const again = old.filter(
      (_, place) => (place * 7 + fresh.length) % Math.max(1, old.length) < OLD_FILES_READ,
    )
    const wanted = [...fresh, ...again][Symbol.iterator]()
    await Promise.all(
      Array.from({ length: READS_IN_FLIGHT_MAX }, async () => {
        for (const file of wanted) await this.#compareFile(file)
      }),
    )
    for (const directory of Object.values(this.#directories)) await this.#verifyDeep(directory)
    return {
      losses: this.#losses.splice(0),
      wrongBytes: this.#wrongBytes.splice(0),
      comparedCount: this.#comparedCount,
    }
  }

  /** Every share verifies, and a repair finds room for those that are missing. */
  async #verifyDeep(directory: DirectoryWriteCapability): Promise<void> {
    const verify = toVerifyCapability(directory)
    const bad: string[] = []
    for await (const report of this.#files.verifyDeep(verify)) {
      if (!report.isRecoverable) bad.push(`${report.kind} has ${report.foundCount} of ${report.wantedCount}`)
      for (const failure of report.failures) {
        if (failure.code === 'INTEGRITY') bad.push(`half or wrong: ${failure.message}`)
      }
    }
    let last: DeepReport | undefined
    for await (const report of this.#files.repairDeep(verify)) {
      // One server may keep the branch of a killed writer: only the next change mends that.
      if (!report.isHealthy && !report.warnings.some(({ kind }) => kind === 'fork')) last = report
    }
    if (last !== undefined)
      bad.push(
        `after a repair ${last.kind} has ${last.foundCount} of ${last.wantedCount}: ${JSON.stringify(last.failures)}`,
      )
    this.#losses.push(...bad)
  }

  async #compareListing(
    name: string,
    directory: DirectoryWriteCapability,
    acknowledged: Acknowledged,
  ): Promise<void> {
    const children: { name: string; value: string }[] = []
    for await (const child of this.#files.list(directory)) {
      const value = acknowledged.valueOf(formatCapability(child.capability))
      children.push({ name: `${name}/${child.name}`, value })
    }
    const found = valuesByName(children)
    const things = acknowledged.promises.things.filter((thing) => thing.startsWith(`${name}/`))
    for (const thing of new Set([...things, ...found.keys()])) {
      this.#count(acknowledged.promises.settleEntry(thing, found.get(thing) ?? []))
    }
  }

  async #compareSlot(thing: string, acknowledged: Acknowledged): Promise<void> {
    const capability = requireContent(parseCapability(thing.split(' ')[1] ?? ''))
    try {
      const bytes = await this.#read(capability)
      this.#count(acknowledged.promises.settleSlot(thing, Buffer.from(bytes).toString()))
    } catch (error) {
      if (!(error instanceof GridError)) throw error
      this.#losses.push(`a slot cannot be read: ${error.message}`)
    }
  }

  async #compareFile({ capability, seed, sizeBytes }: StoredFile): Promise<void> {
    try {
      const bytes = await this.#read(requireContent(parseCapability(capability)))
      if (!equalBytes(bytes, seededBytes(seed, sizeBytes)))
        this.#wrongBytes.push(`file ${seed} has other bytes`)
      this.#compared.add(capability)
      this.#comparedCount += 1
    } catch (error) {
      if (!(error instanceof GridError)) throw error
      this.#losses.push(`file ${seed} was acknowledged: ${error.message}`)
    }
  }

  async #read(capability: ReturnType<typeof requireContent>): Promise<Uint8Array> {
    const { content } = await this.#files.get(capability)
    const parts: Uint8Array[] = []
    for await (const bytes of content) parts.push(bytes.slice())
    return Buffer.concat(parts)
  }

  /** One thing more was compared. */
  #count(problem: string | undefined): void {
    this.#comparedCount += 1
    if (problem !== undefined) this.#losses.push(problem)
  }
}

/**
 * What a server's storage counts after it was opened is what a count of all shares gives, nothing is left of writes that
 * were under way, and nothing is damaged. The server does not run.
 *
 * @returns what is wrong
 */
export async function judgeStorage(folder: string): Promise<readonly string[]> {
  const problems: string[] = []
  const [opened, rebuilt] = [await countsOf(folder, false), await countsOf(folder, true)]
  if (opened !== rebuilt) problems.push(`${folder}: the index says ${opened}, the shares say ${rebuilt}`)
  const { incoming, corrupt } = new StoragePaths(folder)
  for (const place of [incoming, corrupt]) {
    const left = await readdir(place).catch(() => [])
    if (left.length > 0) problems.push(`left in ${place}: ${left.join(', ')}`)
  }
  return problems
}

async function countsOf(folder: string, rebuildIndex: boolean): Promise<string> {
  // As a daemon has it, but without limits.
  const storage = await openStorage(nodeDisk, { folder, rebuildIndex, smallShareMaxBytes: undefined })
  try {
    const { usedBytes, shareCount, incomingBytes, accounts } = await storage.status()
    const charged = accounts
      // A put that was given up has cancelled its leases: what then waits for the collector gets one of grace anew.
      .filter(({ account }) => account !== GRACE_ACCOUNT)
      .map(({ account, chargedBytes }) => `${account} ${chargedBytes}`)
    return JSON.stringify({ usedBytes, shareCount, incomingBytes, charged: charged.toSorted() })
  } finally {
    await storage[Symbol.asyncDispose]()
  }
}
