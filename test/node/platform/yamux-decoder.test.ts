import type { StreamMuxerFactory } from '@libp2p/interface'
import { yamux } from '@libp2p/yamux'
import fc from 'fast-check'
import { Uint8ArrayList } from 'uint8arraylist'
import { describe, expect, test } from 'vitest'
import { concat } from '#crypto'
import { ProtocolError } from '../../../node/errors.ts'
import { noteReceived } from '../../../node/platform/received-memory.ts'
import { withOwnDecoder, YamuxDecoder, type YamuxFrame } from '../../../node/platform/yamux-decoder.ts'

interface Sent {
  readonly type: number
  readonly flag: number
  readonly streamID: number
  readonly data: Uint8Array
  /** Of a frame without data. */
  readonly says: number
}

const sent: fc.Arbitrary<Sent> = fc.record({
  type: fc.constantFrom(0, 0, 0, 1, 2, 3, 9),
  flag: fc.nat(15),
  streamID: fc.nat(2 ** 32 - 1),
  data: fc.uint8Array({ maxLength: 60 }),
  says: fc.nat(2 ** 32 - 1),
})

function bytesOf({ type, flag, streamID, data, says }: Sent): Uint8Array {
  const bytes = new Uint8Array(type === 0 ? 12 + data.length : 12)
  const view = new DataView(bytes.buffer)
  view.setUint8(1, type)
  view.setUint16(2, flag)
  view.setUint32(4, streamID)
  view.setUint32(8, type === 0 ? data.length : says)
  if (type === 0) bytes.set(data, 12)
  return bytes
}

/** The bytes cut at these places, each part in a buffer of its own. */
function cut(bytes: Uint8Array, cuts: readonly number[]): readonly Uint8Array[] {
  const places = [0, ...cuts.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  return places.slice(1).map((end, index) => bytes.slice(places[index], end))
}

/** Frames of data that were handed on in pieces, put together again. */
function joined(frames: readonly YamuxFrame[], wanted: readonly Sent[]): readonly Sent[] {
  const rest = [...frames]
  return wanted.map((one) => {
    const first = rest.shift()
    if (first === undefined) throw new Error('a frame is missing')
    let { flag } = first.header
    const parts = [first.data ?? new Uint8Array(0)]
    expect(first.header.length).toBe(first.data === undefined ? one.says : first.data.length)
    while (one.type === 0 && concat(...parts).length < one.data.length) {
      const next = rest.shift()
      if (next?.data === undefined) throw new Error('data is missing')
      expect(next.header).toMatchObject({ type: 0, streamID: one.streamID, length: next.data.length })
      // SYN and ACK come with the first piece, FIN and RST not before the last.
      expect([next.header.flag & 3, flag & 12]).toEqual([0, 0])
      flag |= next.header.flag
      parts.push(next.data)
    }
    const { type, streamID } = first.header
    return { type, flag, streamID, data: concat(...parts), says: one.says }
  })
}

describe('YamuxDecoder', () => {
  test('gives every frame, wherever the bytes are cut, one part or several at a time', () => {
    const flow = fc.tuple(
      fc.array(sent, { maxLength: 12 }),
      fc.array(fc.nat(), { maxLength: 20 }),
      fc.boolean(),
    )
    fc.assert(
      fc.property(flow, ([frames, cuts, together]) => {
        const parts = cut(concat(...frames.map(bytesOf)), cuts)
        const decoder = new YamuxDecoder()
        const inputs = together ? [new Uint8ArrayList(...parts)] : parts
        const got = inputs.flatMap((input) => [...decoder.emitFrames(input)])
        const wanted = frames.map((frame) =>
          frame.type === 0 ? frame : { ...frame, data: new Uint8Array(0) },
        )
        expect(joined(got, wanted)).toEqual(wanted)
      }),
    )
  })

  test('hands data on before the frame is whole, whatever length it claims', () => {
    const decoder = new YamuxDecoder()
    const header = bytesOf({ type: 0, flag: 0, streamID: 1, data: new Uint8Array(0), says: 0 })
    new DataView(header.buffer).setUint32(8, 2 ** 32 - 1)
    expect([...decoder.emitFrames(header)]).toEqual([])
    for (const byte of [7, 8]) {
      const [frame] = decoder.emitFrames(Uint8Array.of(byte))
      expect(frame).toEqual({
        header: { type: 0, flag: 0, streamID: 1, length: 1 },
        data: Uint8Array.of(byte),
      })
    }
  })

  test('refuses another version', () => {
    const decoder = new YamuxDecoder()
    expect(() => [...decoder.emitFrames(new Uint8Array(12).fill(1))]).toThrow(ProtocolError)
  })

  test('counts its headers as read', () => {
    const received = concat(
      bytesOf({ type: 1, flag: 0, streamID: 1, data: new Uint8Array(0), says: 5 }),
      bytesOf({ type: 0, flag: 0, streamID: 1, data: new Uint8Array(0), says: 0 }),
    )
    noteReceived(received)
    expect([...new YamuxDecoder().emitFrames(received)]).toHaveLength(2)
    expect(received.buffer.byteLength).toBe(0)
  })
})

test('the muxers of @libp2p/yamux take the decoder, and those of others are left alone', () => {
  const made: object[] = []
  const recorded = (factory: StreamMuxerFactory): StreamMuxerFactory => ({
    protocol: factory.protocol,
    createStreamMuxer: (connection) => {
      const muxer = factory.createStreamMuxer(connection)
      made.push(muxer)
      return muxer
    },
  })
  // It is set up with whatever connection it is given, and reads it later.
  const log = Object.assign(() => undefined, { trace: () => undefined, newScope: () => log })
  const connection = { log, direction: 'outbound', addEventListener: () => undefined }
  const own = withOwnDecoder(recorded(yamux({ enableKeepAlive: false })()))
  Reflect.apply(own.createStreamMuxer, own, [connection])
  expect(made[0]).toMatchObject({ decoder: expect.any(YamuxDecoder) })
  const other = { protocol: '/other', createStreamMuxer: () => Object.create(null) }
  const muxer = Reflect.apply(withOwnDecoder(other).createStreamMuxer, undefined, [connection])
  expect('decoder' in muxer).toBe(false)
})
