import { describe, expect, test } from 'vitest'
import {
  asConvergenceSecret,
  equalBytes,
  formatCapability,
  InvalidInputError,
  type ReadCapability,
  requireFileVerify,
  requireRead,
  Secret,
} from '#crypto'
import {
  BusyError,
  ConflictError,
  checkFile,
  downloadFile,
  happiness,
  NoSpaceError,
  UnhappyError,
  uploadFile,
} from '#node'
import { contentOf, ENCODING, fileSource, MemoryGrid, pipeSource } from '../support/memory-grid.ts'

const OPTIONS = { encoding: ENCODING, happyServers: 4 }

async function readAll(grid: MemoryGrid, capability: ReadCapability): Promise<Uint8Array> {
  const download = await downloadFile(grid, capability)
  const parts: Uint8Array[] = []
  for await (const bytes of download.content) parts.push(bytes)
  return Buffer.concat(parts)
}

describe('uploadFile', () => {
  test('stores files and pipes of any size, and each comes back', async () => {
    const grid = await MemoryGrid.open(6)
    for (const sizeBytes of [0, 1, 64, 65, 4095, 4096, 4097, 8192, 50_000]) {
      const content = contentOf(sizeBytes)
      for (const source of [fileSource(content), pipeSource(content)]) {
        const { capability, fileSizeBytes, placements } = await uploadFile(grid, source, OPTIONS)
        expect(fileSizeBytes).toBe(sizeBytes)
        expect(capability.kind).toBe(sizeBytes <= 64 ? 'lit' : 'file')
        expect(happiness(placements)).toBe(sizeBytes <= 64 ? 0 : 5)
        expect(equalBytes(await readAll(grid, capability), content)).toBe(true)
      }
    }
  })

  test('gives a new capability to each put, and the same one to equal content under a convergence secret', async () => {
    const grid = await MemoryGrid.open(6)
    const put = async (secret: number | undefined, content = contentOf(9000)) => {
      const convergenceSecret =
        secret === undefined ? undefined : new Secret(asConvergenceSecret(new Uint8Array(32).fill(secret)))
      const { capability } = await uploadFile(grid, fileSource(content), { ...OPTIONS, convergenceSecret })
      return formatCapability(capability)
    }
    expect(await put(undefined)).not.toBe(await put(undefined))
    expect(await put(1)).toBe(await put(1))
    expect(await put(1)).not.toBe(await put(2))
    expect(await put(1)).not.toBe(await put(1, contentOf(9001)))
  })

  test('never seals two contents under one key when the file changes between its two readings', async () => {
    const grid = await MemoryGrid.open(6)
    const convergenceSecret = new Secret(asConvergenceSecret(new Uint8Array(32)))
    let reading = 0
    const restless = {
      sizeBytes: 9000,
      rereadable: true,
      open: () => {
        reading += 1
        return fileSource(contentOf(9000, reading)).open()
      },
    }
    const always = uploadFile(grid, restless, { ...OPTIONS, convergenceSecret })
    await expect(always).rejects.toThrow(ConflictError)
    expect(await grid.visibleShares()).toBe(0)
    const settles = {
      ...restless,
      open: () => {
        reading += 1
        return fileSource(contentOf(9000, Math.min(reading, 10))).open()
      },
    }
    const { capability } = await uploadFile(grid, settles, { ...OPTIONS, convergenceSecret })
    expect(equalBytes(await readAll(grid, capability), contentOf(9000, 10))).toBe(true)
    await expect(
      uploadFile(grid, pipeSource(contentOf(900)), { ...OPTIONS, convergenceSecret }),
    ).rejects.toThrow(InvalidInputError)
  })

  test('promises nothing when too few servers take part', async () => {
    const grid = await MemoryGrid.open(6)
    grid.fault(0, { kind: 'down' })
    grid.fault(1, { kind: 'refuses', error: new NoSpaceError('full') })
    grid.fault(2, { kind: 'refuses', error: new BusyError('busy') })
    const failing = uploadFile(grid, fileSource(contentOf(9000)), OPTIONS)
    await expect(failing).rejects.toThrow(UnhappyError)
    await expect(failing).rejects.toThrow(/found 3 of 4 servers wanted.*nothing was promised/)
    await expect(failing).rejects.toThrow(/1 full/)
    expect(await grid.visibleShares()).toBe(0)
    expect(await grid.incomingShares()).toBe(0)
  })

  test('sends nothing to a grid of fewer servers than must hold shares', async () => {
    const grid = await MemoryGrid.open(3)
    for (const sizeBytes of [1000, 50_000]) {
      const failing = uploadFile(grid, fileSource(contentOf(sizeBytes)), OPTIONS)
      await expect(failing).rejects.toThrow('found 3 of 4 servers wanted')
    }
    expect([await grid.visibleShares(), await grid.incomingShares()]).toEqual([0, 0])
  })

  test('passes over servers that are full, down or busy while others take part', async () => {
    const grid = await MemoryGrid.open(8)
    grid.fault(0, { kind: 'down' })
    grid.fault(1, { kind: 'refuses', error: new NoSpaceError('full') })
    grid.fault(2, { kind: 'refuses', error: new BusyError('busy') })
    const { capability, placements } = await uploadFile(grid, fileSource(contentOf(9000)), OPTIONS)
    expect(happiness(placements)).toBe(5)
    expect(equalBytes(await readAll(grid, capability), contentOf(9000))).toBe(true)
  })

  test('gives servers several shares where there are fewer servers than shares', async () => {
    const grid = await MemoryGrid.open(4)
    const { placements } = await uploadFile(grid, fileSource(contentOf(9000)), OPTIONS)
    expect(placements.map(({ shareNumber }) => shareNumber)).toEqual([0, 1, 2, 3, 4])
    expect(happiness(placements)).toBe(4)
  })

  test.each([0, 1, 3, 12])(
    'replaces servers lost after %i blocks, for files and pipes',
    async (afterBlocks) => {
      for (const sourceOf of [fileSource, pipeSource]) {
        const grid = await MemoryGrid.open(8)
        const content = contentOf(50_000)
        for (const lost of [0, 3]) grid.fault(lost, { kind: 'dies', afterBlocks })
        const { capability, placements, failures } = await uploadFile(grid, sourceOf(content), OPTIONS)
        expect(happiness(placements)).toBe(5)
        for (const { serverId } of failures)
          expect(placements.map((placed) => placed.serverId)).not.toContain(serverId)
        expect(equalBytes(await readAll(grid, capability), content)).toBe(true)
        const report = await checkFile(grid, requireFileVerify(capability))
        expect(report.isHealthy).toBe(true)
      }
    },
  )

  test('fails, and promises nothing, when more servers are lost on the way than can be replaced', async () => {
    const grid = await MemoryGrid.open(5)
    for (const lost of [0, 1]) grid.fault(lost, { kind: 'dies', afterBlocks: 2 })
    await expect(uploadFile(grid, fileSource(contentOf(50_000)), OPTIONS)).rejects.toThrow(UnhappyError)
    expect(await grid.leasedShares()).toBe(0)
    expect(await grid.incomingShares()).toBe(0)
  })

  test('stops when aborted, with the reason given, and leaves nothing on the servers', async () => {
    const grid = await MemoryGrid.open(6)
    const abort = new AbortController()
    const reason = new Error('enough')
    const failing = uploadFile(grid, fileSource(contentOf(500_000)), {
      ...OPTIONS,
      signal: abort.signal,
      onProgress: ({ doneBytes }) => {
        if (doneBytes > 40_000) abort.abort(reason)
      },
    })
    await expect(failing).rejects.toBe(reason)
    expect(await grid.visibleShares()).toBe(0)
    expect(await grid.incomingShares()).toBe(0)
  })

  test('gives up what is visible already when a small file is aborted', async () => {
    const grid = await MemoryGrid.open(6)
    const abort = new AbortController()
    const reason = new Error('enough')
    grid.fault(0, { kind: 'calls', onFinish: () => abort.abort(reason) })
    const options = { ...OPTIONS, signal: abort.signal }
    await expect(uploadFile(grid, fileSource(contentOf(900)), options)).rejects.toBe(reason)
    expect(await grid.leasedShares()).toBe(0)
    expect(await grid.incomingShares()).toBe(0)
  })

  test('passes on an error of its source, and leaves nothing on the servers', async () => {
    const grid = await MemoryGrid.open(6)
    const broken = {
      sizeBytes: 50_000,
      rereadable: false,
      async *open() {
        yield contentOf(20_000)
        throw new Error('the disk broke')
      },
    }
    await expect(uploadFile(grid, broken, OPTIONS)).rejects.toThrow('the disk broke')
    expect(await grid.incomingShares()).toBe(0)
  })

  test('tells how far it is', async () => {
    const grid = await MemoryGrid.open(6)
    const seen: number[] = []
    await uploadFile(grid, fileSource(contentOf(50_000)), {
      ...OPTIONS,
      onProgress: ({ doneBytes }) => seen.push(doneBytes),
    })
    expect(seen).toEqual([...seen].sort((left, right) => left - right))
    expect(seen).toHaveLength(13)
    expect(seen.at(-1)).toBe(50_000)
  })

  test.each([
    [{ ...ENCODING, neededShares: 6 }, 4],
    [{ ...ENCODING, neededShares: 0 }, 4],
    [{ ...ENCODING, totalShares: 256 }, 4],
    [ENCODING, 1],
    [ENCODING, 6],
    [{ ...ENCODING, segmentSizeBytes: 10 }, 4],
  ])('refuses an encoding outside the limits: %j, h = %i', async (encoding, happyServers) => {
    const grid = await MemoryGrid.open(6)
    const failing = uploadFile(grid, fileSource(contentOf(900)), { encoding, happyServers })
    await expect(failing).rejects.toThrow(InvalidInputError)
  })
})

test('a capability of a stored file reads, and its verify form does not', async () => {
  const grid = await MemoryGrid.open(6)
  const { capability } = await uploadFile(grid, fileSource(contentOf(900)), OPTIONS)
  expect(requireRead(capability)).toBe(capability)
  expect(() => requireRead(requireFileVerify(capability))).toThrow('a read capability')
})
