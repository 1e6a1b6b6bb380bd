/**
 * Check, verify and repair of everything below a capability that only verifies: links lead from record to record and
 * from node to node, and show neither names nor content (FORMAT §17.3).
 */
import {
  carrierOfTree,
  type DirectoryLinks,
  type FileReadCapability,
  type FileVerifyCapability,
  GridError,
  IntegrityError,
  InvalidInputError,
  openSlotLinks,
  packCapability,
  parseDirectoryLinks,
  parseNodeFileLinks,
  type StorageIndex,
  slotStorageIndex,
  toBase32,
  toVerifyCapability,
  type VerifyCapability,
} from '#crypto'
import { type CheckReport, checkFile, verifyFile } from '../check.ts'
import { NotEnoughSharesError, type ServerFailure } from '../errors.ts'
import { explore } from '../flow.ts'
import type { Grid } from '../grid.ts'
import { renewLeases } from '../leases.ts'
import { DEEP_IN_FLIGHT_MAX, DEEP_SEEN_MAX, LEASE_DURATION_DEFAULT_SECONDS } from '../limits.ts'
import { repairFile } from '../repair.ts'
import { checkSlot, repairSlot, type SlotReport } from '../slots/upkeep.ts'
import type { SlotWarning } from '../slots/warning.ts'
import { readNodeFile } from './node-store.ts'
import type { DeepReport } from './types.ts'

export interface DeepOptions {
  /** Servers that each record is meant to be on. */
  readonly replicas: number
  readonly leaseDurationSeconds?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** Ask the servers what they hold. */
export function checkDeep(
  grid: Grid,
  capability: VerifyCapability,
  options: DeepOptions,
): AsyncGenerator<DeepReport, void, undefined> {
  return new DeepUpkeep(grid, 'check', options).run(capability)
}

/** Read and hash every byte of every share. */
export function verifyDeep(
  grid: Grid,
  capability: VerifyCapability,
  options: DeepOptions,
): AsyncGenerator<DeepReport, void, undefined> {
  return new DeepUpkeep(grid, 'verify', options).run(capability)
}

/**
 * Check everything, make again what is missing, bring the newest records to servers that lack them, and renew the
 * leases of all that is there. What cannot be repaired is reported, and the rest goes on.
 */
export function repairDeep(
  grid: Grid,
  capability: VerifyCapability,
  options: DeepOptions,
): AsyncGenerator<DeepReport, void, undefined> {
  return new DeepUpkeep(grid, 'repair', options).run(capability)
}

/** Something to be visited. A node is a file that leads further, so whoever verifies has its read capability. */
type Place =
  | { readonly kind: 'child'; readonly capability: VerifyCapability }
  | { readonly kind: 'node' | 'tree'; readonly file: FileReadCapability }

type RecordCapability = Extract<VerifyCapability, { readonly publicKey: unknown }>

class DeepUpkeep {
  readonly #grid: Grid
  readonly #work: 'check' | 'verify' | 'repair'
  readonly #options: DeepOptions
  readonly #seen = new Set<string>()
  readonly #abandoned = new AbortController()
  readonly #signal: AbortSignal

  constructor(grid: Grid, work: 'check' | 'verify' | 'repair', options: DeepOptions) {
    this.#grid = grid
    this.#work = work
    this.#options = options
    const { signal } = options
    this.#signal = AbortSignal.any([this.#abandoned.signal, ...(signal === undefined ? [] : [signal])])
  }

  async *run(capability: VerifyCapability): AsyncGenerator<DeepReport, void, undefined> {
    const first: Place = { kind: 'child', capability }
    this.#isNew(first)
    try {
      yield* explore([first], DEEP_IN_FLIGHT_MAX, (place: Place, find) =>
        this.#visit(place, (found) => {
          if (this.#isNew(found)) find(found)
        }),
      )
    } finally {
      this.#abandoned.abort(new DOMException('the upkeep was stopped', 'AbortError'))
    }
  }

  async #visit(place: Place, find: (place: Place) => void): Promise<DeepReport> {
    this.#signal.throwIfAborted()
    if (place.kind !== 'child') return this.#visitNode(place, find)
    const { capability } = place
    switch (capability.kind) {
      case 'file-verify':
        return this.#visitFile('file', capability)
      case 'tree-verify':
        return this.#visitNode({ kind: 'tree', file: carrierOfTree(capability) }, find)
      case 'slot-verify':
      case 'dir-verify':
        return this.#visitSlot(capability, find)
    }
  }

  async #visitSlot(capability: RecordCapability, find: (place: Place) => void): Promise<DeepReport> {
    const { publicKey, verifyKey, kind } = capability
    const { report, madeCount } = await this.#tendSlot(capability)
    const { record } = report
    const links = record === undefined ? undefined : () => openSlotLinks(record, verifyKey.reveal())
    const broken = links === undefined ? undefined : followLinks(links, find)
    return {
      kind: kind === 'dir-verify' ? 'directory' : 'slot',
      storageIndex: slotStorageIndex(publicKey),
      foundCount: report.foundCount,
      wantedCount: report.wantedCount,
      isHealthy: report.isHealthy && broken === undefined,
      isRecoverable: record !== undefined && broken === undefined,
      madeCount,
      failures: report.failures,
      warnings: broken === undefined ? report.warnings : [...report.warnings, broken],
    }
  }

  async #tendSlot(
    capability: RecordCapability,
  ): Promise<{ readonly report: SlotReport; readonly madeCount: number }> {
    const options = { ...this.#options, signal: this.#signal }
    const report = await checkSlot(this.#grid, capability, options)
    if (this.#work !== 'repair' || report.record === undefined) return { report, madeCount: 0 }
    const { after, madeCount } = await repairSlot(this.#grid, capability, options)
    return { report: after, madeCount }
  }

  async #visitNode(
    place: Extract<Place, { readonly file: unknown }>,
    find: (place: Place) => void,
  ): Promise<DeepReport> {
    const report = await this.#visitFile(place.kind, toVerifyCapability(place.file))
    if (!report.isRecoverable) return report
    const content = await this.#readNode(place.file)
    const broken =
      content instanceof Uint8Array ? followLinks(() => parseNodeFileLinks(content), find) : content
    if (broken === undefined) return report
    return { ...report, isHealthy: false, isRecoverable: false, warnings: [broken] }
  }

  async #readNode(file: FileReadCapability): Promise<Uint8Array | SlotWarning> {
    try {
      return await readNodeFile(this.#grid, file, { signal: this.#signal })
    } catch (error) {
      this.#signal.throwIfAborted()
      if (!(error instanceof GridError)) throw error
      return brokenLinks(error)
    }
  }

  async #visitFile(kind: DeepReport['kind'], capability: FileVerifyCapability): Promise<DeepReport> {
    const { storageIndex } = capability
    const grid = this.#grid
    const options = { signal: this.#signal }
    if (this.#work !== 'repair') {
      const examine = this.#work === 'check' ? checkFile : verifyFile
      return fileReport(kind, storageIndex, { after: await examine(grid, capability, options) })
    }
    const before = await checkFile(grid, capability, options)
    if (!before.isRecoverable) return fileReport(kind, storageIndex, { after: before })
    if (before.isHealthy) {
      const failures = await this.#renew(capability, before)
      return fileReport(kind, storageIndex, { after: before, failures })
    }
    try {
      return fileReport(kind, storageIndex, await repairFile(grid, capability, options))
    } catch (error) {
      // Shares that servers claim and do not have: the check believed them.
      if (!(error instanceof NotEnoughSharesError)) throw error
      return fileReport(kind, storageIndex, { after: await verifyFile(grid, capability, options) })
    }
  }

  #renew(file: FileVerifyCapability, { placements }: CheckReport): Promise<readonly ServerFailure[]> {
    const { leaseDurationSeconds: durationSeconds = LEASE_DURATION_DEFAULT_SECONDS } = this.#options
    return renewLeases(this.#grid, file, placements, { durationSeconds, signal: this.#signal })
  }

  #isNew(place: Place): boolean {
    // With its key: a link to the same file under a wrong one must not stand for this one.
    const text = toBase32(packCapability(place.kind === 'child' ? place.capability : place.file))
    if (this.#seen.has(text)) return false
    if (this.#seen.size < DEEP_SEEN_MAX) this.#seen.add(text)
    else if (place.kind !== 'child' || place.capability.kind !== 'file-verify') {
      // What leads further and is not remembered could lead back for ever.
      throw new InvalidInputError(
        `more than ${DEEP_SEEN_MAX} things are below: go through its subdirectories one by one`,
      )
    }
    return true
  }
}

/** Go on with what the links lead to. @returns what is wrong with them */
function followLinks(links: () => Uint8Array, find: (place: Place) => void): SlotWarning | undefined {
  let found: DirectoryLinks
  try {
    found = parseDirectoryLinks(links())
  } catch (error) {
    if (!(error instanceof IntegrityError || error instanceof InvalidInputError)) throw error
    return brokenLinks(error)
  }
  for (const file of found.nodes) find({ kind: 'node', file })
  for (const capability of found.children) find({ kind: 'child', capability })
  return undefined
}

function brokenLinks(error: GridError): SlotWarning {
  return { kind: 'broken-links', message: `what lies below is not reached: ${error.message}` }
}

function fileReport(
  kind: DeepReport['kind'],
  storageIndex: StorageIndex,
  found: {
    readonly after: CheckReport
    readonly made?: readonly unknown[]
    readonly failures?: readonly ServerFailure[]
  },
): DeepReport {
  const { after, made = [], failures = [] } = found
  return {
    kind,
    storageIndex,
    foundCount: after.foundCount,
    wantedCount: after.encoding?.totalShares ?? 0,
    isHealthy: after.isHealthy,
    isRecoverable: after.isRecoverable,
    madeCount: made.length,
    failures: [...after.failures, ...failures],
    warnings: [],
  }
}
