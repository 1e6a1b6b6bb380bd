import { describe, expect, test } from 'vitest'
import { asConvergenceSecret, equalBytes, formatCapability, requireFileVerify, Secret } from '#crypto'
import {
  checkFile,
  downloadFile,
  type Grid,
  NoSpaceError,
  UnhappyError,
  type UploadOptions,
  type UploadResult,
  uploadFile,
} from '#node'
import { LEASE_DURATION_DEFAULT_SECONDS } from '../../node/limits.ts'
import { sharesToSend } from '../../node/upload/already-there.ts'
import { contentOf, ENCODING, fileSource, MemoryGrid } from '../support/memory-grid.ts'

const DAY_SECONDS = 24 * 3600
const OPTIONS: UploadOptions = {
  encoding: ENCODING,
  happyServers: 4,
  convergenceSecret: new Secret(asConvergenceSecret(new Uint8Array(32).fill(5))),
}
/** One segment, and several. */
const SIZES = [900, 50_000]

function put(grid: Grid, content: Uint8Array, options: Partial<UploadOptions> = {}): Promise<UploadResult> {
  return uploadFile(grid, fileSource(content), { ...OPTIONS, ...options })
}

async function readAll(grid: Grid, { capability }: UploadResult): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const bytes of (await downloadFile(grid, capability)).content) parts.push(bytes)
  return Buffer.concat(parts)
}

/** What one share of a file costs to send. */
async function shareBytes(content: Uint8Array): Promise<number> {
  const grid = await MemoryGrid.open(5)
  await put(grid, content)
  return grid.bytesWritten() / 5
}

describe.each(SIZES)('a convergent put of %i bytes', (sizeBytes) => {
  const content = contentOf(sizeBytes)

  test('sends nothing when equal content was put before, and renews its leases', async () => {
    const grid = await MemoryGrid.open(7)
    const first = await put(grid, content)
    expect(first.sentShareCount).toBe(5)
    grid.resetCounts()
    grid.advance(20 * DAY_SECONDS)
    const told: number[] = []
    const again = await put(grid, content, { onProgress: ({ doneBytes }) => told.push(doneBytes) })
    expect(grid.bytesWritten()).toBe(0)
    expect(grid.blocksRead()).toBe(0)
    expect(again).toMatchObject({ sentShareCount: 0, placements: first.placements, fileSizeBytes: sizeBytes })
    expect(formatCapability(again.capability)).toBe(formatCapability(first.capability))
    expect(told).toEqual([sizeBytes])
    const renewedAt = Math.floor(grid.clock.now() / 1000)
    expect(await grid.earliestLeaseExpiry()).toBe(renewedAt + LEASE_DURATION_DEFAULT_SECONDS)
  })

  test.each([1, 3, 4, 5])('sends only the shares that are not there any more: %i', async (lostCount) => {
    const grid = await MemoryGrid.open(6)
    const first = await put(grid, content)
    for (const { serverId } of first.placements.slice(0, lostCount)) await grid.wipe(grid.numberOf(serverId))
    grid.resetCounts()
    const again = await put(grid, content)
    expect(again.sentShareCount).toBe(lostCount)
    expect(grid.bytesWritten()).toBe(lostCount * (await shareBytes(content)))
    expect(formatCapability(again.capability)).toBe(formatCapability(first.capability))
    expect((await checkFile(grid, requireFileVerify(again.capability))).isHealthy).toBe(true)
    expect(equalBytes(await readAll(grid, again), content)).toBe(true)
  })

  test('takes nothing for its own that others have put under its index', async () => {
    const known = await put(await MemoryGrid.open(5), content)
    if (known.capability.kind !== 'file') throw new Error('a file was to be put')
    const grid = await MemoryGrid.open(6)
    // Whoever has the key can seal anything under it; a server that saw the index needs not even that.
    const { readKey } = known.capability
    const squat = { convergenceSecret: undefined, readKey }
    const squatter = await put(grid, contentOf(sizeBytes, 9), squat)
    grid.resetCounts()
    const mine = await put(grid, content)
    expect(mine.sentShareCount).toBe(5)
    expect(grid.bytesWritten()).toBe(5 * (await shareBytes(content)))
    expect(formatCapability(mine.capability)).toBe(formatCapability(known.capability))
    expect(equalBytes(await readAll(grid, mine), content)).toBe(true)
    expect(formatCapability(squatter.capability)).not.toBe(formatCapability(mine.capability))
    expect((await put(grid, content)).sentShareCount).toBe(0)
  })

  test('spreads shares that stand together where more servers are wanted by now', async () => {
    const grid = await MemoryGrid.open(6)
    for (const full of [3, 4, 5]) grid.fault(full, { kind: 'refuses', error: new NoSpaceError('full') })
    expect((await put(grid, content, { happyServers: 3 })).sentShareCount).toBe(5)
    expect((await put(grid, content, { happyServers: 3 })).sentShareCount).toBe(0)
    await expect(put(grid, content, { happyServers: 5 })).rejects.toThrow(UnhappyError)
    for (const full of [3, 4, 5]) grid.fault(full, { kind: 'none' })
    expect((await put(grid, content, { happyServers: 5 })).sentShareCount).toBe(2)
    expect((await put(grid, content, { happyServers: 5 })).sentShareCount).toBe(0)
  })

  test('that fails leaves the shares and leases of an earlier one alone', async () => {
    const grid = await MemoryGrid.open(5)
    const first = await put(grid, content)
    for (const lost of [0, 1]) {
      await grid.wipe(lost)
      grid.fault(lost, { kind: 'refuses', error: new NoSpaceError('full') })
    }
    await expect(put(grid, content)).rejects.toThrow('found 3 of 4 servers wanted')
    expect(await grid.leasedShares()).toBe(3)
    expect(await grid.incomingShares()).toBe(0)
    expect(equalBytes(await readAll(grid, first), content)).toBe(true)
  })

  test('goes on without servers that are down, or do not answer what they have', async () => {
    const grid = await MemoryGrid.open(8)
    const first = await put(grid, content)
    grid.fault(0, { kind: 'down' })
    const silent = grid.ring().map((gridServer, place) =>
      place === 1
        ? {
            ...gridServer,
            server: { ...gridServer.server, listShares: () => new Promise<never>(() => undefined) },
          }
        : gridServer,
    )
    const { random, log, bulk, clock, slotsSeen } = grid
    grid.resetCounts()
    const partly = { random, log, bulk, clock, slotsSeen, ring: () => silent }
    const again = await put(partly, content)
    expect(formatCapability(again.capability)).toBe(formatCapability(first.capability))
    expect(again.sentShareCount).toBe(2)
    expect(grid.bytesWritten()).toBe(2 * (await shareBytes(content)))
  })

  test('seals nothing when the file changes after its key was made', async () => {
    const grid = await MemoryGrid.open(6)
    const before = await put(grid, content)
    const changed = contentOf(sizeBytes, 3)
    for (let changesAt = 2; changesAt <= 4; changesAt += 1) {
      let reading = 0
      const restless = {
        ...fileSource(content),
        open: () => {
          reading += 1
          return fileSource(reading < changesAt ? content : changed).open()
        },
      }
      const { capability } = await uploadFile(grid, restless, OPTIONS)
      const expected = reading < changesAt ? before : await put(grid, changed)
      expect(formatCapability(capability)).toBe(formatCapability(expected.capability))
    }
    expect(equalBytes(await readAll(grid, before), content)).toBe(true)
  })
})

test('a put that was killed when some servers had finished is made whole by the next one', async () => {
  const grid = await MemoryGrid.open(6)
  const content = contentOf(50_000)
  const killed = new Error('killed')
  // A client that is gone neither goes on nor takes anything back.
  let finished = 0
  const dying = grid.ring().map(({ server, ...rest }) => ({
    ...rest,
    server: {
      ...server,
      updateLeases: () => new Promise<never>(() => undefined),
      writeShare: (request: Parameters<typeof server.writeShare>[0]) => {
        const writer = server.writeShare(request)
        return {
          ...writer,
          abort: () => writer.detach(),
          finish: async (last: Parameters<typeof writer.finish>[0]) => {
            if (finished >= 3) throw killed
            finished += 1
            await writer.finish(last)
          },
        }
      },
    },
  }))
  const { random, log, bulk, clock, slotsSeen } = grid
  await expect(put({ random, log, bulk, clock, slotsSeen, ring: () => dying }, content)).rejects.toBe(killed)
  expect(await grid.visibleShares()).toBe(3)
  grid.resetCounts()
  const again = await put(grid, content)
  expect(again.sentShareCount).toBe(2)
  // The other two have every block, and are only told to finish.
  expect(grid.bytesWritten()).toBe(0)
  expect(equalBytes(await readAll(grid, again), content)).toBe(true)
})

type Server = ReturnType<MemoryGrid['ring']>[number]['server']
type Writer = ReturnType<Server['writeShare']>

/** The same servers, for a client whose writers do some things otherwise. */
function withWriters(grid: MemoryGrid, change: (writer: Writer) => Partial<Writer>): Grid {
  const ring = grid.ring().map(({ server, ...rest }) => ({
    ...rest,
    server: {
      ...server,
      writeShare: (request: Parameters<Server['writeShare']>[0]) => {
        const writer = server.writeShare(request)
        return { ...writer, ...change(writer) }
      },
    },
  }))
  const { random, log, bulk, clock, slotsSeen } = grid
  return { random, log, bulk, clock, slotsSeen, ring: () => ring }
}

/** A client that is killed when each server has so many blocks: nothing more comes from it. */
function dyingAfter(blocks: number, killed: Error): (writer: Writer) => Partial<Writer> {
  return (writer) => ({
    abort: () => writer.detach(),
    writeBlock: async (write) => {
      if (write.segmentIndex >= blocks) throw killed
      await writer.writeBlock(write)
    },
  })
}

describe('a convergent put that was killed between two segments', () => {
  const content = contentOf(50_000)
  const segments = Math.ceil(content.length / ENCODING.segmentSizeBytes)
  const killed = new Error('killed')

  test.each([1, 3, segments - 1])('goes on after the %i that the servers have', async (blocks) => {
    const grid = await MemoryGrid.open(6)
    await expect(put(withWriters(grid, dyingAfter(blocks, killed)), content)).rejects.toBe(killed)
    expect(await grid.visibleShares()).toBe(0)
    const sentBefore = grid.bytesWritten()
    grid.resetCounts()
    const again = await put(grid, content)
    expect(again.sentShareCount).toBe(5)
    expect(sentBefore).toBeGreaterThan(0)
    expect(sentBefore + grid.bytesWritten()).toBe(5 * (await shareBytes(content)))
    expect(await grid.incomingShares()).toBe(0)
    expect(equalBytes(await readAll(grid, again), content)).toBe(true)
  })

  test('sends all of it where another process is at it, and takes nothing from that one', async () => {
    const grid = await MemoryGrid.open(6)
    const reached = Promise.withResolvers<void>()
    const goesOn = Promise.withResolvers<void>()
    const waiting = withWriters(grid, (writer) => ({
      writeBlock: async (write) => {
        if (write.segmentIndex === 2) reached.resolve()
        if (write.segmentIndex >= 2) await goesOn.promise
        await writer.writeBlock(write)
      },
    }))
    const first = put(waiting, content)
    await reached.promise
    const second = await put(grid, content)
    goesOn.resolve()
    expect(formatCapability((await first).capability)).toBe(formatCapability(second.capability))
    expect(equalBytes(await readAll(grid, second), content)).toBe(true)
    expect(await grid.incomingShares()).toBe(0)
  })

  test('is put anew where a server still holds what was begun for a connection that is gone', async () => {
    const grid = await MemoryGrid.open(6)
    // Neither let go nor taken back: the server has not noticed.
    const unnoticed = withWriters(grid, (writer) => ({
      ...dyingAfter(2, killed)(writer),
      abort: async () => undefined,
    }))
    await expect(put(unnoticed, content)).rejects.toBe(killed)
    grid.resetCounts()
    const again = await put(grid, content)
    expect(grid.bytesWritten()).toBe(5 * (await shareBytes(content)))
    expect(equalBytes(await readAll(grid, again), content)).toBe(true)
  })

  test('leaves what the servers have when its user wants no more', async () => {
    const grid = await MemoryGrid.open(6)
    const stop = new AbortController()
    const onProgress = ({ doneBytes }: { readonly doneBytes: number }): void => {
      if (doneBytes >= 3 * ENCODING.segmentSizeBytes) stop.abort(killed)
    }
    await expect(put(grid, content, { signal: stop.signal, onProgress })).rejects.toBe(killed)
    const sentBefore = grid.bytesWritten()
    grid.resetCounts()
    await put(grid, content)
    expect(sentBefore + grid.bytesWritten()).toBe(5 * (await shareBytes(content)))
  })
})

test('what to send follows from what is there and how many servers are wanted', () => {
  const on = (...servers: readonly string[]) =>
    servers.map((serverId, shareNumber) => ({ serverId, shareNumber }))
  const wanted = { totalShares: 4, happyServers: 3 }
  expect(sharesToSend([], wanted)).toEqual([0, 1, 2, 3])
  expect(sharesToSend(on('a', 'b', 'c'), wanted)).toEqual([3])
  expect(sharesToSend(on('a', 'b', 'c', 'c'), wanted)).toEqual([])
  expect(sharesToSend(on('a', 'a', 'b'), wanted)).toEqual([3])
  expect(sharesToSend(on('a', 'a', 'b', 'b'), wanted)).toHaveLength(2)
  expect(sharesToSend(on('a', 'a', 'a'), { ...wanted, happyServers: 4 })).toHaveLength(3)
})
