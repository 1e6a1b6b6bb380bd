/** The contract over a node in this process. */
import {
  asSlotSeed,
  type Capability,
  type ConvergenceSecret,
  type DirectoryWriteCapability,
  ENCODING_DEFAULT,
  type FileVerifyCapability,
  InvalidInputError,
  type Secret,
  type SlotWriteCapability,
  slotStorageIndex,
  slotWriteCapability,
  type TreeReadCapability,
  toBase32,
  type VerifyCapability,
} from '#crypto'
import {
  type CheckReport,
  checkDeep,
  checkFile,
  checkSlot,
  type DeepReport,
  type DirectoryCapability,
  type DirectoryChange,
  type DirectoryOptions,
  downloadFile,
  type EditReport,
  type ExpelReport,
  editDirectory,
  type Found,
  findPath,
  getSlotValue,
  type Invited,
  type InviteOptions,
  type MemberList,
  makeDirectory,
  makeTree,
  type NamedChild,
  type Node,
  type NodeStatus,
  openDirectory,
  putSlotValue,
  type RepairReport,
  repairDeep,
  repairFile,
  repairSlot,
  type ShareNumbers,
  type SlotReport,
  type UploadSource,
  uploadFile,
  verifyDeep,
  verifyFile,
  type WalkedChild,
  walkDirectory,
} from '#node'
import type { ContentCapability } from './capabilities.ts'
import type { EditOptions, MakeDirectoryOptions, SlotUpkeepCapability, WarnedOptions } from './directories.ts'
import { EDIT_CHANGES_MAX, TREE_CHILDREN_MAX } from './directory-messages.ts'
import type {
  Cancellable,
  Content,
  GetOptions,
  GridFiles,
  PutOptions,
  PutOutcome,
  PutSlotOptions,
  WatchedOptions,
} from './files.ts'
import { explained, requireServers, withProposal } from './want-of-servers.ts'

const SEED_SIZE_BYTES = 32

export interface LocalFilesParts {
  readonly node: Pick<Node, 'grid' | 'serverCount' | 'status' | 'diagnoseBootstrap' | 'administration'> &
    AsyncDisposable
  /** Of a put that says nothing else, and of directories. */
  readonly numbers: ShareNumbers
  /** Asked for when a convergent put needs it. */
  readonly convergenceSecret: () => Promise<Secret<ConvergenceSecret>>
}

export class LocalFiles implements GridFiles {
  readonly #parts: LocalFilesParts

  /** The node is closed with it. */
  constructor(parts: LocalFilesParts) {
    this.#parts = parts
  }

  get #node() {
    return this.#parts.node
  }

  get #grid() {
    return this.#parts.node.grid
  }

  status(options?: Cancellable): Promise<NodeStatus> {
    return this.#node.status(options)
  }

  async put(source: UploadSource, options: PutOptions = {}): Promise<PutOutcome> {
    const numbers = this.#numbersOf(options)
    const convergenceSecret = options.convergent === true ? await this.#parts.convergenceSecret() : undefined
    const { serverCount } = this.#node
    const result = await withProposal(this.#node, numbers.happyServers, () =>
      uploadFile(this.#grid, source, {
        ...storing(numbers),
        convergenceSecret,
        bindingLease: options.bindingLease,
        signal: options.signal,
        onProgress: options.onProgress,
      }),
    )
    return { ...result, numbers, serverCount }
  }

  async get(capability: ContentCapability, options: GetOptions = {}): Promise<Content> {
    const { range, signal, onWarning } = options
    if (capability.kind === 'lit' || capability.kind === 'file') {
      return explained(this.#node, downloadFile(this.#grid, capability, { range, signal }))
    }
    const { replicas } = this.#options()
    const reading = getSlotValue(this.#grid, capability, { range, signal, replicas })
    const { slot, download } = await explained(this.#node, reading)
    for (const warning of slot.warnings) onWarning?.(warning)
    const { sequence, hash } = slot.record
    return { ...download, version: `${sequence} ${toBase32(hash)}` }
  }

  check(capability: FileVerifyCapability, options?: Cancellable): Promise<CheckReport> {
    return this.#upkeep(checkFile(this.#grid, capability, options))
  }

  verify(capability: FileVerifyCapability, options: WatchedOptions = {}): Promise<CheckReport> {
    const { signal, onProgress } = options
    return this.#upkeep(verifyFile(this.#grid, capability, { signal, onProgress: verifying(onProgress) }))
  }

  repair(capability: FileVerifyCapability, options: WatchedOptions = {}): Promise<RepairReport> {
    const { signal, onProgress } = options
    const repaired = repairFile(this.#grid, capability, {
      signal,
      onProgress: verifying(onProgress),
      onRegenerated: ({ doneBytes, totalBytes }) =>
        onProgress?.({ stage: 'repairing', done: doneBytes, total: totalBytes }),
    })
    return explained(this.#node, repaired)
  }

  makeDirectory(options: MakeDirectoryOptions = {}): Promise<DirectoryWriteCapability> {
    const children = options.children ?? []
    const changes = children.map((child) => ({ ...child, kind: 'set', ifExists: 'refuse' }) as const)
    return this.#storing(async () => {
      requireAtMost(EDIT_CHANGES_MAX, changes, 'children of a new directory')
      return makeDirectory(this.#grid, changes, this.#options(options))
    })
  }

  makeTree(children: readonly NamedChild[], options?: Cancellable): Promise<TreeReadCapability> {
    return this.#storing(async () => {
      requireAtMost(TREE_CHILDREN_MAX, children, 'children of a tree')
      return makeTree(this.#grid, children, this.#options(options))
    })
  }

  async *list(
    capability: DirectoryCapability,
    options: WarnedOptions = {},
  ): AsyncGenerator<NamedChild, void, undefined> {
    const opened = openDirectory(this.#grid, capability, this.#options(options))
    const directory = await explained(this.#node, opened)
    for (const warning of directory.warnings) options.onWarning?.(warning)
    for await (const child of directory.entries()) {
      options.signal?.throwIfAborted()
      yield child
    }
  }

  find(root: Capability, path: readonly string[], options?: Cancellable): Promise<Found> {
    return explained(this.#node, findPath(this.#grid, root, path, this.#options(options)))
  }

  edit(
    capability: DirectoryWriteCapability,
    changes: readonly DirectoryChange[],
    options: EditOptions = {},
  ): Promise<EditReport> {
    const { acceptRollback } = options
    return this.#storing(async () => {
      requireAtMost(EDIT_CHANGES_MAX, changes, 'changes in one edit')
      return editDirectory(this.#grid, capability, changes, { ...this.#options(options), acceptRollback })
    })
  }

  async *walk(
    root: DirectoryCapability,
    options: WarnedOptions = {},
  ): AsyncGenerator<WalkedChild, void, undefined> {
    const { onWarning } = options
    yield* this.#streamed(walkDirectory(this.#grid, root, { ...this.#options(options), onWarning }))
  }

  checkDeep(root: VerifyCapability, options?: Cancellable): AsyncIterable<DeepReport> {
    return this.#streamed(checkDeep(this.#grid, root, this.#options(options)))
  }

  verifyDeep(root: VerifyCapability, options?: Cancellable): AsyncIterable<DeepReport> {
    return this.#streamed(verifyDeep(this.#grid, root, this.#options(options)))
  }

  repairDeep(root: VerifyCapability, options?: Cancellable): AsyncIterable<DeepReport> {
    return this.#streamed(repairDeep(this.#grid, root, this.#options(options)))
  }

  async checkSlot(capability: SlotUpkeepCapability, options?: Cancellable): Promise<DeepReport> {
    await requireServers(this.#node)
    const report = await checkSlot(this.#grid, capability, this.#options(options))
    return slotReport(capability, report, 0)
  }

  async repairSlot(capability: SlotUpkeepCapability, options?: Cancellable): Promise<DeepReport> {
    await requireServers(this.#node)
    const { after, madeCount } = await repairSlot(this.#grid, capability, this.#options(options))
    return slotReport(capability, after, madeCount)
  }

  async putSlot(
    capability: SlotWriteCapability | undefined,
    source: UploadSource,
    options: PutSlotOptions = {},
  ): Promise<SlotWriteCapability> {
    const numbers = this.#numbersOf(options)
    const { signal, onProgress, acceptRollback, bindingLease, ifVersion } = options
    const ifSequence = ifVersion === undefined ? undefined : sequenceOf(ifVersion)
    const slot =
      capability ?? slotWriteCapability('slot', asSlotSeed(this.#grid.random.bytes(SEED_SIZE_BYTES)))
    const base = capability === undefined ? 'new' : undefined
    const put = await withProposal(this.#node, numbers.happyServers, () =>
      putSlotValue(this.#grid, slot, source, {
        ...storing(numbers),
        base,
        bindingLease,
        signal,
        onProgress,
        acceptRollback,
        ifSequence,
      }),
    )
    for (const warning of put.warnings) options.onWarning?.(warning)
    return slot
  }

  async invite({ signal, ...options }: InviteOptions & Cancellable): Promise<readonly Invited[]> {
    signal?.throwIfAborted()
    return await this.#node.administration.invite(options)
  }

  async members(): Promise<MemberList> {
    return this.#node.administration.members()
  }

  async expel(target: string): Promise<ExpelReport> {
    return await this.#node.administration.expel(target)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#node[Symbol.asyncDispose]()
  }

  #numbersOf(options: PutSlotOptions): ShareNumbers {
    return { ...this.#parts.numbers, ...definedOf(options.numbers ?? {}) }
  }

  #options({ signal }: Cancellable = {}): DirectoryOptions {
    return { ...storing(this.#parts.numbers), signal }
  }

  #storing<Result>(work: () => Promise<Result>): Promise<Result> {
    return withProposal(this.#node, this.#parts.numbers.happyServers, work)
  }

  /** Without any server a report would say that everything is lost, when it is the node that is cut off. */
  async #upkeep(work: Promise<CheckReport>): Promise<CheckReport> {
    const report = await work
    if (report.askedCount === 0) await requireServers(this.#node)
    return report
  }

  async *#streamed<Item>(items: AsyncIterable<Item>): AsyncGenerator<Item, void, undefined> {
    await requireServers(this.#node)
    yield* items
  }
}

/** @throws InvalidInputError if no `get` told it */
function sequenceOf(version: string): number {
  const [, sequence] = /^(\d{1,15}) [a-z2-7]+$/.exec(version) ?? []
  if (sequence === undefined) throw new InvalidInputError('a version as it was told of a slot is wanted')
  return Number(sequence)
}

/** How contents, records and nodes are kept. */
function storing({ neededShares, happyServers, totalShares }: ShareNumbers) {
  const encoding = { ...ENCODING_DEFAULT, neededShares, totalShares }
  return { encoding, happyServers, replicas: totalShares }
}

/** Here as over HTTP: what works with a daemon works without one. */
function requireAtMost(countMax: number, items: readonly unknown[], what: string): void {
  if (items.length <= countMax) return
  throw new InvalidInputError(`at most ${countMax} ${what} are wanted, found ${items.length}`)
}

/** Options that are given as undefined leave the default alone. */
function definedOf(numbers: NonNullable<PutOptions['numbers']>): Partial<ShareNumbers> {
  return Object.fromEntries(Object.entries(numbers).filter(([, number]) => number !== undefined))
}

function slotReport(
  { kind, publicKey }: SlotUpkeepCapability,
  report: SlotReport,
  madeCount: number,
): DeepReport {
  const { foundCount, wantedCount, isHealthy, isRecoverable, failures, warnings } = report
  return {
    kind: kind === 'dir-verify' ? 'directory' : 'slot',
    storageIndex: slotStorageIndex(publicKey),
    foundCount,
    wantedCount,
    isHealthy,
    isRecoverable,
    madeCount,
    failures,
    warnings,
  }
}

function verifying(onProgress: WatchedOptions['onProgress']) {
  return ({ doneBlocks, totalBlocks }: { readonly doneBlocks: number; readonly totalBlocks: number }): void =>
    onProgress?.({ stage: 'verifying', done: doneBlocks, total: totalBlocks })
}
