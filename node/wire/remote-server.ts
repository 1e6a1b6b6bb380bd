/**
 * A storage server at the other end of a network: the contract of storage/server.ts over /cairn/storage/1 (PROTOCOL
 * §5).
 */
import { InvalidInputError, MANIFEST_SIZE_MAX_BYTES, TOTAL_SHARES_MAX } from '#crypto'
import { ConflictError } from '../errors.ts'
import {
  LEASE_UPDATES_MAX,
  LIST_QUERIES_MAX,
  WIRE_EXPECTED_BLOCK_BYTES,
  WIRE_HEADER_MAX_BYTES,
  WIRE_LIST_QUERIES_MAX,
  WIRE_PAYLOAD_MAX_BYTES,
  WIRE_WHOLE_SHARES_MAX,
} from '../limits.ts'
import type { PeerId, Platform } from '../platform/platform.ts'
import { checkLeaseDuration } from '../storage/lease.ts'
import type {
  BlockRequest,
  BlockWrite,
  CallOptions,
  LeaseOutcome,
  LeaseUpdate,
  ListedShare,
  ReadBlock,
  ScrubOutcome,
  ServerStatus,
  ShareAddress,
  ShareQuery,
  ShareWriter,
  StorageServer,
  WholeShare,
  WriteRequest,
} from '../storage/server.ts'
import { Batcher, type BatchOutcome } from './batcher.ts'
import { ChannelPool } from './channel-pool.ts'
import { formatMessage, type Message } from './message.ts'
import {
  readBlockReply,
  readLeases,
  readList,
  readManifestReply,
  readScrub,
  readStatus,
  readWriteOpen,
} from './replies.ts'
import type { RequestChannel } from './request-channel.ts'
import { requestFields, STORAGE_PROTOCOL, type StorageRequest, type WriteName } from './requests.ts'
import { readWholeOutcomes, weighWhole, wholePayload } from './whole-shares.ts'

/** What one small reply weighs. */
const SMALL_REPLY_BYTES = 64
const MANIFEST_REPLY_BYTES = 1024

export interface RemoteServerOptions {
  readonly platform: Pick<Platform, 'network' | 'clock'>
  readonly serverId: PeerId
  /** Where the server may be reached; asked anew for each connection. */
  readonly addresses: () => readonly string[]
}

/**
 * Connects when it is first used, and again after the connection broke. Disposing of it fails the calls that still
 * run. Small questions that meet travel as one message.
 */
export class RemoteServer implements StorageServer {
  readonly serverId: PeerId
  readonly #pool: ChannelPool
  readonly #lists = new Batcher<readonly ShareQuery[], readonly (readonly ListedShare[])[]>({
    countMax: WIRE_LIST_QUERIES_MAX,
    bytesMax: WIRE_HEADER_MAX_BYTES,
    weigh: (queries) => ({ count: queries.length, bytes: 0 }),
    send: (groups, signal) => this.#sendLists(groups, signal),
  })
  readonly #leases = new Batcher<readonly LeaseUpdate[], readonly LeaseOutcome[]>({
    countMax: LEASE_UPDATES_MAX,
    bytesMax: WIRE_HEADER_MAX_BYTES,
    weigh: (updates) => ({ count: updates.length, bytes: 0 }),
    send: (groups, signal) => this.#sendLeases(groups, signal),
  })
  readonly #wholeShares = new Batcher<WholeShare, void>({
    countMax: WIRE_WHOLE_SHARES_MAX,
    bytesMax: WIRE_PAYLOAD_MAX_BYTES,
    weigh: weighWhole,
    send: (shares, signal) => this.#sendWholeShares(shares, signal),
  })

  constructor(options: RemoteServerOptions) {
    this.serverId = options.serverId
    this.#pool = new ChannelPool({
      platform: options.platform,
      peer: options.serverId,
      protocol: STORAGE_PROTOCOL,
      addresses: options.addresses,
    })
  }

  async status(options?: CallOptions): Promise<ServerStatus> {
    return await this.#ask({ op: 'status' }, { parse: readStatus, signal: options?.signal })
  }

  async listShares(
    queries: readonly ShareQuery[],
    options?: CallOptions,
  ): Promise<readonly (readonly ListedShare[])[]> {
    checkCount('queries', queries.length, LIST_QUERIES_MAX)
    const parts: Promise<readonly (readonly ListedShare[])[]>[] = []
    for (let start = 0; start < queries.length; start += WIRE_LIST_QUERIES_MAX) {
      parts.push(this.#lists.call(queries.slice(start, start + WIRE_LIST_QUERIES_MAX), options?.signal))
    }
    return (await Promise.all(parts)).flat()
  }

  writeShare(request: WriteRequest): ShareWriter {
    return new RemoteShareWriter(request, this.#pool)
  }

  async writeWhole(share: WholeShare, options?: CallOptions): Promise<void> {
    checkShareNumber(share.shareNumber)
    checkLeaseDuration(share.leaseDurationSeconds)
    checkPart('block', share.block.length, WIRE_PAYLOAD_MAX_BYTES)
    checkPart('manifest', share.manifest.length, MANIFEST_SIZE_MAX_BYTES)
    await this.#wholeShares.call(share, options?.signal)
  }

  async readManifest(address: ShareAddress, options?: CallOptions): Promise<Uint8Array> {
    const expectedReplyBytes = MANIFEST_REPLY_BYTES
    return await this.#ask(
      { op: 'read-manifest', address },
      { parse: readManifestReply, expectedReplyBytes, signal: options?.signal },
    )
  }

  async readBlock(request: BlockRequest, options?: CallOptions): Promise<ReadBlock> {
    const expectedReplyBytes = WIRE_EXPECTED_BLOCK_BYTES
    return await this.#ask(
      { op: 'read-block', block: request },
      { parse: readBlockReply, expectedReplyBytes, signal: options?.signal },
    )
  }

  async updateLeases(
    updates: readonly LeaseUpdate[],
    options?: CallOptions,
  ): Promise<readonly LeaseOutcome[]> {
    checkCount('lease updates', updates.length, LEASE_UPDATES_MAX)
    if (updates.length === 0) return []
    for (const update of updates) {
      // One that is malformed would have the server refuse those that travel with it.
      checkShareNumber(update.address.shareNumber)
      if (update.action === 'renew') checkLeaseDuration(update.durationSeconds)
    }
    return await this.#leases.call(updates, options?.signal)
  }

  async scrubShare(address: ShareAddress, options?: CallOptions): Promise<ScrubOutcome> {
    return await this.#ask({ op: 'scrub', address }, { parse: readScrub, signal: options?.signal })
  }

  /** Channels open now. */
  get channelCount(): number {
    return this.#pool.channelCount
  }

  [Symbol.dispose](): void {
    this.#pool.close()
  }

  async #sendLists(
    groups: readonly (readonly ShareQuery[])[],
    signal: AbortSignal,
  ): Promise<readonly BatchOutcome<readonly (readonly ListedShare[])[]>[]> {
    const queries = groups.flat()
    const parse = (reply: Message) => readList(reply, queries.length)
    return dealOut(groups, await this.#ask({ op: 'list', queries }, { parse, signal }))
  }

  async #sendLeases(
    groups: readonly (readonly LeaseUpdate[])[],
    signal: AbortSignal,
  ): Promise<readonly BatchOutcome<readonly LeaseOutcome[]>[]> {
    const updates = groups.flat()
    const parse = (reply: Message) => readLeases(reply, updates.length)
    return dealOut(groups, await this.#ask({ op: 'update-leases', updates }, { parse, signal }))
  }

  async #sendWholeShares(
    shares: readonly WholeShare[],
    signal: AbortSignal,
  ): Promise<readonly BatchOutcome<void>[]> {
    const expected = { shareCount: shares.length, serverId: this.serverId }
    const parse = (reply: Message) => readWholeOutcomes(reply, expected)
    const payload = wholePayload(shares)
    return await this.#ask({ op: 'write-whole', shares }, { parse, payload, signal })
  }

  async #ask<T>(
    request: StorageRequest,
    how: CallOptions & {
      readonly parse: (reply: Message) => T
      readonly payload?: Uint8Array
      readonly expectedReplyBytes?: number
    },
  ): Promise<T> {
    const { parse, signal, expectedReplyBytes = SMALL_REPLY_BYTES } = how
    const message = formatMessage(requestFields(request), how.payload)
    return await this.#pool.call({ message, expectedReplyBytes, parse }, signal)
  }
}

/**
 * Writes one share over one channel, so that its messages arrive in order and a small share takes one round trip.
 * If the channel breaks, the writer is done for; a new one with the same upload id takes up where the server
 * stands.
 */
class RemoteShareWriter implements ShareWriter {
  readonly #request: WriteRequest
  readonly #pool: ChannelPool
  #channel: Promise<RequestChannel> | undefined
  #hasReleased = false
  /** Why nothing more can be written. */
  #failure: { readonly reason: unknown } | undefined

  constructor(request: WriteRequest, pool: ChannelPool) {
    this.#request = request
    this.#pool = pool
  }

  async open(options?: CallOptions): Promise<{ readonly segmentsHeld: number }> {
    return await this.#ask(
      { op: 'write-open', write: this.#request },
      { parse: readWriteOpen, signal: options?.signal },
    )
  }

  async writeBlock(write: BlockWrite, options?: CallOptions): Promise<void> {
    const request: StorageRequest = { op: 'write-block', write: this.#request, block: write }
    await this.#ask(request, { parse: nothing, payload: write.block, signal: options?.signal })
  }

  async finish(
    last: { readonly manifest: Uint8Array; readonly leaseDurationSeconds: number },
    options?: CallOptions,
  ): Promise<void> {
    await this.#checkLease(last.leaseDurationSeconds)
    const request: StorageRequest = { op: 'write-finish', write: this.#request, ...last }
    await this.#ask(request, { parse: nothing, signal: options?.signal })
    await this.#release()
  }

  async abort(): Promise<void> {
    await this.#letGo('write-abort')
  }

  async detach(): Promise<void> {
    await this.#letGo('write-detach')
  }

  /** Only on the channel that holds the write: when that broke, the server has let go already. */
  async #letGo(op: 'write-abort' | 'write-detach'): Promise<void> {
    this.#failure ??= { reason: new ConflictError('the write was given up') }
    await this.#tell(op)
    await this.#release()
  }

  /** A server takes a malformed request for none and keeps the write; the contract ends it. */
  async #checkLease(durationSeconds: number): Promise<void> {
    try {
      checkLeaseDuration(durationSeconds)
    } catch (reason) {
      this.#failure ??= { reason }
      await this.abort()
      throw reason
    }
  }

  async #tell(op: 'write-abort' | 'write-detach'): Promise<void> {
    try {
      const channel = await this.#channel
      const write: WriteName = this.#request
      const message = formatMessage(requestFields({ op, write }))
      await channel?.call({ message, expectedReplyBytes: SMALL_REPLY_BYTES, parse: nothing })
    } catch {
      // The channel is gone, and the server's half of the write waits or expires.
    }
  }

  async #release(): Promise<void> {
    if (this.#channel === undefined || this.#hasReleased) return
    this.#hasReleased = true
    await this.#channel.then(
      (channel) => channel.release(),
      () => undefined,
    )
  }

  /** A call that fails or is aborted may leave a gap: everything after it fails alike. */
  async #ask<T>(
    request: StorageRequest,
    how: CallOptions & { readonly parse: (reply: Message) => T; readonly payload?: Uint8Array },
  ): Promise<T> {
    try {
      this.#channel ??= this.#pool.claim(how.signal)
      const channel = await this.#channel
      if (this.#failure !== undefined) throw this.#failure.reason
      const message = formatMessage(requestFields(request), how.payload)
      const call = { message, expectedReplyBytes: SMALL_REPLY_BYTES, parse: how.parse }
      return await channel.call(call, how.signal)
    } catch (error) {
      if (this.#failure === undefined) {
        this.#failure = { reason: error }
        // The server may not know of it, and would keep the upload from the next writer.
        void this.#tell('write-detach').then(() => this.#release())
      }
      throw error
    }
  }
}

function nothing(): void {}

/** Answers to questions that were put together, back to who asked them. */
function dealOut<Answer>(
  groups: readonly (readonly unknown[])[],
  answers: readonly Answer[],
): readonly BatchOutcome<readonly Answer[]>[] {
  let start = 0
  return groups.map((group) => {
    const result = answers.slice(start, start + group.length)
    start += group.length
    return { ok: true, result }
  })
}

function checkShareNumber(shareNumber: number): void {
  if (Number.isInteger(shareNumber) && shareNumber >= 0 && shareNumber < TOTAL_SHARES_MAX) return
  throw new InvalidInputError(`a share number from 0 to ${TOTAL_SHARES_MAX - 1} wanted, found ${shareNumber}`)
}

function checkPart(what: string, sizeBytes: number, sizeMaxBytes: number): void {
  if (sizeBytes >= 1 && sizeBytes <= sizeMaxBytes) return
  throw new InvalidInputError(`a ${what} of 1 to ${sizeMaxBytes} bytes wanted, found ${sizeBytes}`)
}

function checkCount(what: string, count: number, countMax: number): void {
  if (count > countMax) throw new InvalidInputError(`at most ${countMax} ${what} wanted, found ${count}`)
}
