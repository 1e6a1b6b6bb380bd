import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { IntegrityError, utf8 } from '#crypto'
import { NoSpaceError } from '#node'
import { nodeDisk } from '../../../node/platform/disk.ts'
import { MemoryDisk } from '../../../node/platform/memory-disk.ts'
import { diskContract } from '../../contracts/disk.ts'
import { PowerLossError, SimDisk } from '../../sim/disk.ts'

async function realFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'cairn-disk-'))
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) }
}

diskContract('real', async () => ({ disk: nodeDisk, ...(await realFolder()) }))

diskContract('memory', async () => {
  const disk = new MemoryDisk({ capacityBytes: 2 ** 20 })
  await disk.makeFolder('/grid')
  return { disk, folder: '/grid', async [Symbol.asyncDispose]() {} }
})

diskContract('simulated', async () => {
  const disk = new SimDisk({ capacityBytes: 2 ** 20 })
  await disk.makeFolder('/grid')
  return { disk, folder: '/grid', async [Symbol.asyncDispose]() {} }
})

describe('nodeDisk', () => {
  test('says that an index is damaged', async () => {
    await using real = await realFolder()
    const path = join(real.folder, 'index')
    const index = await nodeDisk.openIndex(path)
    await index.batch([{ type: 'put', key: utf8('k'), value: utf8('v') }], { sync: true })
    await index.close()
    await writeFile(join(path, 'CURRENT'), 'no such manifest\n')
    await expect(nodeDisk.openIndex(path)).rejects.toThrow(IntegrityError)
    await nodeDisk.repairIndex(path)
    const repaired = await nodeDisk.openIndex(path)
    expect(await repaired.get(utf8('k'))).toEqual(utf8('v'))
    await repaired.close()
  })

  test('takes an index that has lost its root for damaged, not for a new one', async () => {
    await using real = await realFolder()
    const path = join(real.folder, 'index')
    const index = await nodeDisk.openIndex(path)
    await index.batch([{ type: 'put', key: utf8('k'), value: utf8('v') }], { sync: true })
    await index.close()
    await rm(join(path, 'CURRENT'))
    await expect(nodeDisk.openIndex(path)).rejects.toThrow(IntegrityError)
    await nodeDisk.repairIndex(path)
    const repaired = await nodeDisk.openIndex(path)
    expect(await repaired.get(utf8('k'))).toEqual(utf8('v'))
    await repaired.close()
  })
})

describe('MemoryDisk', () => {
  test('counts what it holds and refuses more', async () => {
    const disk = new MemoryDisk({ capacityBytes: 10 })
    const file = await disk.createFile('a')
    await file.append(new Uint8Array(6))
    await expect(file.append(new Uint8Array(5))).rejects.toThrow(NoSpaceError)
    expect(await disk.freeBytes('')).toBe(4)
    await disk.removeFile('a')
    expect(await disk.freeBytes('')).toBe(10)
  })
})

describe('SimDisk', () => {
  async function written(): Promise<SimDisk> {
    const disk = new SimDisk({ capacityBytes: 1000 })
    await disk.makeFolder('f')
    await disk.syncFolder('')
    const file = await disk.createFile('f/new')
    await file.append(utf8('synced'))
    await file.sync()
    await file.append(utf8('tail'))
    return disk
  }

  test('a crash takes unsynced bytes and names', async () => {
    const disk = await written()
    await disk.crash()
    expect(disk.files()).toEqual([])

    const other = await written()
    await other.syncFolder('f')
    await other.rename('f/new', 'f/renamed')
    await other.crash()
    expect(other.files()).toEqual(['f/new'])
    expect(other.memory.fileAt('f/new')?.sizeBytes).toBe(6)
  })

  test('a crash may keep everything', async () => {
    const disk = await written()
    await disk.crash(() => true)
    expect(disk.memory.fileAt('f/new')?.sizeBytes).toBe(10)
  })

  test('an index keeps what was synced, and what stood before that', async () => {
    const disk = new SimDisk({ capacityBytes: 1000 })
    const index = await disk.openIndex('i')
    await disk.syncFolder('')
    await index.batch([{ type: 'put', key: utf8('a'), value: utf8('1') }], { sync: false })
    await index.batch([{ type: 'put', key: utf8('b'), value: utf8('2') }], { sync: true })
    await index.batch([{ type: 'del', key: utf8('a') }], { sync: false })
    await disk.crash()
    const again = await disk.openIndex('i')
    expect(await again.getMany([utf8('a'), utf8('b')])).toEqual([utf8('1'), utf8('2')])
    await expect(index.batch([], { sync: true })).rejects.toThrow(PowerLossError)
  })

  test('damages one bit on demand, and fails where it is told to', async () => {
    const disk = await written()
    disk.flipBit('f/new', 9)
    expect(disk.memory.fileAt('f/new')?.slice(0, 2)).toEqual(Uint8Array.of(0x73, 0x79 ^ 2))
    disk.onStep = (step) => {
      if (step.kind === 'rename') disk.powerOff()
    }
    await expect(disk.rename('f/new', 'f/x')).rejects.toThrow(PowerLossError)
    await expect(disk.list('f')).rejects.toThrow(PowerLossError)
  })
})
