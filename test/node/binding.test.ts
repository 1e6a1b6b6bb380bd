import { describe, expect, test } from 'vitest'
import {
  asConvergenceSecret,
  asSlotSeed,
  formatCapability,
  InvalidInputError,
  Secret,
  slotWriteCapability,
} from '#crypto'
import { putSlotValue, systemRandom, UnhappyError, uploadFile } from '#node'
import { contentOf, ENCODING, fileSource, MemoryGrid } from '../support/memory-grid.ts'

const OPTIONS = { encoding: ENCODING, happyServers: 4, bindingLease: true }

describe.each([900, 50_000])('a put of %i bytes with binding leases', (sizeBytes) => {
  const source = fileSource(contentOf(sizeBytes))

  test('binds them all when it has succeeded', async () => {
    const grid = await MemoryGrid.open(6)
    const { placements, failures } = await uploadFile(grid, source, OPTIONS)
    expect([placements.length, failures]).toEqual([5, []])
    expect(await grid.cancelAll()).toEqual({ cancelled: 0, bound: 5 })
  })

  test('binds those of an earlier put of the same content too', async () => {
    const grid = await MemoryGrid.open(6)
    const convergenceSecret = new Secret(asConvergenceSecret(new Uint8Array(32)))
    const first = await uploadFile(grid, source, { ...OPTIONS, convergenceSecret, bindingLease: false })
    await grid.wipe(0)
    const again = await uploadFile(grid, source, { ...OPTIONS, convergenceSecret })
    expect(formatCapability(again.capability)).toBe(formatCapability(first.capability))
    expect(again.sentShareCount).toBe(1)
    expect(await grid.cancelAll()).toEqual({ cancelled: 0, bound: 5 })
  })

  test('binds nothing when it fails or is stopped, and leaves nothing behind', async () => {
    const grid = await MemoryGrid.open(5)
    for (const lost of [0, 1]) grid.fault(lost, { kind: 'dies', afterBlocks: 1 })
    await expect(uploadFile(grid, source, OPTIONS)).rejects.toThrow(UnhappyError)
    for (const lost of [0, 1]) grid.fault(lost, { kind: 'none' })
    const abort = new AbortController()
    grid.fault(2, { kind: 'calls', onFinish: () => abort.abort(new Error('enough')) })
    await expect(uploadFile(grid, source, { ...OPTIONS, signal: abort.signal })).rejects.toThrow('enough')
    expect((await grid.cancelAll()).bound).toBe(0)
    expect(await grid.leasedShares()).toBe(0)
  })

  test('does not count servers that do not bind, and fails without enough that do', async () => {
    for (const refusing of [1, 2]) {
      const grid = await MemoryGrid.open(5)
      const ring = grid.ring().map((gridServer, place) => {
        const { server } = gridServer
        const older: typeof server = {
          ...server,
          updateLeases: async (updates, options) => {
            if (updates.some((update) => update.action === 'renew' && update.binding === true)) {
              throw new InvalidInputError('unknown field binding')
            }
            return await server.updateLeases(updates, options)
          },
        }
        return place < refusing ? { ...gridServer, server: older } : gridServer
      })
      const { random, log, bulk, clock, slotsSeen } = grid
      const putting = uploadFile({ random, log, bulk, clock, slotsSeen, ring: () => ring }, source, OPTIONS)
      if (refusing === 1) {
        const { placements, sentShareCount, failures } = await putting
        expect([placements.length, sentShareCount]).toEqual([4, 4])
        expect(failures).toMatchObject([{ serverId: grid.serverId(0), code: 'INVALID_INPUT' }])
      } else {
        await expect(putting).rejects.toThrow('found 3 of 4 servers wanted')
        // What binds cannot be given back; the rest is.
        expect(await grid.leasedShares()).toBe(3)
      }
    }
  })
})

test('a slot counts only servers whose lease is binding', async () => {
  const grid = await MemoryGrid.open(5)
  const capability = slotWriteCapability('slot', asSlotSeed(systemRandom.bytes(32)))
  const put = (seed: number) =>
    putSlotValue(grid, capability, fileSource(contentOf(100, seed)), { ...OPTIONS, replicas: 5 })
  await put(1)
  expect(await grid.cancelAll()).toEqual({ cancelled: 0, bound: 5 })
  const { slot } = await put(2)
  expect(slot?.record.sequence).toBe(2)
  const ring = grid.ring().map((gridServer, place) => {
    const { server } = gridServer
    const full: typeof server = { ...server, updateLeases: async () => [{ ok: false, reason: 'over-quota' }] }
    return place < 2 ? { ...gridServer, server: full } : gridServer
  })
  const { random, log, bulk, clock, slotsSeen } = grid
  const partly = { random, log, bulk, clock, slotsSeen, ring: () => ring }
  const options = { ...OPTIONS, replicas: 5 }
  await expect(putSlotValue(partly, capability, fileSource(contentOf(100, 3)), options)).rejects.toThrow(
    '3 of 4 servers needed took the change',
  )
  const plain = { ...options, bindingLease: false }
  expect((await putSlotValue(partly, capability, fileSource(contentOf(100, 4)), plain)).changed).toBe(true)
})
