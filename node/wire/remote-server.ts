/**
 * A storage server at the other end of a network: the contract of storage/server.ts over /cairn/storage/1 (PROTOCOL
 * §5).
 */
import {
  InvalidInputError,
  MANIFEST_SIZE_MAX_BYTES,
  type PublicKey,
  SLOT_RECORD_MAX_BYTES,
  TOTAL_SHARES_MAX,
} from '#crypto'
import {
  LEASE_UPDATES_MAX,
  LIST_QUERIES_MAX,
  SLOT_READS_MAX,
  WIRE_EXPECTED_BLOCK_BYTES,
  WIRE_EXPECTED_RECORD_BYTES,
  WIRE_HEADER_MAX_BYTES,
  WIRE_LIST_QUERIES_MAX,
  WIRE_OPEN_QUERIES_MAX,
  WIRE_PAYLOAD_MAX_BYTES,
  WIRE_SLOT_WRITES_MAX,
  WIRE_WHOLE_SHARES_MAX,
} from '../limits.ts'
import type { PeerId, Platform } from '../platform/platform.ts'
import { checkLeaseDuration } from '../storage/lease.ts'
import type {
  BlockRequest,
  CallOptions,
  LeaseOutcome,
  LeaseUpdate,
  ListedShare,
  OpenedFile,
  OpenRequest,
  ReadBlock,
  ScrubOutcome,
  ServerStatus,
  ShareAddress,
  ShareQuery,
  ShareWriter,
  SlotWrite,
  SlotWriteOutcome,
  StorageServer,
  WholeShare,
  WriteRequest,
} from '../storage/server.ts'
import { Batcher, type BatchOutcome } from './batcher.ts'
import { ChannelPool } from './channel-pool.ts'
import { formatMessage, type Message } from './message.ts'
import { readOpenedFiles } from './open-files.ts'
import { RemoteShareWriter } from './remote-share-writer.ts'
import {
  readBlockReply,
  readLeases,
  readList,
  readManifestReply,
  readScrub,
  readStatus,
  SMALL_REPLY_BYTES,
} from './replies.ts'
import { requestFields, STORAGE_PROTOCOL, type StorageRequest } from './requests.ts'
import { readSlotOutcomes, readSlotsReply, slotWritePayload } from './slots.ts'
import { readWholeOutcomes, weighWhole, wholePayload } from './whole-shares.ts'

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
  readonly #openings = new Batcher<OpenRequest, OpenedFile>({
    countMax: WIRE_OPEN_QUERIES_MAX,
    bytesMax: WIRE_HEADER_MAX_BYTES,
    send: (requests, signal) => this.#sendOpenings(requests, signal),
  })
  readonly #wholeShares = new Batcher<WholeShare, void>({
    countMax: WIRE_WHOLE_SHARES_MAX,
    bytesMax: WIRE_PAYLOAD_MAX_BYTES,
    weigh: weighWhole,
    send: (shares, signal) => this.#sendWholeShares(shares, signal),
  })

  readonly #slotReads = new Batcher<readonly PublicKey[], readonly (Uint8Array | undefined)[]>({
    countMax: SLOT_READS_MAX,
    bytesMax: WIRE_HEADER_MAX_BYTES,
    weigh: (publicKeys) => ({ count: publicKeys.length, bytes: 0 }),
    send: (groups, signal) => this.#sendSlotReads(groups, signal),
  })
  readonly #slotWrites = new Batcher<SlotWrite, SlotWriteOutcome>({
    countMax: WIRE_SLOT_WRITES_MAX,
    bytesMax: WIRE_PAYLOAD_MAX_BYTES,
    weigh: ({ record }) => ({ count: 1, bytes: record.length }),
    send: (writes, signal) => this.#sendSlotWrites(writes, signal),
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

  async openFile(request: OpenRequest, options?: CallOptions): Promise<OpenedFile> {
    return await this.#openings.call(request, options?.signal)
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
      if ('shareNumber' in update.address) checkShareNumber(update.address.shareNumber)
      if (update.action === 'renew') checkLeaseDuration(update.durationSeconds)
    }
    return await this.#leases.call(updates, options?.signal)
  }

  async scrubShare(address: ShareAddress, options?: CallOptions): Promise<ScrubOutcome> {
    return await this.#ask({ op: 'scrub', address }, { parse: readScrub, signal: options?.signal })
  }

  async readSlots(
    publicKeys: readonly PublicKey[],
    options?: CallOptions,
  ): Promise<readonly (Uint8Array | undefined)[]> {
    checkCount('slots', publicKeys.length, SLOT_READS_MAX)
    if (publicKeys.length === 0) return []
    return await this.#slotReads.call(publicKeys, options?.signal)
  }

  async writeSlot(write: SlotWrite, options?: CallOptions): Promise<SlotWriteOutcome> {
    checkPart('record', write.record.length, SLOT_RECORD_MAX_BYTES)
    checkLeaseDuration(write.leaseDurationSeconds)
    return await this.#slotWrites.call(write, options?.signal)
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

  async #sendOpenings(
    files: readonly OpenRequest[],
    signal: AbortSignal,
  ): Promise<readonly BatchOutcome<OpenedFile>[]> {
    const parse = (reply: Message) => readOpenedFiles(reply, files)
    const expectedReplyBytes = WIRE_EXPECTED_BLOCK_BYTES
    const opened = await this.#ask({ op: 'open', files }, { parse, expectedReplyBytes, signal })
    return opened.map((result) => ({ ok: true, result }))
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

  async #sendSlotReads(
    groups: readonly (readonly PublicKey[])[],
    signal: AbortSignal,
  ): Promise<readonly BatchOutcome<readonly (Uint8Array | undefined)[]>[]> {
    const publicKeys = groups.flat()
    const parse = (reply: Message) => readSlotsReply(reply, publicKeys.length)
    const expectedReplyBytes = publicKeys.length * WIRE_EXPECTED_RECORD_BYTES
    const records = await this.#ask({ op: 'slot-read', publicKeys }, { parse, expectedReplyBytes, signal })
    return dealOut(groups, records)
  }

  async #sendSlotWrites(
    writes: readonly SlotWrite[],
    signal: AbortSignal,
  ): Promise<readonly BatchOutcome<SlotWriteOutcome>[]> {
    const expected = { writeCount: writes.length, serverId: this.serverId }
    const parse = (reply: Message) => readSlotOutcomes(reply, expected)
    const payload = slotWritePayload(writes)
    return await this.#ask({ op: 'slot-write', writes }, { parse, payload, signal })
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
