/**
 * A process that writes shares and a slot into a real folder until it is killed, and says on stdout which were acknowledged.
 *
 *     node crash-storage-child.ts FOLDER ROUND KILL_AT_STEP
 *
 * It kills itself at that operation of the disk; 0: it goes on until someone else does.
 */
import { writeSync } from 'node:fs'
import { type Disk, nodeDisk, SMALL_SHARE_LIMIT_BYTES, type WritableFile } from '#node'
import { putShare } from '../support/make-shares.ts'
import { testRecord } from '../support/make-slots.ts'
import { openStorage } from '../support/storages.ts'
import { crashFile, crashSlot } from './crash-files.ts'

const WRITERS = 4

const [folder = '', roundText = '', killAtText = ''] = process.argv.slice(2)
const round = Number(roundText)
const killAtStep = Number(killAtText)
let stepCount = 0

function step(): void {
  stepCount += 1
  if (stepCount === killAtStep) process.kill(process.pid, 'SIGKILL')
}

/** Counts what changes the disk. */
const disk: Disk = {
  ...nodeDisk,
  createFile: async (path) => countedFile(await counted(nodeDisk.createFile)(path)),
  rename: counted(nodeDisk.rename),
  removeFile: counted(nodeDisk.removeFile),
  makeFolder: counted(nodeDisk.makeFolder),
  syncFolder: counted(nodeDisk.syncFolder),
  openIndex: async (path) => {
    const index = await nodeDisk.openIndex(path)
    return { ...index, batch: counted(index.batch) }
  },
}

function counted<Parameters extends readonly unknown[], Result>(
  operation: (...parameters: Parameters) => Promise<Result>,
): (...parameters: Parameters) => Promise<Result> {
  return async (...parameters) => {
    step()
    return operation(...parameters)
  }
}

function countedFile(file: WritableFile): WritableFile {
  return {
    get sizeBytes() {
      return file.sizeBytes
    },
    append: counted((bytes: Uint8Array) => file.append(bytes)),
    sync: counted(() => file.sync()),
    close: () => file.close(),
  }
}

// Small shares stand in files in one round, in the index in the next.
const smallShareMaxBytes = round % 2 === 0 ? 0 : SMALL_SHARE_LIMIT_BYTES
const storage = await openStorage(disk, { folder, smallShareMaxBytes })
const server = storage.forAccount('alice')
let next = 0
const slot = crashSlot(round)
async function writeSlot(): Promise<never> {
  for (let sequence = 1; ; sequence += 1) {
    const record = testRecord(slot, sequence, { padBytes: sequence % 2000 }).bytes
    await server.writeSlot({ record, leaseDurationSeconds: 3600 })
    writeSync(1, `slot.${sequence}\n`)
  }
}
await Promise.all([
  writeSlot(),
  ...Array.from({ length: WRITERS }, async () => {
    for (;;) {
      const number = next
      next += 1
      const file = await crashFile(round, number)
      for (const share of file.shares) {
        await putShare(server, share)
        writeSync(1, `${number}.${share.address.shareNumber}\n`)
      }
    }
  }),
])
