/** What every StorageServer promises about slots (node/storage/server.ts, PROTOCOL §5.9, §5.10). */
import { expect, test } from 'vitest'
import { IntegrityError, InvalidInputError, SLOT_RECORD_MAX_BYTES, type SlotRecord } from '#crypto'
import {
  LEASE_DURATION_MAX_SECONDS,
  NoSpaceError,
  SLOT_READS_MAX,
  type SlotWriteOutcome,
  type StorageServer,
} from '#node'
import { testRecord, testSlot } from '../support/make-slots.ts'
import type { StorageHarness, StorageHarnessOptions } from './storage-server.ts'

const HOUR_SECONDS = 3600

type Open = (options?: StorageHarnessOptions) => Promise<StorageHarness>

function write(
  server: StorageServer,
  { bytes }: Pick<SlotRecord, 'bytes'>,
  leaseDurationSeconds = HOUR_SECONDS,
): Promise<SlotWriteOutcome> {
  return server.writeSlot({ record: bytes, leaseDurationSeconds })
}

async function held(server: StorageServer, { publicKey }: Pick<SlotRecord, 'publicKey'>) {
  const [record] = await server.readSlots([publicKey])
  return record
}

export function slotCases(open: Open): void {
  recordCases(open)
  refusedRecordCases(open)
  slotLeaseCases(open)
}

function recordCases(open: Open): void {
  test('gives back the record of each slot, and nothing where there is none', async () => {
    const server = await (await open()).connect('alice')
    const records = Array.from({ length: SLOT_READS_MAX - 1 }, (_, number) =>
      testRecord(testSlot(`read ${number}`), 1, { padBytes: number * 3000 }),
    )
    for (const record of records) expect(await write(server, record)).toEqual({ accepted: true })
    const keys = [testSlot('absent').publicKey, ...records.map(({ publicKey }) => publicKey)]
    expect(await server.readSlots(keys)).toEqual([undefined, ...records.map(({ bytes }) => bytes)])
    expect(await server.readSlots(keys.toReversed())).toEqual([
      ...records.map(({ bytes }) => bytes).toReversed(),
      undefined,
    ])
    expect(await server.readSlots([])).toEqual([])
    const tooMany = [...keys, testSlot('one more').publicKey]
    await expect(server.readSlots(tooMany)).rejects.toThrow(InvalidInputError)
  })

  test('takes a record of a higher sequence, and no other one', async () => {
    const harness = await open()
    const [alice, bob] = [await harness.connect('alice'), await harness.connect('bob')]
    const keys = testSlot('order')
    const first = testRecord(keys, 1)
    const fifth = testRecord(keys, 5)
    const fork = testRecord(keys, 5, { body: 'another' })
    const sixth = testRecord(keys, 6, { previous: fifth })
    expect(await write(alice, first)).toEqual({ accepted: true })
    expect(await write(bob, fifth)).toEqual({ accepted: true })
    for (const older of [first, testRecord(keys, 4), fork]) {
      expect(await write(alice, older)).toEqual({ accepted: false, held: fifth.bytes })
    }
    expect(await held(alice, keys)).toEqual(fifth.bytes)
    expect(await write(alice, sixth)).toEqual({ accepted: true })
    expect(await held(bob, keys)).toEqual(sixth.bytes)
  })

  test('of two records of one sequence that come at once, keeps one and shows it to the other', async () => {
    const harness = await open()
    const [alice, bob] = [await harness.connect('alice'), await harness.connect('bob')]
    const keys = testSlot('race')
    await write(alice, testRecord(keys, 1))
    const rivals = ['left', 'right'].map((body) => testRecord(keys, 2, { body }))
    const outcomes = await Promise.all(rivals.map((rival, place) => write(place === 0 ? alice : bob, rival)))
    const winner = rivals[outcomes.findIndex(({ accepted }) => accepted)]?.bytes
    expect(outcomes).toContainEqual({ accepted: true })
    expect(outcomes).toContainEqual({ accepted: false, held: winner })
    expect(await held(alice, keys)).toEqual(winner)
  })

  test('takes many at once, each decided alone', async () => {
    const server = await (await open()).connect('alice')
    const slots = Array.from({ length: 50 }, (_, number) => testSlot(`many ${number}`))
    const newer = slots.map((keys) => testRecord(keys, 2))
    await Promise.all(newer.filter((_, place) => place % 3 === 0).map((record) => write(server, record)))
    const settled = await Promise.allSettled(
      slots.map((keys, place) => {
        const { bytes } = testRecord(keys, 1)
        return write(server, { bytes: place % 5 === 1 ? flipped(bytes, bytes.length - 1) : bytes })
      }),
    )
    for (const [place, outcome] of settled.entries()) {
      if (place % 5 === 1) {
        expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(IntegrityError) })
      } else if (place % 3 === 0) {
        expect(outcome).toMatchObject({ value: { accepted: false, held: newer[place]?.bytes } })
      } else expect(outcome).toMatchObject({ value: { accepted: true } })
    }
    const reads = await Promise.all(slots.map((keys) => held(server, keys)))
    const kept = slots.map((keys, place) => {
      if (place % 3 === 0) return newer[place]?.bytes
      return place % 5 === 1 ? undefined : testRecord(keys, 1).bytes
    })
    expect(reads).toEqual(kept)
  })

  test('a record stays as it was written, whatever becomes of the bytes that were handed over', async () => {
    const server = await (await open()).connect('alice')
    const record = testRecord(testSlot('buffer'), 1)
    const handed = record.bytes.slice()
    await server.writeSlot({ record: handed, leaseDurationSeconds: HOUR_SECONDS })
    handed.fill(0)
    const read = await held(server, record)
    expect(read).toEqual(record.bytes)
    read?.fill(0)
    expect(await held(server, record)).toEqual(record.bytes)
  })
}

function flipped(bytes: Uint8Array, offset: number): Uint8Array {
  return bytes.with(offset, (bytes[offset] ?? 0) ^ 1)
}

function refusedRecordCases(open: Open): void {
  const foreign = testSlot('foreign')
  type Spoil = (record: Uint8Array) => Uint8Array
  const spoilt: readonly (readonly [string, Spoil, typeof IntegrityError | typeof InvalidInputError])[] = [
    ['another signature', (record) => flipped(record, record.length - 1), IntegrityError],
    ['another body', (record) => flipped(record, 130), IntegrityError],
    ['a higher sequence than was signed', (record) => record.with(39, 1), IntegrityError],
    ['the key of another slot', (record) => replaced(record, 1, foreign.publicKey), IntegrityError],
    ['another version', (record) => flipped(record, 0), InvalidInputError],
    ['no sequence', (record) => replaced(record, 33, new Uint8Array(8)), InvalidInputError],
    ['a byte too few', (record) => record.subarray(1), InvalidInputError],
    ['a byte too many', (record) => new Uint8Array([...record, 0]), InvalidInputError],
    ['no bytes', () => new Uint8Array(0), InvalidInputError],
    ['more bytes than a record has', () => new Uint8Array(SLOT_RECORD_MAX_BYTES + 1), InvalidInputError],
  ]
  test.for(spoilt)('refuses a record with %s, and keeps nothing of it', async ([, spoil, expected]) => {
    const server = await (await open()).connect('alice')
    const keys = testSlot('spoilt')
    const record = testRecord(keys, 2)
    await expect(write(server, { bytes: spoil(record.bytes) })).rejects.toThrow(expected)
    expect(await server.readSlots([keys.publicKey, foreign.publicKey])).toEqual([undefined, undefined])
    expect((await server.status()).usedBytes).toBe(0)
    await write(server, record)
    await expect(write(server, { bytes: spoil(record.bytes) })).rejects.toThrow(expected)
    expect(await held(server, record)).toEqual(record.bytes)
  })

  test('takes a record as large as there may be', async () => {
    const server = await (await open()).connect('alice')
    const keys = testSlot('large')
    const overheadBytes = testRecord(keys, 1, { body: '' }).bytes.length
    const record = testRecord(keys, 1, { padBytes: SLOT_RECORD_MAX_BYTES - overheadBytes })
    expect(record.bytes).toHaveLength(SLOT_RECORD_MAX_BYTES)
    await Promise.all(Array.from({ length: 20 }, () => write(server, record)))
    expect(await held(server, keys)).toEqual(record.bytes)
  })

  test('refuses leases on slots that are too short or too long', async () => {
    const server = await (await open()).connect('alice')
    const record = testRecord(testSlot('durations'), 1)
    for (const seconds of [0, 1.5, LEASE_DURATION_MAX_SECONDS + 1]) {
      await expect(write(server, record, seconds)).rejects.toThrow(InvalidInputError)
    }
    expect(await held(server, record)).toBeUndefined()
  })
}

function replaced(record: Uint8Array, offset: number, bytes: Uint8Array): Uint8Array {
  const copy = record.slice()
  copy.set(bytes, offset)
  return copy
}

function slotLeaseCases(open: Open): void {
  const renewed = async (server: StorageServer, { publicKey }: SlotRecord, durationSeconds = 1) => {
    const [outcome] = await server.updateLeases([
      { action: 'renew', address: { publicKey }, durationSeconds },
    ])
    return outcome?.ok === true ? outcome.expiresAtSeconds - Date.now() / 1000 : outcome?.reason
  }

  test('writing the record that is held renews the lease; a refused one gives none', async () => {
    const harness = await open()
    const [alice, bob] = [await harness.connect('alice'), await harness.connect('bob')]
    const keys = testSlot('renew')
    const record = testRecord(keys, 2)
    await write(alice, record)
    expect(await renewed(alice, record)).toBeLessThan(1.1 * HOUR_SECONDS)
    expect(await write(alice, record, 3 * HOUR_SECONDS)).toEqual({ accepted: true })
    expect(await renewed(alice, record)).toBeGreaterThan(2.9 * HOUR_SECONDS)
    await write(bob, testRecord(keys, 1))
    expect((await bob.status()).accountUsedBytes).toBe(0)
    expect(await write(bob, record)).toEqual({ accepted: true })
    expect((await bob.status()).accountUsedBytes).toBe(record.bytes.length)
  })

  test('renews and cancels leases on slots as on shares', async () => {
    const harness = await open()
    const [alice, bob] = [await harness.connect('alice'), await harness.connect('bob')]
    const record = testRecord(testSlot('lease'), 1)
    const address = { publicKey: record.publicKey }
    expect(await renewed(alice, record)).toBe('no-such-share')
    await write(alice, record)
    expect(await renewed(bob, record, 2 * HOUR_SECONDS)).toBeGreaterThan(1.9 * HOUR_SECONDS)
    const cancelled = [{ ok: true, expiresAtSeconds: 0 }]
    expect(await alice.updateLeases([{ action: 'cancel', address }])).toEqual(cancelled)
    expect(await alice.updateLeases([{ action: 'cancel', address }])).toEqual(cancelled)
    expect((await alice.status()).accountUsedBytes).toBe(0)
    expect((await bob.status()).accountUsedBytes).toBe(record.bytes.length)
    expect(await bob.updateLeases([{ action: 'cancel', address }])).toEqual(cancelled)
    expect((await bob.status()).accountUsedBytes).toBe(0)
    // Until it is collected, it can be taken on again.
    expect(await held(alice, record)).toEqual(record.bytes)
    expect(await renewed(alice, record, HOUR_SECONDS)).toBeGreaterThan(0.9 * HOUR_SECONDS)
    expect((await alice.status()).accountUsedBytes).toBe(record.bytes.length)
  })

  test('a binding lease on a slot is not cancelled, and outlasts a change of its record', async () => {
    const harness = await open()
    const [alice, bob] = [await harness.connect('alice'), await harness.connect('bob')]
    const keys = testSlot('binding')
    const address = { publicKey: keys.publicKey }
    await write(alice, testRecord(keys, 1))
    const durationSeconds = 2 * HOUR_SECONDS
    const [bound] = await alice.updateLeases([{ action: 'renew', address, durationSeconds, binding: true }])
    expect(await alice.updateLeases([{ action: 'cancel', address }])).toEqual([bound])
    const next = testRecord(keys, 2)
    await write(bob, next)
    expect(await bob.updateLeases([{ action: 'cancel', address }])).toEqual([
      { ok: true, expiresAtSeconds: 0 },
    ])
    expect(await alice.updateLeases([{ action: 'cancel', address }])).toEqual([bound])
    expect((await alice.status()).accountUsedBytes).toBe(next.bytes.length)
  })

  test('a record counts for each account with a lease, and one of another size is counted anew', async () => {
    const harness = await open()
    const [alice, bob] = [await harness.connect('alice'), await harness.connect('bob')]
    const keys = testSlot('sizes')
    const before = await alice.status()
    for (const [sequence, padBytes] of [500, 2000, 100].entries()) {
      const record = testRecord(keys, sequence + 1, { padBytes })
      await write(sequence === 1 ? bob : alice, record)
      const [ofAlice, ofBob] = [await alice.status(), await bob.status()]
      const { length } = record.bytes
      expect(ofAlice.usedBytes).toBe(before.usedBytes + length)
      expect(ofAlice.shareCount).toBe(before.shareCount)
      expect([ofAlice.accountUsedBytes, ofBob.accountUsedBytes]).toEqual([length, sequence > 0 ? length : 0])
    }
  })

  test('refuses what goes beyond the quota, and what grows beyond it', async () => {
    const [keys, other] = [testSlot('quota'), testSlot('second quota')]
    const record = testRecord(keys, 1, { padBytes: 600 })
    const { length } = record.bytes
    const harness = await open({ quotaBytes: length + 300 })
    const [alice, bob] = [await harness.connect('alice'), await harness.connect('bob')]
    await write(alice, record)
    const second = testRecord(other, 1, { padBytes: 600 })
    await expect(write(alice, second)).rejects.toThrow(NoSpaceError)
    expect(await held(alice, second)).toBeUndefined()
    const grown = testRecord(keys, 2, { padBytes: 1000 })
    await expect(write(alice, grown)).rejects.toThrow(NoSpaceError)
    expect(await held(alice, record)).toEqual(record.bytes)
    expect(await write(alice, testRecord(keys, 2, { padBytes: 800 }))).toEqual({ accepted: true })
    await write(bob, second)
    expect(await renewed(alice, second)).toBe('over-quota')
    const taken = length + 200
    expect((await alice.status()).accountUsedBytes).toBe(taken)
    expect((await alice.status()).usedBytes).toBe(taken + second.bytes.length)
  })
}
