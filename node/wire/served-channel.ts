/** One channel as the server sees it: read a request ahead, carry one out, answer, in order (PROTOCOL §4.3). */
import { GridError, InvalidInputError, SLOT_RECORD_MAX_BYTES, toBase32 } from '#crypto'
import { BusyError, isErrorCode, TimeoutError } from '../errors.ts'
import {
  WIRE_GATHER_BYTES,
  WIRE_HELD_REPLIES_MAX,
  WIRE_OPEN_WRITES_PER_CHANNEL_MAX,
  WIRE_PAYLOAD_MAX_BYTES,
  WIRE_PENDING_MILLISECONDS,
  WIRE_SERVER_IDLE_MILLISECONDS,
  WIRE_STALL_MILLISECONDS,
  WIRE_TAKEOVER_MILLISECONDS,
} from '../limits.ts'
import type { ServedRequest } from '../metrics/meter.ts'
import type { Channel, Clock, Log } from '../platform/platform.ts'
import type { ShareWriter, StorageServer, WriteRequest } from '../storage/server.ts'
import type { PeerBudget } from './byte-budget.ts'
import { formatMessage, type Message, MessageReader, type OutgoingMessage, writeSlices } from './message.ts'
import { openFiles } from './open-files.ts'
import type { PayloadBuffers } from './payload-buffers.ts'
import {
  blockReply,
  doneReply,
  leasesReply,
  listReply,
  manifestReply,
  pendingReply,
  scrubReply,
  statusReply,
  writeOpenReply,
} from './replies.ts'
import { parseRequest, type StorageRequest, type WriteName } from './requests.ts'
import { slotsReply, writeSlots } from './slots.ts'
import { writeWholeShares } from './whole-shares.ts'
import { errorFields } from './wire-error.ts'

export interface ServedChannelOptions {
  readonly channel: Channel
  readonly server: StorageServer
  readonly log: Log
  readonly clock: Pick<Clock, 'elapsed'>
  readonly requestBudget: PeerBudget
  readonly replyBudget: PeerBudget
  readonly buffers: PayloadBuffers
  /** Which channel of this peer holds which write. */
  readonly holders: Map<string, ServedChannel>
  /** Before each request. @throws NotAdmittedError if the peer may not ask any more */
  readonly requireAllowed?: (() => void) | undefined
  /** Before each that could be read. @throws BusyError if it is not taken now */
  readonly requireTaken?: ((op: StorageRequest['op']) => void) | undefined
  /** After each. */
  readonly onServed?: ((request: Omit<ServedRequest, 'account'>) => void) | undefined
}

/**
 * At most two requests are in memory, the one carried out and the one after it, and one reply. Writes that a
 * channel began and did not finish are let go when it ends; another channel can take them up.
 */
export class ServedChannel {
  /** Settles when everything of the channel is given back. */
  readonly ended: Promise<void>
  readonly #options: ServedChannelOptions
  readonly #reader: MessageReader
  readonly #writers = new Map<string, ShareWriter>()
  readonly #gone = new AbortController()
  readonly #markEnded: () => void
  /** Replies inside a small write that go out with the next one: its request has come already. */
  readonly #held: Uint8Array[] = []
  #nextIsHere = false
  #phase: 'reading' | 'working' | 'replying' = 'reading'
  #waitingForBudget = false
  #requestBytes = 0
  #replyBytes = 0
  #hasEnded = false
  #sentCount = 0
  /** What `tick` saw last, and for how long it has not changed. */
  #lastMovement = 0
  #stillMilliseconds = 0

  constructor(options: ServedChannelOptions) {
    this.#options = options
    this.#reader = new MessageReader(options.channel.incoming, {
      admit: (size) => this.#admit(size),
      takeBuffer: (size) => options.buffers.take(size),
    })
    const { promise, resolve } = Promise.withResolvers<void>()
    this.ended = promise
    this.#markEnded = resolve
  }

  /** Serves until the peer finishes. @throws what broke the channel, ProtocolError included */
  async run(): Promise<void> {
    try {
      let ahead = this.#readAhead()
      for (let message = await ahead; message !== undefined; message = await ahead) {
        ahead = this.#readAhead()
        await this.#answer(message)
        this.#releaseRequest(message.sizeBytes)
      }
    } finally {
      await this.#end()
    }
  }

  abort(reason: Error): void {
    this.#gone.abort(reason)
    this.#options.channel.abort(reason)
  }

  /** To be called every so often: keeps a waiting client patient, and breaks off a channel that stands still. */
  tick(passedMilliseconds: number): void {
    const movement = this.#reader.receivedBytes + this.#sentCount
    this.#stillMilliseconds =
      movement === this.#lastMovement ? this.#stillMilliseconds + passedMilliseconds : 0
    this.#lastMovement = movement
    if (this.#phase === 'working' || (this.#phase === 'reading' && this.#waitingForBudget)) {
      if (this.#stillMilliseconds >= WIRE_PENDING_MILLISECONDS) {
        this.#send(pendingReply().parts).catch(() => undefined)
      }
      return
    }
    const owed = this.#phase === 'replying' || this.#reader.insideMessage
    const limit = owed ? WIRE_STALL_MILLISECONDS : WIRE_SERVER_IDLE_MILLISECONDS
    if (this.#stillMilliseconds < limit) return
    this.abort(new TimeoutError(`nothing moved on a channel for ${this.#stillMilliseconds} ms`))
  }

  /** Something was asked and not answered yet, or begun and not finished. */
  get isBusy(): boolean {
    return this.#phase !== 'reading' || this.#reader.insideMessage || this.#writers.size > 0
  }

  #readAhead(): Promise<Message | undefined> {
    this.#nextIsHere = false
    const ahead = this.#reader.read()
    ahead.then(
      (message) => {
        this.#nextIsHere = message !== undefined
      },
      // Whoever waits for it next hears it too; what runs meanwhile for this peer is called off.
      (error: unknown) => this.#gone.abort(error),
    )
    return ahead
  }

  async #admit(sizeBytes: number): Promise<void> {
    this.#waitingForBudget = true
    await this.#options.requestBudget.acquire(sizeBytes)
    this.#waitingForBudget = false
    if (this.#hasEnded) {
      this.#options.requestBudget.release(sizeBytes)
      throw this.#gone.signal.reason
    }
    this.#requestBytes += sizeBytes
  }

  async #answer(message: Message): Promise<void> {
    this.#phase = 'working'
    let reply: OutgoingMessage
    let canWait = false
    let op: ServedRequest['op'] = 'malformed'
    let outcome: ServedRequest['outcome'] = 'ok'
    const startedAt = this.#options.clock.elapsed()
    try {
      this.#options.requireAllowed?.()
      const request = parseRequest(message)
      op = request.op
      this.#options.requireTaken?.(op)
      reply = await this.#carryOut(request)
      canWait = request.op === 'write-open' || (request.op === 'write-block' && isSmall(message))
    } catch (error) {
      if (!(error instanceof GridError)) {
        this.#options.log.error('a request failed for no known reason', {
          peer: this.#options.channel.remoteId,
          error,
        })
      }
      reply = formatMessage(errorFields(error))
      outcome = error instanceof GridError && isErrorCode(error.code) ? error.code : 'INTERNAL'
    }
    const seconds = (this.#options.clock.elapsed() - startedAt) / 1000
    const sentBytes = reply.parts.reduce((sum, part) => sum + part.length, 0)
    this.#options.onServed?.({ op, outcome, seconds, receivedBytes: message.sizeBytes, sentBytes })
    this.#phase = 'replying'
    if (canWait && this.#nextIsHere && this.#held.length < WIRE_HELD_REPLIES_MAX) {
      this.#held.push(...reply.parts)
    } else {
      await this.#send(reply.parts)
    }
    this.#options.replyBudget.release(this.#replyBytes)
    this.#replyBytes = 0
    this.#phase = 'reading'
  }

  async #send(parts: readonly Uint8Array[]): Promise<void> {
    await writeSlices(this.#options.channel, [...this.#held.splice(0), ...parts], () => {
      this.#sentCount += 1
    })
  }

  async #carryOut(request: StorageRequest): Promise<OutgoingMessage> {
    const { server } = this.#options
    const { signal } = this.#gone
    switch (request.op) {
      case 'status':
        return statusReply(await server.status({ signal }))
      case 'list':
        return listReply(await server.listShares(request.queries, { signal }))
      case 'open':
        return await this.#openFiles(request)
      case 'write-open':
        return writeOpenReply(await (await this.#newWriter(request.write)).open())
      case 'write-block':
        await this.#writer(request.write).writeBlock(request.block)
        // Not after a failure: some write to the disk may then still be reading it.
        this.#options.buffers.giveBack(request.block.block)
        return doneReply()
      case 'write-finish':
        await this.#writer(request.write).finish(request)
        this.#forget(writeKey(request.write))
        return doneReply()
      case 'write-abort':
      case 'write-detach':
        await this.#letGo(request.op, request.write)
        return doneReply()
      case 'write-whole': {
        const reply = await writeWholeShares(server, request.shares, { signal, log: this.#options.log })
        // Every block was copied, or its share refused.
        const [first] = request.shares
        if (first !== undefined) this.#options.buffers.giveBack(first.block)
        return reply
      }
      case 'read-manifest':
        return manifestReply(await server.readManifest(request.address, { signal }))
      case 'read-block':
        return await this.#readBlock(request)
      case 'update-leases':
        return leasesReply(await server.updateLeases(request.updates))
      case 'scrub':
        return scrubReply(await server.scrubShare(request.address, { signal }))
      case 'slot-read':
        await this.#reserveReply(request.publicKeys.length * SLOT_RECORD_MAX_BYTES)
        return slotsReply(await server.readSlots(request.publicKeys, { signal }))
      case 'slot-write': {
        await this.#reserveReply(request.writes.length * SLOT_RECORD_MAX_BYTES)
        const reply = await writeSlots(server, request.writes, { signal, log: this.#options.log })
        // Every record was copied, or refused.
        const [first] = request.writes
        if (first !== undefined) this.#options.buffers.giveBack(first.record)
        return reply
      }
    }
  }

  /** Room for the largest block there is, until the size of this one is known. */
  async #readBlock(request: StorageRequest & { readonly op: 'read-block' }): Promise<OutgoingMessage> {
    const { replyBudget, server } = this.#options
    await this.#reserveReply(WIRE_PAYLOAD_MAX_BYTES)
    const read = await server.readBlock(request.block, { signal: this.#gone.signal })
    replyBudget.release(WIRE_PAYLOAD_MAX_BYTES - read.block.length)
    this.#replyBytes = read.block.length
    return blockReply(read)
  }

  async #openFiles(request: StorageRequest & { readonly op: 'open' }): Promise<OutgoingMessage> {
    const { replyBudget, server } = this.#options
    await this.#reserveReply(WIRE_PAYLOAD_MAX_BYTES)
    const { reply, payloadBytes } = await openFiles(server, request.files, { signal: this.#gone.signal })
    replyBudget.release(WIRE_PAYLOAD_MAX_BYTES - payloadBytes)
    this.#replyBytes = payloadBytes
    return reply
  }

  async #reserveReply(sizeBytes: number): Promise<void> {
    await this.#options.replyBudget.acquire(sizeBytes)
    this.#replyBytes = sizeBytes
  }

  async #newWriter(write: WriteRequest): Promise<ShareWriter> {
    const { holders, server } = this.#options
    const key = writeKey(write)
    const holder = holders.get(key)
    if (holder === this || holder?.isStill === true) await holder.#detach(key)
    if (this.#writers.size >= WIRE_OPEN_WRITES_PER_CHANNEL_MAX) {
      throw new BusyError(`at most ${WIRE_OPEN_WRITES_PER_CHANNEL_MAX} writes are open on one channel`)
    }
    const writer = server.writeShare(write)
    this.#writers.set(key, writer)
    // A channel that moves keeps its write: the server then refuses this one.
    if (!holders.has(key)) holders.set(key, this)
    return writer
  }

  /** A peer whose line went dead comes back on another before we know: its write is there to be taken up. */
  get isStill(): boolean {
    return this.#stillMilliseconds >= WIRE_TAKEOVER_MILLISECONDS
  }

  async #detach(key: string): Promise<void> {
    await this.#forget(key)?.detach()
  }

  #forget(key: string): ShareWriter | undefined {
    const { holders } = this.#options
    if (holders.get(key) === this) holders.delete(key)
    const writer = this.#writers.get(key)
    this.#writers.delete(key)
    return writer
  }

  #writer(write: WriteName): ShareWriter {
    const writer = this.#writers.get(writeKey(write))
    if (writer === undefined) throw new InvalidInputError('no such write is open on this channel')
    return writer
  }

  /** What another channel began, or this one let go of before, can be forgotten too. Never fails. */
  async #letGo(op: 'write-abort' | 'write-detach', write: WriteName): Promise<void> {
    const known = this.#forget(writeKey(write))
    if (op === 'write-detach') {
      await known?.detach()
      return
    }
    const writer = known ?? this.#options.server.writeShare({ ...write, expectedSizeBytes: 0 })
    try {
      if (known === undefined) await writer.open()
    } catch (error) {
      if (!(error instanceof GridError)) throw error
    }
    await writer.abort()
  }

  #releaseRequest(sizeBytes: number): void {
    this.#requestBytes -= sizeBytes
    this.#options.requestBudget.release(sizeBytes)
  }

  async #end(): Promise<void> {
    this.#hasEnded = true
    this.#gone.abort(new TimeoutError('the channel has ended'))
    this.#options.replyBudget.release(this.#replyBytes)
    this.#options.requestBudget.release(this.#requestBytes)
    this.#replyBytes = 0
    this.#requestBytes = 0
    await Promise.all([...this.#writers.keys()].map((key) => this.#detach(key)))
    this.#markEnded()
  }
}

function isSmall({ sizeBytes }: Message): boolean {
  return sizeBytes <= WIRE_GATHER_BYTES
}

function writeKey({ storageIndex, shareNumber, uploadId }: WriteName): string {
  return `${toBase32(uploadId)} ${shareNumber} ${toBase32(storageIndex)}`
}
