/** A storage server that goes wrong in one chosen way, in front of a real one. */
import {
  type BlockRequest,
  type CallOptions,
  type GridServer,
  type OpenedFile,
  type OpenRequest,
  type ReadBlock,
  type StorageServer,
  UnreachableError,
} from '#node'
import { untilAborted } from '../../node/flow.ts'

export type Fault =
  | { readonly kind: 'none' }
  /** Every call fails. */
  | { readonly kind: 'down' }
  /** Opening a share for writing fails with this error. */
  | { readonly kind: 'refuses'; readonly error: Error }
  /** Goes down for good once so many blocks were written to it. */
  | { readonly kind: 'dies'; readonly afterBlocks: number }
  /** Blocks come with a byte changed, too short, or with a proof changed. */
  | { readonly kind: 'lies'; readonly about: 'block' | 'size' | 'proof' | 'sealed proof' | 'manifest' }
  /** Blocks never come. */
  | { readonly kind: 'stalls' }
  /** Calls back once a share is visible. */
  | { readonly kind: 'calls'; readonly onFinish: () => void }
  /** Says its bad share is good. */
  | { readonly kind: 'denies' }

export class FaultyServer {
  readonly inner: StorageServer
  fault: Fault = { kind: 'none' }
  blocksRead = 0
  callCount = 0
  /** Of blocks that were taken. */
  bytesWritten = 0
  #blocksWritten = 0

  constructor(inner: StorageServer) {
    this.inner = inner
  }

  /** As a member of a grid, each in a failure domain of its own. */
  asGridServer(): GridServer {
    return { serverId: this.inner.serverId, failureDomain: this.inner.serverId, server: this.#server() }
  }

  #requireUp(): void {
    const isDead = this.fault.kind === 'dies' && this.#blocksWritten >= this.fault.afterBlocks
    if (this.fault.kind === 'down' || isDead) throw new UnreachableError('the server is down')
  }

  #server(): StorageServer {
    const { inner } = this
    const up = async <Result>(call: () => Promise<Result>): Promise<Result> => {
      this.callCount += 1
      this.#requireUp()
      return call()
    }
    return {
      serverId: inner.serverId,
      status: (options) => up(() => inner.status(options)),
      listShares: (queries, options) => up(() => inner.listShares(queries, options)),
      readManifest: (address, options) =>
        up(async () => this.#manifest(await inner.readManifest(address, options))),
      readBlock: (request, options) => up(() => this.#readBlock(request, options)),
      updateLeases: (updates, options) => up(() => inner.updateLeases(updates, options)),
      scrubShare: (address, options) =>
        up(async () =>
          this.fault.kind === 'denies' ? { healthy: true } : inner.scrubShare(address, options),
        ),
      readSlots: (publicKeys, options) => up(() => inner.readSlots(publicKeys, options)),
      writeSlot: (write, options) => up(() => inner.writeSlot(write, options)),
      openFile: (request, options) => up(() => this.#openFile(request, options)),
      writeWhole: (share, options) =>
        up(async () => {
          if (this.fault.kind === 'refuses') throw this.fault.error
          await inner.writeWhole(share, options)
          this.#blocksWritten += 1
          this.bytesWritten += share.block.length
          if (this.fault.kind === 'calls') this.fault.onFinish()
          this.#requireUp()
        }),
      writeShare: (request) => {
        const writer = inner.writeShare(request)
        return {
          open: (options) =>
            up(async () => {
              if (this.fault.kind === 'refuses') throw this.fault.error
              return writer.open(options)
            }),
          writeBlock: (write, options) =>
            up(async () => {
              await writer.writeBlock(write, options)
              this.#blocksWritten += 1
              this.bytesWritten += write.block.length
            }),
          finish: (last, options) =>
            up(async () => {
              await writer.finish(last, options)
              if (this.fault.kind === 'calls') this.fault.onFinish()
            }),
          abort: () => writer.abort(),
          detach: () => writer.detach(),
        }
      },
    }
  }

  async #openFile(request: OpenRequest, options: CallOptions | undefined): Promise<OpenedFile> {
    if (request.segmentIndex !== undefined && this.fault.kind === 'stalls') {
      await untilAborted(new Promise(() => undefined), options?.signal)
    }
    const opened = await this.inner.openFile(request, options)
    if (opened.block !== undefined) this.blocksRead += 1
    return {
      shares: opened.shares,
      manifest: opened.manifest === undefined ? undefined : this.#manifest(opened.manifest),
      block: opened.block === undefined ? undefined : this.#block(opened.block),
    }
  }

  async #readBlock(request: BlockRequest, options: CallOptions | undefined): Promise<ReadBlock> {
    this.blocksRead += 1
    if (this.fault.kind === 'stalls') await untilAborted(new Promise(() => undefined), options?.signal)
    return this.#block(await this.inner.readBlock(request, options))
  }

  #block(answer: ReadBlock): ReadBlock {
    const about = this.fault.kind === 'lies' ? this.fault.about : undefined
    if (about === 'size') return { ...answer, block: answer.block.subarray(1) }
    if (about === 'block') return { ...answer, block: flipped(answer.block) }
    if (about === 'proof')
      return { ...answer, block: flipped(answer.block), blockProof: flipped(answer.blockProof) }
    if (about === 'sealed proof')
      return { ...answer, sealedProof: flipped(answer.sealedProof ?? new Uint8Array(32)) }
    return answer
  }

  #manifest(bytes: Uint8Array): Uint8Array {
    return this.fault.kind === 'lies' && this.fault.about === 'manifest' ? flipped(bytes) : bytes
  }
}

function flipped(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice()
  const middle = copy.length >> 1
  if (copy.length > 0) copy[middle] = (copy[middle] ?? 0) ^ 1
  return copy
}
