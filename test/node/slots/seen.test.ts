import { describe, expect, test } from 'vitest'
import { asPublicKey, asRecordHash, encodeFields } from '#crypto'
import { MemoryDisk, SLOTS_SEEN_MAX, SLOTS_SEEN_SAVE_MILLISECONDS, SlotsSeen, silentLog } from '#node'
import { SeenFile } from '../../../node/slots/seen-file.ts'
import { SimClock } from '../../sim/sim-clock.ts'

const key = (number: number) => {
  const bytes = new Uint8Array(32)
  new DataView(bytes.buffer).setUint32(0, number)
  return asPublicKey(bytes)
}
const seen = (sequence: number, name = 0, settledSequence = 0) => ({
  sequence,
  settledSequence,
  hash: asRecordHash(new Uint8Array(32).fill(name)),
})

describe('SlotsSeen', () => {
  test('never goes down, and takes the last word on one sequence', () => {
    const slots = new SlotsSeen()
    expect(slots.seen(key(1))).toBeUndefined()
    slots.note(key(1), seen(5, 1))
    slots.note(key(1), seen(4, 2))
    expect(slots.seen(key(1))).toMatchObject(seen(5, 1))
    slots.note(key(1), seen(5, 3))
    expect(slots.seen(key(1))).toMatchObject(seen(5, 3))
  })

  test('keeps the highest sequence that was settled, whatever is newer or comes later', () => {
    const slots = new SlotsSeen()
    slots.note(key(1), seen(5, 1, 5))
    slots.note(key(1), seen(6, 2))
    slots.note(key(1), seen(4, 3, 4))
    expect(slots.seen(key(1))).toMatchObject(seen(6, 2, 5))
    slots.merge([{ publicKey: key(1), ...seen(6, 4, 6) }])
    expect(slots.seen(key(1))).toMatchObject(seen(6, 2, 6))
  })

  test('forgets what was used longest ago', () => {
    const slots = new SlotsSeen()
    for (let number = 0; number < SLOTS_SEEN_MAX; number += 1) slots.note(key(number), seen(1))
    expect(slots.seen(key(0))).toBeDefined()
    slots.note(key(SLOTS_SEEN_MAX), seen(1))
    expect(slots.seen(key(0))).toBeDefined()
    expect(slots.seen(key(1))).toBeUndefined()
    expect(slots.entries()).toHaveLength(SLOTS_SEEN_MAX)
  })

  test('merges to the higher of each, in the order of use', () => {
    const slots = new SlotsSeen()
    slots.note(key(1), seen(5))
    slots.note(key(2), seen(1))
    slots.merge([
      { publicKey: key(2), ...seen(7) },
      { publicKey: key(3), ...seen(1) },
      { publicKey: key(1), ...seen(4) },
    ])
    expect(slots.entries().map(({ publicKey, sequence }) => [publicKey[3], sequence])).toEqual([
      [3, 1],
      [1, 5],
      [2, 7],
    ])
  })
})

describe('SeenFile', () => {
  const world = () => {
    const clock = new SimClock()
    const disk = new MemoryDisk({ capacityBytes: 1e7 })
    return { clock, disk, platform: { clock, disk, log: silentLog } }
  }
  const sizeOf = async (disk: MemoryDisk) => (await disk.openFile('home/slots-seen.cbor'))?.sizeBytes

  test('remembers from one run to the next', async () => {
    const { clock, platform } = world()
    await clock.run(async () => {
      const first = await SeenFile.open(platform, 'home')
      first.slots.note(key(1), seen(3, 7, 2))
      await first[Symbol.asyncDispose]()
      const second = await SeenFile.open(platform, 'home')
      expect(second.slots.entries()).toEqual([{ publicKey: key(1), ...seen(3, 7, 2) }])
      await second[Symbol.asyncDispose]()
    })
  })

  test('writes a while after it was told, once for all that was', async () => {
    const { clock, disk, platform } = world()
    await clock.run(async () => {
      const file = await SeenFile.open(platform, 'home')
      file.slots.note(key(1), seen(1))
      await clock.sleep(SLOTS_SEEN_SAVE_MILLISECONDS / 2)
      file.slots.note(key(2), seen(1))
      expect(await sizeOf(disk)).toBeUndefined()
      await clock.sleep(SLOTS_SEEN_SAVE_MILLISECONDS)
      const written = await sizeOf(disk)
      expect(written).toBeGreaterThan(2 * 80)
      file.slots.note(key(3), seen(1))
      await clock.sleep(2 * SLOTS_SEEN_SAVE_MILLISECONDS)
      expect(await sizeOf(disk)).toBeGreaterThan(written ?? 0)
      await file[Symbol.asyncDispose]()
    })
  })

  test('several processes keep it together, also when they write at once', async () => {
    const { clock, platform } = world()
    await clock.run(async () => {
      const files = await Promise.all([1, 2, 3, 4].map(() => SeenFile.open(platform, 'home')))
      files.forEach(({ slots }, number) => {
        slots.note(key(number), seen(number + 1))
        slots.note(key(99), seen(number + 1, number))
      })
      await Promise.all(files.map((file) => file[Symbol.asyncDispose]()))
      const { slots } = await SeenFile.open(platform, 'home')
      for (const number of [0, 1, 2, 3]) expect(slots.seen(key(number))?.sequence).toBe(number + 1)
      expect(slots.seen(key(99))).toMatchObject(seen(4, 3))
    })
  })

  test('is not held up for good by the draft of a process that died', async () => {
    const { clock, disk, platform } = world()
    await clock.run(async () => {
      await disk.makeFolder('home')
      await (await disk.createFile('home/slots-seen.cbor.new')).close()
      const file = await SeenFile.open(platform, 'home')
      file.slots.note(key(1), seen(1))
      await file[Symbol.asyncDispose]()
      const { slots } = await SeenFile.open(platform, 'home')
      expect(slots.seen(key(1))).toBeDefined()
    })
  })

  test.each([
    ['no CBOR', new Uint8Array(100)],
    ['a part of an entry', encodeFields({ slots: new Uint8Array(79) })],
    ['something else', encodeFields({ slots: 'text' })],
    ['a field more', encodeFields({ more: true, slots: new Uint8Array(0) })],
  ])('passes over a file with %s, and writes a good one', async (_, bytes) => {
    const { clock, disk, platform } = world()
    await clock.run(async () => {
      await disk.makeFolder('home')
      const bad = await disk.createFile('home/slots-seen.cbor')
      await bad.append(bytes)
      await bad.close()
      const file = await SeenFile.open(platform, 'home')
      expect(file.slots.entries()).toEqual([])
      file.slots.note(key(1), seen(1))
      await file[Symbol.asyncDispose]()
      expect((await SeenFile.open(platform, 'home')).slots.entries()).toHaveLength(1)
    })
  })
})
