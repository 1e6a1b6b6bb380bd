import { describe, expect, test } from 'vitest'
import { equalBytes, type FileVerifyCapability, type ReadCapability, requireFileVerify } from '#crypto'
import {
  checkFile,
  downloadFile,
  happiness,
  NotEnoughSharesError,
  repairFile,
  uploadFile,
  verifyFile,
} from '#node'
import { contentOf, ENCODING, fileSource, MemoryGrid } from '../support/memory-grid.ts'

const CONTENT = contentOf(50_000)

async function storedFile(serverCount: number) {
  const grid = await MemoryGrid.open(serverCount)
  const { capability } = await uploadFile(grid, fileSource(CONTENT), { encoding: ENCODING, happyServers: 5 })
  return { grid, capability, verify: requireFileVerify(capability) }
}

async function readsBack(grid: MemoryGrid, capability: ReadCapability): Promise<boolean> {
  const parts: Uint8Array[] = []
  for await (const bytes of (await downloadFile(grid, capability)).content) parts.push(bytes)
  return equalBytes(new Uint8Array(Buffer.concat(parts)), CONTENT)
}

const holders = async (grid: MemoryGrid, verify: FileVerifyCapability) => {
  const { placements } = await checkFile(grid, verify)
  return placements.map(({ shareNumber, serverId }) => ({ shareNumber, server: grid.numberOf(serverId) }))
}

describe('checkFile', () => {
  test('counts what is there and names what is missing', async () => {
    const { grid, verify } = await storedFile(5)
    expect(await checkFile(grid, verify)).toMatchObject({
      foundCount: 5,
      happiness: 5,
      missing: [],
      isHealthy: true,
      isRecoverable: true,
      fileSizeBytes: CONTENT.length,
      failures: [],
    })
    const [first] = await holders(grid, verify)
    if (first === undefined) throw new Error('a holder is expected')
    grid.fault(first.server, { kind: 'down' })
    const report = await checkFile(grid, verify)
    expect(report).toMatchObject({
      foundCount: 4,
      missing: [first.shareNumber],
      isHealthy: false,
      isRecoverable: true,
    })
    expect(report.failures).toMatchObject([{ code: 'UNREACHABLE', serverId: grid.serverId(first.server) }])
    for (let lost = 0; lost < 5; lost += 1) grid.fault(lost, { kind: 'down' })
    expect(await checkFile(grid, verify)).toMatchObject({
      foundCount: 0,
      isRecoverable: false,
      encoding: undefined,
    })
  })
})

describe('verifyFile', () => {
  test('reads every block, and names the share and the server of a bad one', async () => {
    const { grid, verify } = await storedFile(5)
    grid.resetCounts()
    expect(await verifyFile(grid, verify)).toMatchObject({ foundCount: 5, isHealthy: true, failures: [] })
    expect(grid.blocksRead()).toBe(5 * 13)
    const [, second] = await holders(grid, verify)
    if (second === undefined) throw new Error('a holder is expected')
    await grid.damageShare(second.server)
    const report = await verifyFile(grid, verify)
    expect(report).toMatchObject({ foundCount: 4, missing: [second.shareNumber], isHealthy: false })
    expect(report.failures).toMatchObject([
      { code: 'INTEGRITY', serverId: grid.serverId(second.server), shareNumber: second.shareNumber },
    ])
  })
})

describe('repairFile', () => {
  test('makes missing shares again on other servers, without a key', async () => {
    const { grid, capability, verify } = await storedFile(8)
    const before = await holders(grid, verify)
    for (const { server } of before.slice(0, 3)) grid.fault(server, { kind: 'down' })
    const report = await repairFile(grid, verify)
    expect(report.before.foundCount).toBe(2)
    expect(report.after).toMatchObject({ isHealthy: true, happiness: 5 })
    expect(report.made).toHaveLength(3)
    for (const { server } of before.slice(3)) grid.fault(server, { kind: 'down' })
    expect(await readsBack(grid, capability)).toBe(true)
  })

  test('mends a flipped byte where it is', async () => {
    const { grid, capability, verify } = await storedFile(5)
    await grid.damageShare(2)
    const report = await repairFile(grid, verify)
    expect(report.removed).toMatchObject([{ serverId: grid.serverId(2) }])
    expect(report.made).toMatchObject([{ serverId: grid.serverId(2) }])
    expect(await verifyFile(grid, verify)).toMatchObject({ isHealthy: true, failures: [] })
    expect(await readsBack(grid, capability)).toBe(true)
  })

  test('goes around a server that serves a bad share and calls it good', async () => {
    const { grid, verify } = await storedFile(6)
    const [first] = await holders(grid, verify)
    if (first === undefined) throw new Error('a holder is expected')
    await grid.damageShare(first.server)
    grid.fault(first.server, { kind: 'denies' })
    const report = await repairFile(grid, verify)
    expect(report.removed).toEqual([])
    expect(report.made).toHaveLength(1)
    expect(report.made[0]?.serverId).not.toBe(grid.serverId(first.server))
    expect(await verifyFile(grid, verify)).toMatchObject({ isHealthy: true, happiness: 5 })
  })

  test('does nothing to a healthy file but renew its leases', async () => {
    const { grid, verify } = await storedFile(5)
    const before = await grid.earliestLeaseExpiry()
    grid.advance(1000)
    expect(await repairFile(grid, verify)).toMatchObject({ made: [], removed: [], failures: [] })
    expect(await grid.earliestLeaseExpiry()).toBe(before + 1000)
  })

  test('says how many shares are left when there are too few', async () => {
    const { grid, verify } = await storedFile(5)
    for (const lost of [0, 1, 2, 3]) grid.fault(lost, { kind: 'down' })
    await expect(repairFile(grid, verify)).rejects.toThrow(NotEnoughSharesError)
    await expect(repairFile(grid, verify)).rejects.toThrow('found 1 of 2 shares needed')
  })

  test('puts shares on few servers when there are no more', async () => {
    const { grid, verify } = await storedFile(5)
    grid.fault(0, { kind: 'down' })
    const { after } = await repairFile(grid, verify)
    expect(after.missing).toEqual([])
    expect(happiness(after.placements)).toBe(4)
  })
})
