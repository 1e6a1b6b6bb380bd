/**
 * Messages on a channel (PROTOCOL §4.1).
 *
 * | offset | size | field |
 * |---|---|---|
 * | 0 | 4 | header length H, big-endian, 1 to WIRE_HEADER_MAX_BYTES |
 * | 4 | 4 | payload length P, big-endian, 0 to WIRE_PAYLOAD_MAX_BYTES |
 * | 8 | H | header, a canonical CBOR map |
 * | 8 + H | P | payload, raw |
 */
import { concat, decodeFields, encodeFields, type FieldRecord, type Fields, InvalidInputError } from '#crypto'
import { ProtocolError } from '../errors.ts'
import { WIRE_HEADER_MAX_BYTES, WIRE_PAYLOAD_MAX_BYTES, WIRE_SLICE_BYTES } from '../limits.ts'
import type { Channel } from '../platform/platform.ts'
import { unfilledBytes } from './payload-buffers.ts'

export const MESSAGE_PREFIX_SIZE_BYTES = 8

/** A message as it came. Header and payload belong to the receiver. */
export interface Message {
  readonly header: Fields
  readonly payload: Uint8Array
  /** Of the whole message. */
  readonly sizeBytes: number
}

/** A message to send: parts to write one after the other; a payload is not copied. */
export interface OutgoingMessage {
  readonly parts: readonly Uint8Array[]
  readonly sizeBytes: number
}

/** @throws InvalidInputError if header or payload are beyond their limits */
export function formatMessage(header: FieldRecord, payload?: Uint8Array): OutgoingMessage {
  const headerBytes = encodeFields(header)
  const payloadSizeBytes = payload?.length ?? 0
  if (headerBytes.length > WIRE_HEADER_MAX_BYTES) {
    throw new InvalidInputError(`a header of ${headerBytes.length} bytes is too large for a message`)
  }
  if (payloadSizeBytes > WIRE_PAYLOAD_MAX_BYTES) {
    throw new InvalidInputError(`a block of ${payloadSizeBytes} bytes is too large for a message`)
  }
  const prefix = new Uint8Array(MESSAGE_PREFIX_SIZE_BYTES)
  const view = new DataView(prefix.buffer)
  view.setUint32(0, headerBytes.length)
  view.setUint32(4, payloadSizeBytes)
  const head = concat(prefix, headerBytes)
  return {
    parts: payload === undefined || payloadSizeBytes === 0 ? [head] : [head, payload],
    sizeBytes: head.length + payloadSizeBytes,
  }
}

/**
 * Writes parts so that each slice of a large one counts as movement: on a slow line a block takes longer than a
 * channel may stand still.
 *
 * @param moved called whenever the transport has taken some of it
 */
export async function writeSlices(
  channel: Pick<Channel, 'write'>,
  parts: readonly Uint8Array[],
  moved: () => void,
): Promise<void> {
  let small: Uint8Array[] = []
  for (const part of parts) {
    let rest = part
    for (; rest.length > WIRE_SLICE_BYTES; rest = rest.subarray(WIRE_SLICE_BYTES)) {
      await channel.write([...small, rest.subarray(0, WIRE_SLICE_BYTES)])
      small = []
      moved()
    }
    small.push(rest)
  }
  await channel.write(small)
  moved()
}

/**
 * Takes messages from a channel one by one. Lengths are checked before anything is allocated; a payload is copied
 * once, from what the transport delivers into its own buffer.
 */
export class MessageReader {
  readonly #incoming: AsyncIterator<Uint8Array>
  readonly #admit: ((sizeBytes: number) => Promise<void>) | undefined
  readonly #takeBuffer: (sizeBytes: number) => Uint8Array
  #part: Uint8Array = new Uint8Array(0)
  #partOffset = 0
  #receivedBytes = 0
  #insideMessage = false

  /**
   * @param options.admit called with the size of a message once its prefix is known and before its buffers are
   * made; may wait
   * @param options.takeBuffer gives a buffer for a payload of exactly that size; default: a new one
   */
  constructor(
    incoming: AsyncIterable<Uint8Array>,
    options: {
      readonly admit?: (sizeBytes: number) => Promise<void>
      readonly takeBuffer?: (sizeBytes: number) => Uint8Array
    } = {},
  ) {
    this.#incoming = incoming[Symbol.asyncIterator]()
    this.#admit = options.admit
    this.#takeBuffer = options.takeBuffer ?? unfilledBytes
  }

  /** Bytes taken from the channel so far: while it grows, the peer is alive. */
  get receivedBytes(): number {
    return this.#receivedBytes
  }

  /** Whether a message has begun and not ended: the peer owes the rest. */
  get insideMessage(): boolean {
    return this.#insideMessage
  }

  /**
   * The next message; undefined after the last. Not to be called again before it settled.
   *
   * @throws ProtocolError for lengths beyond the limits, a header that is not canonical CBOR, or an end inside a
   * message; what the channel throws
   */
  async read(): Promise<Message | undefined> {
    const prefix = new Uint8Array(MESSAGE_PREFIX_SIZE_BYTES)
    if (!(await this.#fill(prefix))) return undefined
    const view = new DataView(prefix.buffer)
    const headerSizeBytes = view.getUint32(0)
    const payloadSizeBytes = view.getUint32(4)
    checkSizes(headerSizeBytes, payloadSizeBytes)
    const sizeBytes = MESSAGE_PREFIX_SIZE_BYTES + headerSizeBytes + payloadSizeBytes
    await this.#admit?.(sizeBytes)
    const headerBytes = new Uint8Array(headerSizeBytes)
    await this.#fill(headerBytes)
    const header = headerOf(headerBytes)
    const payload = this.#takeBuffer(payloadSizeBytes)
    await this.#fill(payload)
    this.#insideMessage = false
    return { header, payload, sizeBytes }
  }

  /** @returns false if the channel ended before the first byte of a message */
  async #fill(target: Uint8Array): Promise<boolean> {
    let filled = 0
    while (filled < target.length) {
      if (this.#partOffset === this.#part.length) {
        const step = await this.#incoming.next()
        if (step.done === true) {
          if (!this.#insideMessage && filled === 0) return false
          throw new ProtocolError('the channel ended inside a message')
        }
        this.#part = step.value
        this.#partOffset = 0
        this.#receivedBytes += step.value.length
        continue
      }
      this.#insideMessage = true
      const end = Math.min(this.#part.length, this.#partOffset + target.length - filled)
      target.set(this.#part.subarray(this.#partOffset, end), filled)
      filled += end - this.#partOffset
      this.#partOffset = end
    }
    return true
  }
}

function checkSizes(headerSizeBytes: number, payloadSizeBytes: number): void {
  if (headerSizeBytes < 1 || headerSizeBytes > WIRE_HEADER_MAX_BYTES) {
    throw new ProtocolError(
      `a header of 1 to ${WIRE_HEADER_MAX_BYTES} bytes wanted, found ${headerSizeBytes}`,
    )
  }
  if (payloadSizeBytes > WIRE_PAYLOAD_MAX_BYTES) {
    throw new ProtocolError(
      `a payload of at most ${WIRE_PAYLOAD_MAX_BYTES} bytes wanted, found ${payloadSizeBytes}`,
    )
  }
}

function headerOf(bytes: Uint8Array): Fields {
  try {
    return decodeFields(bytes, 'message')
  } catch (cause) {
    throw new ProtocolError('a message header is not a canonical CBOR map', {}, { cause })
  }
}
