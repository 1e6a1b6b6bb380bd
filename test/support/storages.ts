/** Storages for tests: over a simulated or a real disk, with a wall clock that the test sets. */
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Disk,
  type Log,
  nativeBulkCrypto,
  nodeDisk,
  SMALL_SHARE_LIMIT_BYTES,
  Storage,
  type StorageConfig,
  silentLog,
  systemClock,
} from '#node'
import { smallKey } from '../../node/storage/index-keys.ts'
import { StoragePaths } from '../../node/storage/paths.ts'
import type { StorageHarness, StorageHarnessOptions } from '../contracts/storage-server.ts'
import { SimDisk } from '../sim/disk.ts'

export const SIM_FOLDER = '/storage'

/** A clock of this machine whose wall time is moved by hand. */
export class ShiftedClock {
  shiftMilliseconds = 0
  readonly elapsed = () => systemClock.elapsed() + this.shiftMilliseconds
  readonly now = () => systemClock.now() + this.shiftMilliseconds
  readonly sleep = systemClock.sleep
  readonly deadline = systemClock.deadline
}

export async function openStorage(
  disk: Disk,
  options: Partial<StorageConfig> & { readonly clock?: ShiftedClock; readonly log?: Log } = {},
): Promise<Storage> {
  const { clock = systemClock, log = silentLog, ...config } = options
  return Storage.open({
    disk,
    clock,
    log,
    bulk: nativeBulkCrypto,
    config: {
      folder: SIM_FOLDER,
      serverId: 'server',
      version: 'test',
      lentBytes: undefined,
      reservedBytes: 0,
      quotaBytes: () => undefined,
      // Most tests look at the files.
      smallShareMaxBytes: 0,
      ...config,
    },
  })
}

/** The local server over a simulated disk, as the contract wants it. */
export async function memoryHarness({ quotaBytes }: StorageHarnessOptions): Promise<StorageHarness> {
  return harnessOver(await memoryStorage({ quotaBytes: () => quotaBytes }))
}

/** The same with small shares in the index. */
export async function smallShareHarness({ quotaBytes }: StorageHarnessOptions): Promise<StorageHarness> {
  const smallShareMaxBytes = SMALL_SHARE_LIMIT_BYTES
  return harnessOver(await memoryStorage({ quotaBytes: () => quotaBytes, smallShareMaxBytes }))
}

interface MemoryStorage {
  readonly disk: SimDisk
  readonly storage: Storage
}

async function memoryStorage(options: Partial<StorageConfig>): Promise<MemoryStorage> {
  const disk = new SimDisk({ capacityBytes: 1e9 })
  return { disk, storage: await openStorage(disk, options) }
}

function harnessOver({ disk, storage }: MemoryStorage): StorageHarness {
  return {
    connect: async (label) => storage.forAccount(label),
    damage: async (address, offset) => {
      const path = new StoragePaths(SIM_FOLDER).shareFile(address)
      if (disk.memory.fileAt(path) !== undefined) return disk.flipBit(path, 8 * offset + 3)
      const store = disk.memory.folderAt(new StoragePaths(SIM_FOLDER).index)?.store
      const bytes = (await store?.get(smallKey(address))) ?? new Uint8Array(0)
      await store?.put(smallKey(address), bytes.with(offset, (bytes[offset] ?? 0) ^ 8))
    },
    [Symbol.asyncDispose]: () => storage[Symbol.asyncDispose](),
  }
}

/** The same over a folder of this machine. */
export async function diskHarness({ quotaBytes }: StorageHarnessOptions): Promise<StorageHarness> {
  const folder = await mkdtemp(join(tmpdir(), 'cairn-storage-'))
  const storage = await openStorage(nodeDisk, { folder, quotaBytes: () => quotaBytes })
  return {
    connect: async (label) => storage.forAccount(label),
    damage: async (address, offset) => flipByte(new StoragePaths(folder).shareFile(address), offset),
    async [Symbol.asyncDispose]() {
      await storage[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function flipByte(path: string, offset: number): Promise<void> {
  const file = await open(path, 'r+')
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, offset)
  byte[0] = (byte[0] ?? 0) ^ 8
  await file.write(byte, 0, 1, offset)
  await file.close()
}
