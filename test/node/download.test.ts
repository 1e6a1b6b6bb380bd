import { describe, expect, test } from 'vitest'
import {
  asReadKey,
  encodedSizeBytes,
  encodeSealed,
  equalBytes,
  type FileReadCapability,
  fileEncryptionKey,
  fileReadCapability,
  fileStorageIndex,
  IntegrityError,
  InvalidInputError,
  ManifestBuilder,
  openCodec,
  sealSegment,
} from '#crypto'
import { downloadFile, NotEnoughSharesError, uploadFile } from '#node'
import { OPEN_FIRST_SERVERS } from '../../node/limits.ts'
import type { Fault } from '../support/faulty-server.ts'
import { contentOf, ENCODING, fileSource, MemoryGrid } from '../support/memory-grid.ts'

const SIZE_BYTES = 50_000
const CONTENT = contentOf(SIZE_BYTES)

/** Five servers with one share each, 2 of 5. */
async function storedFile(): Promise<{ grid: MemoryGrid; capability: FileReadCapability }> {
  const grid = await MemoryGrid.open(5)
  const { capability } = await uploadFile(grid, fileSource(CONTENT), { encoding: ENCODING, happyServers: 5 })
  if (capability.kind !== 'file') throw new Error('a file capability is expected')
  return { grid, capability }
}

async function read(
  grid: MemoryGrid,
  capability: FileReadCapability,
  range?: { start: number; end?: number },
) {
  const download = await downloadFile(grid, capability, { range })
  const parts: Uint8Array[] = []
  for await (const bytes of download.content) parts.push(bytes)
  return {
    bytes: new Uint8Array(Buffer.concat(parts)),
    failures: download.failures(),
    size: download.fileSizeBytes,
  }
}

describe('downloadFile', () => {
  test('gives any range, and touches only the segments that hold it', async () => {
    const { grid, capability } = await storedFile()
    for (const [start, end, segments] of [
      [0, 1, 1],
      [0, 4096, 1],
      [4095, 4097, 2],
      [4096, 8192, 1],
      [12_345, 23_456, 3],
      [49_999, 50_000, 1],
      [49_999, 999_999, 1],
      [777, 777, 0],
      [50_000, undefined, 0],
      [0, undefined, 13],
    ] as const) {
      grid.resetCounts()
      const range = end === undefined ? { start } : { start, end }
      const { bytes, size } = await read(grid, capability, range)
      expect(size).toBe(SIZE_BYTES)
      expect(equalBytes(bytes, CONTENT.subarray(start, end ?? SIZE_BYTES)), `${start} to ${end}`).toBe(true)
      // The first servers give a block unasked, of a segment that may be the wanted one.
      const wanted = segments * ENCODING.neededShares
      expect(grid.blocksRead(), `${start} to ${end}`).toBeGreaterThanOrEqual(wanted)
      expect(grid.blocksRead(), `${start} to ${end}`).toBeLessThanOrEqual(wanted + OPEN_FIRST_SERVERS)
    }
  })

  test('reads a file of one segment with one call to each of the first servers, and none to others', async () => {
    const grid = await MemoryGrid.open(9)
    const content = contentOf(3000)
    const { capability } = await uploadFile(grid, fileSource(content), {
      encoding: ENCODING,
      happyServers: 5,
    })
    grid.resetCounts()
    if (capability.kind !== 'file') throw new Error('a file wanted')
    const { bytes } = await read(grid, capability)
    expect(equalBytes(bytes, content)).toBe(true)
    expect(grid.callCount()).toBe(OPEN_FIRST_SERVERS)
    expect(grid.blocksRead()).toBe(OPEN_FIRST_SERVERS)
  })

  test.each([
    ['is down', { kind: 'down' }],
    ['stalls', { kind: 'stalls' }],
    ['lies', { kind: 'lies', about: 'block' }],
  ] as const)('reads a file of one segment though three of the first servers each %s', async (_, fault) => {
    const grid = await MemoryGrid.open(9)
    const content = contentOf(3000)
    const { capability } = await uploadFile(grid, fileSource(content), {
      encoding: ENCODING,
      happyServers: 5,
    })
    if (capability.kind !== 'file') throw new Error('a file wanted')
    for (const server of [0, 1, 3]) grid.fault(server, fault)
    const { bytes, failures } = await read(grid, capability)
    expect(equalBytes(bytes, content)).toBe(true)
    const named = failures.map(({ serverId }) => grid.numberOf(serverId))
    if (fault.kind === 'lies') expect(new Set(named)).toEqual(new Set([0, 1, 3]))
  })

  test.each([
    [-1, 5],
    [50_001, 60_000],
    [10, 5],
  ])('refuses the range %i to %i', async (start, end) => {
    const { grid, capability } = await storedFile()
    await expect(downloadFile(grid, capability, { range: { start, end } })).rejects.toThrow(InvalidInputError)
  })

  test('reads from any two of five servers', async () => {
    const { grid, capability } = await storedFile()
    for (let first = 0; first < 5; first += 1) {
      for (let second = first + 1; second < 5; second += 1) {
        for (let other = 0; other < 5; other += 1) {
          grid.fault(other, other === first || other === second ? { kind: 'none' } : { kind: 'down' })
        }
        expect(equalBytes((await read(grid, capability)).bytes, CONTENT)).toBe(true)
      }
    }
  })

  test('says how many shares were found, needed, and where, when there are too few', async () => {
    const { grid, capability } = await storedFile()
    for (const lost of [0, 1, 2, 3]) grid.fault(lost, { kind: 'down' })
    const failing = read(grid, capability)
    await expect(failing).rejects.toThrow(NotEnoughSharesError)
    await expect(failing).rejects.toThrow(
      /found 1 of 2 shares needed \(.{8}…\): share \d on .{8}; 5 servers asked: 4 unreachable/,
    )
    grid.fault(4, { kind: 'down' })
    await expect(read(grid, capability)).rejects.toThrow(/no share found.*5 unreachable/)
  })

  test.each(['block', 'size', 'proof', 'manifest', 'sealed proof'] as const)(
    'survives servers that lie about a %s, and names them',
    async (about) => {
      const { grid, capability } = await storedFile()
      const lie: Fault = { kind: 'lies', about }
      for (const liar of [0, 1, 2]) grid.fault(liar, lie)
      const { bytes, failures } = await read(grid, capability)
      expect(equalBytes(bytes, CONTENT)).toBe(true)
      const named = new Set(failures.map(({ serverId }) => serverId))
      for (const { code } of failures) expect(code).toBe('INTEGRITY')
      for (const honest of [3, 4]) expect(named).not.toContain(grid.serverId(honest))
    },
  )

  test('fails rather than give wrong bytes when every server lies', async () => {
    const { grid, capability } = await storedFile()
    for (let liar = 0; liar < 4; liar += 1) grid.fault(liar, { kind: 'lies', about: 'block' })
    const failing = read(grid, capability)
    await expect(failing).rejects.toThrow(NotEnoughSharesError)
    await expect(failing).rejects.toThrow('corrupt')
  })

  test('does not wait for servers that stall', async () => {
    const { grid, capability } = await storedFile()
    for (const stalled of [0, 1, 2]) grid.fault(stalled, { kind: 'stalls' })
    expect(equalBytes((await read(grid, capability)).bytes, CONTENT)).toBe(true)
  })

  test('goes on when servers are lost in the middle', async () => {
    const { grid, capability } = await storedFile()
    const download = await downloadFile(grid, capability)
    const parts: Uint8Array[] = []
    for await (const bytes of download.content) {
      parts.push(bytes)
      if (parts.length === 3) for (const lost of [0, 1, 2]) grid.fault(lost, { kind: 'down' })
    }
    expect(equalBytes(new Uint8Array(Buffer.concat(parts)), CONTENT)).toBe(true)
  })

  test('stops when aborted, or when the reader has had enough', async () => {
    const { grid, capability } = await storedFile()
    const abort = new AbortController()
    const download = await downloadFile(grid, capability, { signal: abort.signal })
    const reason = new Error('enough')
    const reading = (async () => {
      for await (const _ of download.content) abort.abort(reason)
    })()
    await expect(reading).rejects.toBe(reason)
    grid.resetCounts()
    for await (const _ of (await downloadFile(grid, capability)).content) break
    expect(grid.blocksRead()).toBeLessThan(13 * ENCODING.neededShares)
    await (await downloadFile(grid, capability)).close()
  })

  test('does not read under another key', async () => {
    const { grid, capability } = await storedFile()
    const other = fileReadCapability(asReadKey(new Uint8Array(32)), capability.root)
    await expect(read(grid, other)).rejects.toThrow(NotEnoughSharesError)
  })

  test('bounds what is in flight', async () => {
    const { grid, capability } = await storedFile()
    const download = await downloadFile(grid, capability)
    for await (const _ of download.content) {
      expect(grid.blocksRead()).toBeLessThan(7 * ENCODING.neededShares)
      break
    }
  })
})

/** One segment whose shares 0 to 2 belong to one content and 3 and 4 to another, under one manifest that names all. */
async function inconsistentFile(grid: MemoryGrid): Promise<FileReadCapability> {
  const readKey = asReadKey(new Uint8Array(32).fill(3))
  const storageIndex = fileStorageIndex(readKey)
  const coder = { bulk: grid.bulk, codec: await openCodec(ENCODING), encoding: ENCODING }
  const encode = async (seed: number) => {
    const plaintext = contentOf(1000, seed)
    const segment = { segmentIndex: 0, isLast: true, plaintext }
    const sealed = await sealSegment(grid.bulk, fileEncryptionKey(readKey), segment)
    return encodeSealed(coder, sealed, new Uint8Array(encodedSizeBytes(ENCODING, 1000)))
  }
  const [one, other] = [await encode(1), await encode(2)]
  const { sealedLeaf } = one
  const pick = <Item>(first: readonly Item[], second: readonly Item[]) => [
    ...first.slice(0, 3),
    ...second.slice(3),
  ]
  const blocks = pick(one.blocks, other.blocks)
  const builder = new ManifestBuilder(ENCODING, storageIndex)
  builder.add({ sealedLeaf, blockLeaves: pick(one.blockLeaves, other.blockLeaves) })
  const { manifest, root } = builder.finish(1000)
  for (const [shareNumber, { server }] of grid.ring().entries()) {
    const block = blocks[shareNumber] ?? new Uint8Array()
    const uploadId = grid.random.bytes(16)
    const writer = server.writeShare({ storageIndex, shareNumber, uploadId, expectedSizeBytes: 0 })
    await writer.open()
    await writer.writeBlock({ segmentIndex: 0, sealedLeaf, block })
    await writer.finish({ manifest, leaseDurationSeconds: 3600 })
  }
  return fileReadCapability(readKey, root)
}

test('a file whose writer made its shares inconsistent reads as one content or not at all', async () => {
  const grid = await MemoryGrid.open(5)
  const capability = await inconsistentFile(grid)
  const readFrom = async (...servers: readonly number[]) => {
    for (let number = 0; number < 5; number += 1) {
      grid.fault(number, servers.includes(number) ? { kind: 'none' } : { kind: 'down' })
    }
    return (await read(grid, capability)).bytes
  }
  expect(equalBytes(await readFrom(0, 1), contentOf(1000, 1))).toBe(true)
  await expect(readFrom(3, 4)).rejects.toThrow(IntegrityError)
  await expect(readFrom(3, 4)).rejects.toThrow('whoever wrote the file made its shares inconsistent')
})
