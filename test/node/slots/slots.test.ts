import { describe, expect, test } from 'vitest'
import {
  asSlotSeed,
  equalBytes,
  makeSlotRecord,
  NO_RECORD,
  type SlotRecord,
  slotKeys,
  slotVerifyCapability,
  slotWriteCapability,
  toReadCapability,
  verifyKeyOf,
} from '#crypto'
import {
  ConflictError,
  checkSlot,
  type Grid,
  type GridServer,
  getSlotValue,
  putSlotValue,
  repairSlot,
  retrieveSlot,
  type SlotEdit,
  SlotsSeen,
  updateSlot,
} from '#node'
import { systemRandom } from '../../../node/platform/random.ts'
import { contentOf, ENCODING, fileSource, MemoryGrid, pipeSource } from '../../support/memory-grid.ts'
import { adding, contentOfNumbers, numbersOf, SET_KEYS } from '../../support/number-slot.ts'

const { publicKey } = SET_KEYS
const TEN = { replicas: 10 }
const VERIFY = slotVerifyCapability('slot-verify', {
  publicKey,
  verifyKey: verifyKeyOf(SET_KEYS.readKey.reveal()),
})

/** Another client of the same servers, with a memory of its own; its ring may show them changed. */
function clientOf(grid: MemoryGrid, ring: () => readonly GridServer[] = () => grid.ring()): Grid {
  const { clock, random, log, bulk } = grid
  return { clock, random, log, bulk, ring, slotsSeen: new SlotsSeen() }
}

/** The servers, some of which show these records instead of what they hold. */
function showing(
  grid: MemoryGrid,
  count: number,
  shown: Uint8Array | undefined,
): () => readonly GridServer[] {
  return () =>
    grid.ring().map((gridServer, number) => {
      if (number >= count) return gridServer
      const server = { ...gridServer.server, readSlots: async () => [shown] }
      return { ...gridServer, server }
    })
}

async function heldBy(grid: MemoryGrid): Promise<readonly (Uint8Array | undefined)[]> {
  return (await Promise.all(grid.ring().map(({ server }) => server.readSlots([publicKey])))).flat()
}

async function place(grid: MemoryGrid, record: SlotRecord, servers: readonly number[]): Promise<void> {
  for (const number of servers) {
    const write = { record: record.bytes, leaseDurationSeconds: 1000 }
    expect(await grid.ring()[number]?.server.writeSlot(write)).toEqual({ accepted: true })
  }
}

function recordOf(numbers: readonly number[], previous?: SlotRecord): SlotRecord {
  const place = { sequence: (previous?.sequence ?? 0) + 1, previous: previous?.hash ?? NO_RECORD }
  return makeSlotRecord(SET_KEYS, place, contentOfNumbers(numbers))
}

const range = (first: number, end: number) => Array.from({ length: end - first }, (_, index) => first + index)
const kindsOf = ({ warnings }: { readonly warnings: readonly { readonly kind: string }[] }) =>
  warnings.map(({ kind }) => kind)

describe('a slot', () => {
  test('is not there, is made, read and changed, on all its servers', async () => {
    const grid = await MemoryGrid.open(10)
    await expect(retrieveSlot(grid, publicKey, TEN)).rejects.toHaveProperty('code', 'NOT_FOUND')
    const first = await updateSlot(grid, SET_KEYS, adding(1), { ...TEN, base: 'new' })
    expect(first).toMatchObject({ changed: true, warnings: [], failures: [] })
    const second = await updateSlot(grid, SET_KEYS, adding(2), { ...TEN, base: first.slot })
    expect(second.slot?.record.sequence).toBe(2)
    const read = await retrieveSlot(grid, publicKey, TEN)
    expect(read).toMatchObject({ isSettled: true, warnings: [], rivals: [], failures: [] })
    expect(numbersOf(read.record)).toEqual(new Set([1, 2]))
    const held = await heldBy(grid)
    expect(held.every((record) => record !== undefined && equalBytes(record, read.record.bytes))).toBe(true)
    const unchanged = await updateSlot(grid, SET_KEYS, adding(2), TEN)
    expect(unchanged).toMatchObject({ changed: false, slot: { record: { sequence: 2 } } })
  })

  test('is on no more servers than asked for, the first of the ring', async () => {
    const grid = await MemoryGrid.open(10)
    await updateSlot(grid, SET_KEYS, adding(1), { replicas: 4 })
    expect((await heldBy(grid)).map((record) => record !== undefined)).toEqual(
      range(0, 10).map((number) => number < 4),
    )
  })

  test('of two clients who start from the same, one comes second and loses nothing', async () => {
    const grid = await MemoryGrid.open(10)
    const other = clientOf(grid)
    const { slot } = await updateSlot(grid, SET_KEYS, adding(1), TEN)
    let calls = 0
    await updateSlot(grid, SET_KEYS, adding(2), { ...TEN, base: slot })
    const late = await updateSlot(
      other,
      SET_KEYS,
      (current) => {
        calls += 1
        return adding(3)(current)
      },
      { ...TEN, base: slot },
    )
    expect(calls).toBe(2)
    expect(late.slot?.record.sequence).toBe(3)
    expect(numbersOf(late.slot?.record)).toEqual(new Set([1, 2, 3]))
  })

  test('is read again before an edit of something older may want nothing, or fail', async () => {
    const grid = await MemoryGrid.open(10)
    const other = clientOf(grid)
    const { slot: old } = await updateSlot(grid, SET_KEYS, adding(1), TEN)
    await updateSlot(other, SET_KEYS, async () => contentOfNumbers([2]), TEN)
    const nothing = await updateSlot(grid, SET_KEYS, adding(1), { ...TEN, base: old })
    expect(nothing.changed).toBe(true)
    expect(numbersOf(nothing.slot?.record)).toEqual(new Set([1, 2]))
    const needing =
      (number: number): SlotEdit =>
      async (current) => {
        if (!numbersOf(current?.record).has(number)) throw new ConflictError(`no ${number}`)
        return contentOfNumbers([number])
      }
    const { slot } = await updateSlot(grid, SET_KEYS, needing(2), { ...TEN, base: old })
    expect(numbersOf(slot?.record)).toEqual(new Set([2]))
    await expect(updateSlot(grid, SET_KEYS, needing(9), { ...TEN, base: slot })).rejects.toThrow('no 9')
  })

  test('takes 64 changes at once in one process, each once', async () => {
    const grid = await MemoryGrid.open(10)
    const all = await Promise.all(
      range(0, 64).map((number) => updateSlot(grid, SET_KEYS, adding(number), TEN)),
    )
    const sequences = all.map(({ slot }) => slot?.record.sequence)
    expect(sequences).toEqual(range(1, 65))
    expect(numbersOf((await retrieveSlot(grid, publicKey, TEN)).record)).toEqual(new Set(range(0, 64)))
  })

  test('takes 200 changes of each of two clients at once', async () => {
    const grid = await MemoryGrid.open(10)
    const clients = [clientOf(grid), clientOf(grid)]
    const add = async (client: Grid, numbers: readonly number[]) => {
      for (const number of numbers) await updateSlot(client, SET_KEYS, adding(number), TEN)
    }
    await Promise.all(clients.map((client, index) => add(client, range(index * 200, (index + 1) * 200))))
    const { record } = await retrieveSlot(grid, publicKey, TEN)
    expect(numbersOf(record)).toEqual(new Set(range(0, 400)))
  })
})

describe('with servers down', () => {
  const downAfterOne = async (down: number) => {
    const grid = await MemoryGrid.open(10)
    await updateSlot(grid, SET_KEYS, adding(1), TEN)
    for (const number of range(0, down)) grid.fault(number, { kind: 'down' })
    return grid
  }

  test('three of ten do not matter, and are named', async () => {
    const grid = await downAfterOne(3)
    const { slot, failures } = await updateSlot(grid, SET_KEYS, adding(2), TEN)
    expect(failures.map(({ serverId, code }) => [serverId, code])).toEqual(
      range(0, 3).map((number) => [grid.serverId(number), 'UNREACHABLE']),
    )
    const read = await retrieveSlot(grid, publicKey, TEN)
    expect(read).toMatchObject({ isSettled: true, warnings: [] })
    expect(slot?.record.hash).toEqual(read.record.hash)
  })

  test('four of ten: nothing is written, and what is read may be out of date', async () => {
    const grid = await downAfterOne(4)
    const refused = updateSlot(grid, SET_KEYS, adding(2), TEN)
    await expect(refused).rejects.toThrow(
      /^6 servers could be read, 7 of 10 needed .* nothing was written; 4 unr/,
    )
    await expect(refused).rejects.toHaveProperty('code', 'UNHAPPY')
    const read = await retrieveSlot(grid, publicKey, TEN)
    expect(kindsOf(read)).toEqual(['partial'])
    expect(numbersOf(read.record)).toEqual(new Set([1]))
  })

  test('nine of ten burnt: the last one still gives what it has', async () => {
    const grid = await downAfterOne(9)
    const read = await retrieveSlot(grid, publicKey, TEN)
    expect(kindsOf(read)).toEqual(['partial'])
    expect(numbersOf(read.record)).toEqual(new Set([1]))
  })

  test('all of them: nobody can say that there is nothing', async () => {
    const grid = await downAfterOne(10)
    const nothing = retrieveSlot(grid, publicKey, TEN)
    await expect(nothing).rejects.toHaveProperty('code', 'NOT_ENOUGH_SHARES')
    await expect(nothing).rejects.toThrow(/0 servers answered, 7 of 10 wanted: 10 unreachable/)
    const unknown = retrieveSlot(
      clientOf(grid, () => []),
      publicKey,
      TEN,
    )
    await expect(unknown).rejects.toHaveProperty('code', 'NOT_ENOUGH_SHARES')
  })

  test('those that fail between reading and writing leave a change that may still be seen, and says so', async () => {
    const grid = await downAfterOne(0)
    const refused = updateSlot(
      grid,
      SET_KEYS,
      async (current) => {
        for (const number of range(0, 4)) grid.fault(number, { kind: 'down' })
        return adding(2)(current)
      },
      TEN,
    )
    await expect(refused).rejects.toHaveProperty('code', 'UNHAPPY')
    await expect(refused).rejects.toThrow(/6 of 7 servers needed took the change .* may still become visible/)
    for (const number of range(0, 4)) grid.fault(number, { kind: 'none' })
    // Whoever finds it brings it to the others, so that it does not come and go.
    const read = await retrieveSlot(clientOf(grid), publicKey, TEN)
    expect(read.isSettled).toBe(true)
    expect(numbersOf(read.record)).toEqual(new Set([1, 2]))
    const again = await updateSlot(grid, SET_KEYS, adding(2), TEN)
    expect(again.changed).toBe(false)
  })

  test('what was seen but never settled, and is gone with its servers, is told and written over', async () => {
    const grid = await downAfterOne(3)
    const { record } = await retrieveSlot(grid, publicKey, TEN)
    grid.slotsSeen.note(publicKey, { ...recordOf([1, 2], record), settledSequence: 1 })
    expect(kindsOf(await retrieveSlot(grid, publicKey, TEN))).toEqual(['rollback'])
    const { slot, warnings } = await updateSlot(grid, SET_KEYS, adding(3), TEN)
    expect(kindsOf({ warnings })).toEqual(['rollback'])
    expect(slot?.record.sequence).toBe(3)
  })

  test('a record that stands only beyond the replicas is found, and brought to them', async () => {
    const grid = await MemoryGrid.open(10)
    await updateSlot(grid, SET_KEYS, adding(1), { replicas: 5 })
    const moved = clientOf(grid, () => [...grid.ring().slice(5), ...grid.ring().slice(0, 5)])
    for (const number of [5, 6, 7]) grid.fault(number, { kind: 'down' })
    const read = await retrieveSlot(moved, publicKey, { replicas: 5 })
    expect(kindsOf(read)).toEqual(['partial'])
    expect(numbersOf(read.record)).toEqual(new Set([1]))
  })
})

describe('servers that show something else', () => {
  const twice = async () => {
    const grid = await MemoryGrid.open(10)
    const first = await updateSlot(grid, SET_KEYS, adding(1), TEN)
    const second = await updateSlot(grid, SET_KEYS, adding(2), TEN)
    if (first.slot === undefined || second.slot === undefined) throw new Error('nothing was written')
    return { grid, first: first.slot.record, second: second.slot.record }
  }

  test('three that go back to an older record change nothing', async () => {
    const { grid, first } = await twice()
    const read = await retrieveSlot(clientOf(grid, showing(grid, 3, first.bytes)), publicKey, TEN)
    expect(read).toMatchObject({ isSettled: true, warnings: [], record: { sequence: 2 } })
  })

  test('all of them: who remembers is warned, and writes only if told to', async () => {
    const { grid, first, second } = await twice()
    const back = clientOf(grid, showing(grid, 10, first.bytes))
    expect(kindsOf(await retrieveSlot(back, publicKey, TEN))).toEqual([])
    back.slotsSeen.note(publicKey, { ...second, settledSequence: 2 })
    const read = await retrieveSlot(back, publicKey, TEN)
    expect(read.record.sequence).toBe(1)
    expect(read.warnings).toMatchObject([
      { kind: 'rollback', message: expect.stringMatching(/record 1 is the newest found, but 2 was seen/) },
    ])
    const refused = updateSlot(back, SET_KEYS, adding(3), TEN)
    await expect(refused).rejects.toHaveProperty('code', 'INTEGRITY')
    await expect(refused).rejects.toThrow(/was at record 2 when it was last seen, and is at 1 now.*Accept/)
    const fromThere = updateSlot(back, SET_KEYS, adding(3), { ...TEN, base: read })
    await expect(fromThere).rejects.toHaveProperty('code', 'INTEGRITY')
    const accepted = await updateSlot(back, SET_KEYS, adding(3), { ...TEN, acceptRollback: true })
    expect(accepted.slot?.record.sequence).toBe(3)
    expect(kindsOf(accepted)).toEqual(['rollback'])
    // What was hidden is out of date now: the servers took the new one.
    const later = await retrieveSlot(clientOf(grid), publicKey, TEN)
    expect(later).toMatchObject({ isSettled: true, record: { sequence: 3 } })
  })

  test('all of them show nothing: who remembers hears it, and may begin again above', async () => {
    const { grid, second } = await twice()
    const none = clientOf(grid, showing(grid, 10, undefined))
    none.slotsSeen.note(publicKey, { ...second, settledSequence: 2 })
    const nothing = retrieveSlot(none, publicKey, TEN)
    await expect(nothing).rejects.toThrow(/it was at record 2 when it was last seen here/)
    await expect(updateSlot(none, SET_KEYS, adding(3), TEN)).rejects.toHaveProperty('code', 'INTEGRITY')
    const { slot } = await updateSlot(none, SET_KEYS, adding(3), { ...TEN, acceptRollback: true })
    expect(slot?.record.sequence).toBe(3)
  })

  test('a record of another slot, one with a broken signature and bytes that are none are named', async () => {
    const { grid, second } = await twice()
    const keys = slotKeys(asSlotSeed(new Uint8Array(32)))
    const foreign = makeSlotRecord(keys, { sequence: 9, previous: second.hash }, contentOfNumbers([5]))
    const broken = second.bytes.slice()
    broken[broken.length - 1] = (broken.at(-1) ?? 0) ^ 1
    for (const bytes of [foreign.bytes, broken, new Uint8Array(3)]) {
      const client = clientOf(grid, showing(grid, 3, bytes))
      const { failures } = await checkSlot(client, VERIFY, TEN)
      expect(failures.map(({ code, serverId }) => [code, grid.numberOf(serverId)])).toEqual([
        ['INTEGRITY', 0],
        ['INTEGRITY', 1],
        ['INTEGRITY', 2],
      ])
      expect(await retrieveSlot(client, publicKey, TEN)).toMatchObject({
        isSettled: true,
        record: { sequence: 2 },
      })
      // An answer that proves nothing is none.
      const many = await retrieveSlot(clientOf(grid, showing(grid, 4, bytes)), publicKey, TEN)
      expect(kindsOf(many)).toEqual(['partial'])
    }
  })
})

describe('a fork', () => {
  const forked = async (on: readonly number[], others: readonly number[]) => {
    const grid = await MemoryGrid.open(10)
    const { slot } = await updateSlot(grid, SET_KEYS, adding(1), TEN)
    const left = recordOf([1, 2], slot?.record)
    const right = recordOf([1, 3], slot?.record)
    await place(grid, left, on)
    await place(grid, right, others)
    return { grid, left, right }
  }

  test('that nobody won is told, and joined by the next change', async () => {
    const { grid } = await forked(range(0, 5), range(5, 10))
    const read = await retrieveSlot(grid, publicKey, TEN)
    expect(kindsOf(read)).toEqual(['fork', 'unsettled'])
    expect(read.heads).toHaveLength(2)
    expect(numbersOf(read.record, ...read.rivals)).toEqual(new Set([1, 2, 3]))
    const { slot, warnings } = await updateSlot(grid, SET_KEYS, adding(4), TEN)
    expect(kindsOf({ warnings })).toContain('fork')
    expect(numbersOf(slot?.record)).toEqual(new Set([1, 2, 3, 4]))
    expect(kindsOf(await retrieveSlot(grid, publicKey, TEN))).toEqual([])
  })

  test('that nobody won is made an end of, even if the change asks for nothing', async () => {
    const { grid, right } = await forked(range(0, 6), range(6, 10))
    const update = await updateSlot(grid, SET_KEYS, async () => undefined, TEN)
    expect(update).toMatchObject({ changed: true, slot: { record: { sequence: 3 }, isSettled: true } })
    expect(numbersOf(update.slot?.record)).not.toEqual(numbersOf(right))
  })

  test('that one has won is told, and the loser need not be joined', async () => {
    const { grid, left } = await forked(range(0, 8), range(8, 10))
    const check = await checkSlot(grid, VERIFY, TEN)
    expect(check).toMatchObject({ foundCount: 8, wantedCount: 10, isHealthy: false })
    expect(kindsOf(check)).toEqual(['fork'])
    expect(check.record?.hash).toEqual(left.hash)
  })

  test('is brought to an end by reading, where one of them still can win', async () => {
    const { grid, left } = await forked(range(0, 6), [9])
    const read = await retrieveSlot(clientOf(grid), publicKey, TEN)
    expect(read.isSettled).toBe(true)
    expect(read.record.hash).toEqual(left.hash)
  })

  test('against memory is told: another record of a sequence, and a next one from another', async () => {
    const { grid, left, right } = await forked(range(0, 10), [])
    const client = clientOf(grid)
    client.slotsSeen.note(publicKey, { ...right, settledSequence: 0 })
    expect(kindsOf(await retrieveSlot(client, publicKey, TEN))).toEqual(['fork'])
    expect(client.slotsSeen.seen(publicKey)?.hash).toEqual(left.hash)
    await updateSlot(grid, SET_KEYS, adding(9), TEN)
    const other = clientOf(grid)
    other.slotsSeen.note(publicKey, { ...right, settledSequence: 0 })
    expect(kindsOf(await retrieveSlot(other, publicKey, TEN))).toEqual(['fork'])
  })
})

describe('upkeep', () => {
  test('with a verify capability alone brings the newest record to every server', async () => {
    const grid = await MemoryGrid.open(10)
    const { slot } = await updateSlot(grid, SET_KEYS, adding(1), TEN)
    await place(grid, recordOf([1, 2], slot?.record), range(0, 7))
    const before = await checkSlot(grid, VERIFY, TEN)
    expect(before).toMatchObject({ foundCount: 7, wantedCount: 10, isHealthy: false, isRecoverable: true })
    expect(kindsOf(before)).toEqual([])
    const repair = await repairSlot(grid, VERIFY, TEN)
    expect(repair).toMatchObject({ madeCount: 3, after: { foundCount: 10, isHealthy: true, failures: [] } })
    expect(await checkSlot(grid, VERIFY, TEN)).toMatchObject({ foundCount: 10, isHealthy: true })
    expect((await repairSlot(grid, VERIFY, TEN)).madeCount).toBe(0)
  })

  test('renews leases', async () => {
    const grid = await MemoryGrid.open(4)
    const options = { replicas: 4, leaseDurationSeconds: 1000 }
    await updateSlot(grid, SET_KEYS, adding(1), options)
    await repairSlot(grid, VERIFY, { ...options, leaseDurationSeconds: 5000 })
    const address = { publicKey }
    for (const { server } of grid.ring()) {
      const [outcome] = await server.updateLeases([{ action: 'renew', address, durationSeconds: 1 }])
      expect(outcome).toEqual({ ok: true, expiresAtSeconds: Math.floor(grid.clock.now() / 1000) + 5000 })
    }
  })

  test('says what it could not mend', async () => {
    const grid = await MemoryGrid.open(10)
    await updateSlot(grid, SET_KEYS, adding(1), TEN)
    for (const number of [1, 2]) grid.fault(number, { kind: 'down' })
    const { before, after, madeCount } = await repairSlot(grid, VERIFY, TEN)
    expect(before).toMatchObject({ foundCount: 8, isHealthy: false })
    expect(after).toMatchObject({ foundCount: 8, isHealthy: false })
    expect(madeCount).toBe(0)
    expect(after.failures.map(({ serverId }) => grid.numberOf(serverId))).toEqual([1, 2])
    for (const number of range(0, 10)) grid.fault(number, { kind: 'down' })
    expect(await checkSlot(grid, VERIFY, TEN)).toMatchObject({ isRecoverable: false, record: undefined })
    await expect(repairSlot(grid, VERIFY, TEN)).rejects.toHaveProperty('code', 'NOT_ENOUGH_SHARES')
  })
})

describe('the value of a slot', () => {
  const options = { encoding: ENCODING, happyServers: 3, replicas: 5 }
  const write = slotWriteCapability('slot', asSlotSeed(systemRandom.bytes(32)))

  const whole = async (
    grid: Grid,
    capability: Parameters<typeof getSlotValue>[1],
    range?: { start: number; end: number },
  ) => {
    const { download, slot } = await getSlotValue(grid, capability, { ...options, range })
    const parts: Uint8Array[] = []
    for await (const part of download.content) parts.push(part)
    return { bytes: Buffer.concat(parts), slot }
  }

  test.each([0, 1, 16_384, 16_385, 3 * 1024 * 1024])(
    'of %i bytes comes back, also a part of it',
    async (size) => {
      const grid = await MemoryGrid.open(5)
      const content = contentOf(size)
      const sources = [fileSource(content), pipeSource(content)]
      for (const source of sources) {
        const { slot } = await putSlotValue(grid, write, source, options)
        const read = toReadCapability(write)
        if (read.kind !== 'slot-read') throw new Error('a slot is read with a slot-read')
        const { bytes, slot: found } = await whole(grid, read)
        expect(Buffer.compare(bytes, content)).toBe(0)
        expect(found.record.hash).toEqual(slot?.record.hash)
        const end = Math.min(size, 20_000)
        const part = await whole(grid, write, { start: end >> 1, end })
        expect(Buffer.compare(part.bytes, content.subarray(end >> 1, end))).toBe(0)
      }
    },
  )

  test('is replaced only from where the caller thinks it is, if asked so', async () => {
    const grid = await MemoryGrid.open(5)
    const put = (seed: number, ifSequence?: number) =>
      putSlotValue(grid, write, fileSource(contentOf(10, seed)), { ...options, ifSequence })
    await put(1, 0)
    await put(2, 1)
    await expect(put(3, 1)).rejects.toHaveProperty('code', 'CONFLICT')
    await expect(put(3, 0)).rejects.toThrow('the slot was to be at record 0, found 2')
    await put(4)
    expect((await whole(grid, write)).bytes).toEqual(Buffer.from(contentOf(10, 4)))
  })
})
