/** The contract over a node in this process. */

import type { ConvergenceSecret } from '#crypto'
import { ENCODING_DEFAULT, type FileVerifyCapability, type ReadCapability, type Secret } from '#crypto'
import {
  type CheckReport,
  checkFile,
  type Download,
  type DownloadOptions,
  downloadFile,
  fittingNumbers,
  type Node,
  type NodeStatus,
  NotEnoughSharesError,
  type RepairReport,
  repairFile,
  type ShareNumbers,
  survivalOf,
  UnhappyError,
  UnreachableError,
  type UploadSource,
  uploadFile,
  verifyFile,
} from '#node'
import type { Cancellable, GridFiles, PutOptions, PutOutcome, WatchedOptions } from './files.ts'

export interface LocalFilesParts {
  readonly node: Pick<Node, 'grid' | 'serverCount' | 'status' | 'diagnoseBootstrap'> & AsyncDisposable
  /** Of a put that says nothing else. */
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

  get #grid() {
    return this.#parts.node.grid
  }

  status(options?: Cancellable): Promise<NodeStatus> {
    return this.#parts.node.status(options)
  }

  async put(source: UploadSource, options: PutOptions = {}): Promise<PutOutcome> {
    const numbers = { ...this.#parts.numbers, ...definedOf(options.numbers ?? {}) }
    const { neededShares, happyServers, totalShares } = numbers
    const convergenceSecret = options.convergent === true ? await this.#parts.convergenceSecret() : undefined
    const { serverCount } = this.#parts.node
    try {
      const result = await uploadFile(this.#grid, source, {
        encoding: { ...ENCODING_DEFAULT, neededShares, totalShares },
        happyServers,
        convergenceSecret,
        signal: options.signal,
        onProgress: options.onProgress,
      })
      return { ...result, numbers, serverCount }
    } catch (error) {
      await this.#requireServers(error)
      if (!(error instanceof UnhappyError) || serverCount >= happyServers) throw error
      throw tooSmall(error, serverCount)
    }
  }

  async get(capability: ReadCapability, options?: DownloadOptions): Promise<Download> {
    return this.#explained(downloadFile(this.#grid, capability, options))
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
    return this.#explained(
      repairFile(this.#grid, capability, {
        signal,
        onProgress: verifying(onProgress),
        onRegenerated: ({ doneBytes, totalBytes }) =>
          onProgress?.({ stage: 'repairing', done: doneBytes, total: totalBytes }),
      }),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.node[Symbol.asyncDispose]()
  }

  /** Without any server a report would say that everything is lost, when it is the node that is cut off. */
  async #upkeep(work: Promise<CheckReport>): Promise<CheckReport> {
    const report = await work
    if (report.askedCount === 0) await this.#requireServers(undefined)
    return report
  }

  async #explained<Result>(work: Promise<Result>): Promise<Result> {
    try {
      return await work
    } catch (error) {
      await this.#requireServers(error)
      throw error
    }
  }

  /** @throws UnreachableError if what failed has failed for want of any server to ask */
  async #requireServers(cause: unknown): Promise<void> {
    const { node } = this.#parts
    const isWant =
      cause === undefined || cause instanceof UnhappyError || cause instanceof NotEnoughSharesError
    if (node.serverCount > 0 || !isWant) return
    const bootstrapProblems = await node.diagnoseBootstrap()
    const why =
      bootstrapProblems.length === 0
        ? 'the configuration names no bootstrap address that leads to one'
        : `no bootstrap address answers: ${bootstrapProblems.join('; ')}`
    throw new UnreachableError(`no server of the grid is known, and ${why}`, { bootstrapProblems }, { cause })
  }
}

/** Options that are given as undefined leave the default alone. */
function definedOf(numbers: NonNullable<PutOptions['numbers']>): Partial<ShareNumbers> {
  return Object.fromEntries(Object.entries(numbers).filter(([, number]) => number !== undefined))
}

function tooSmall(cause: UnhappyError, serverCount: number): UnhappyError {
  const proposal = fittingNumbers(serverCount)
  const { neededShares, happyServers, totalShares } = proposal
  return new UnhappyError(
    `${cause.message}; on the ${serverCount} servers known here ${neededShares} of ${totalShares} shares with at ` +
      `least ${happyServers} servers would fit: ${survivalOf(proposal)}`,
    { ...cause.details, serverCount, proposal },
    { cause },
  )
}

function verifying(onProgress: WatchedOptions['onProgress']) {
  return ({ doneBlocks, totalBlocks }: { readonly doneBlocks: number; readonly totalBlocks: number }): void =>
    onProgress?.({ stage: 'verifying', done: doneBlocks, total: totalBlocks })
}
