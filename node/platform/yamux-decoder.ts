/**
 * Frames of yamux (https://github.com/hashicorp/yamux/blob/master/spec.md) from the bytes of a connection, in place of
 * the decoder of @libp2p/yamux.
 *
 * That one holds a frame back until all of it is there: up to a window of data, or up to 4 GiB from a peer that lies
 * about a length. This one hands data on as it comes, as frames of its own, so it holds twelve bytes at most; and it
 * counts the headers as read (received-memory.ts).
 */
import type { StreamMuxer, StreamMuxerFactory } from '@libp2p/interface'
import type { Uint8ArrayList } from 'uint8arraylist'
import { ProtocolError } from '../errors.ts'
import { noteRead } from './received-memory.ts'

const HEADER_SIZE_BYTES = 12
const VERSION = 0
const TYPE_DATA = 0
/** SYN and ACK: they open a stream, and belong to the first bytes of a frame. FIN and RST, to the last, end it. */
const OPENING_FLAGS = 0x1 | 0x2

export interface YamuxFrame {
  readonly header: {
    readonly type: number
    readonly flag: number
    readonly streamID: number
    /** Of a frame of data: bytes in `data`. Of another, what it says. */
    readonly length: number
  }
  /** Of a frame of data and no other: a view of what came. */
  readonly data?: Uint8Array
}

export class YamuxDecoder {
  readonly #header = new Uint8Array(HEADER_SIZE_BYTES)
  readonly #headerView = new DataView(this.#header.buffer)
  #headerFilled = 0
  /** The frame of data that has begun, and how much of it is still to come. */
  #streamID = 0
  #flag = 0
  #leftBytes = 0;

  /** @throws ProtocolError if it is another version of yamux, or none */
  *emitFrames(bytes: Uint8Array | Uint8ArrayList): Generator<YamuxFrame, void, undefined> {
    for (const part of bytes instanceof Uint8Array ? [bytes] : bytes) {
      for (let offset = 0; offset < part.length; ) {
        if (this.#leftBytes > 0) {
          const length = Math.min(this.#leftBytes, part.length - offset)
          yield this.#dataFrame(new Uint8Array(part.buffer, part.byteOffset + offset, length))
          offset += length
          continue
        }
        const length = Math.min(HEADER_SIZE_BYTES - this.#headerFilled, part.length - offset)
        this.#header.set(part.subarray(offset, offset + length), this.#headerFilled)
        noteRead({ buffer: part.buffer, length })
        this.#headerFilled += length
        offset += length
        if (this.#headerFilled < HEADER_SIZE_BYTES) continue
        this.#headerFilled = 0
        const frame = this.#begin()
        if (frame !== undefined) yield frame
      }
    }
  }

  /** @returns a frame that is whole with its header */
  #begin(): YamuxFrame | undefined {
    const view = this.#headerView
    if (view.getUint8(0) !== VERSION) throw new ProtocolError('a frame of another version of yamux came')
    const type = view.getUint8(1)
    const header = { type, flag: view.getUint16(2), streamID: view.getUint32(4), length: view.getUint32(8) }
    if (type !== TYPE_DATA) return { header }
    if (header.length === 0) return { header, data: new Uint8Array(0) }
    this.#streamID = header.streamID
    this.#flag = header.flag
    this.#leftBytes = header.length
    return undefined
  }

  #dataFrame(data: Uint8Array): YamuxFrame {
    this.#leftBytes -= data.length
    const flag = this.#leftBytes === 0 ? this.#flag : this.#flag & OPENING_FLAGS
    this.#flag &= ~OPENING_FLAGS
    return { header: { type: TYPE_DATA, flag, streamID: this.#streamID, length: data.length }, data }
  }
}

/** The muxers of a factory, with this decoder; one of another make is left as it is. */
export function withOwnDecoder(factory: StreamMuxerFactory): StreamMuxerFactory {
  return {
    protocol: factory.protocol,
    createStreamMuxer: (connection): StreamMuxer => {
      const muxer = factory.createStreamMuxer(connection)
      if ('decoder' in muxer) muxer.decoder = new YamuxDecoder()
      return muxer
    },
  }
}
