/** Kill a process that writes shares and a slot, open its folder again, and judge what stands there. */
import { spawn } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { equalBytes, requireRecordOf } from '#crypto'
import {
  LEASE_DURATION_DEFAULT_SECONDS,
  nativeBulkCrypto,
  nodeDisk,
  type Storage,
  type StorageServer,
} from '#node'
import { StoragePaths } from '../../node/storage/paths.ts'
import type { MadeShare } from '../support/make-shares.ts'
import { openStorage, ShiftedClock } from '../support/storages.ts'
import { crashFile, crashSlot } from './crash-files.ts'

const CHILD = fileURLToPath(new URL('crash-storage-child.ts', import.meta.url))
/** Files of a round that may stand there without having been acknowledged: one for each of the child's writers. */
const UNACKNOWLEDGED_MAX = 8

export interface Round {
  readonly round: number
  /** The child kills itself at this operation of its disk. */
  readonly killAtStep?: number | undefined
  /** Or it is killed so long after its first acknowledgement. */
  readonly killAfterMilliseconds?: number | undefined
}

export interface RoundReport {
  readonly acknowledged: number
  readonly standing: number
}

/** One folder that lives through many crashes. */
export async function crashFolder(): Promise<{ readonly folder: string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'cairn-crash-'))
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) }
}

/** @throws Error saying what was lost, half or foreign */
export async function crashRound(folder: string, round: Round): Promise<RoundReport> {
  const acknowledged = await runUntilKilled(folder, round)
  const clock = new ShiftedClock()
  const storage = await openStorage(nodeDisk, { folder, clock })
  try {
    const standing = await judge(storage, round, acknowledged)
    await judgeSlot(storage, round, acknowledged)
    // What came through without its lease has one of grace.
    clock.shiftMilliseconds += (LEASE_DURATION_DEFAULT_SECONDS + 1) * 1000
    await storage.collect()
    const { usedBytes } = await storage.status()
    if (usedBytes !== 0) throw new Error(`nothing stands, and ${usedBytes} bytes are counted`)
    const { incoming, corrupt, shares } = new StoragePaths(folder)
    const left = (await Promise.all([incoming, corrupt, shares].map(filesIn))).flat()
    if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`)
    return { acknowledged: numbersOf(acknowledged, /^(\d+)\./).length, standing }
  } finally {
    await storage[Symbol.asyncDispose]()
  }
}

/** @returns how many shares stand; their leases are cancelled */
async function judge(storage: Storage, { round }: Round, acknowledged: ReadonlySet<string>): Promise<number> {
  const server = storage.forAccount('alice')
  const expected = await sharesOf(round, acknowledged)
  let standing = 0
  for (const [name, share] of expected) {
    const isThere = await isListed(server, share)
    if (!isThere && acknowledged.has(name)) throw new Error(`share ${name} was acknowledged and is gone`)
    if (!isThere) continue
    standing += 1
    const outcome = await server.scrubShare(share.address)
    if (!outcome.healthy) throw new Error(`share ${name} does not verify: ${outcome.problem}`)
    if (!(await hasAllBlocks(server, share)))
      throw new Error(`share ${name} has other blocks than were written`)
    const [cancelled] = await server.updateLeases([{ action: 'cancel', address: share.address }])
    if (cancelled?.ok !== true) throw new Error(`share ${name} has lost its entry`)
  }
  const { shareCount } = await storage.status()
  if (shareCount !== standing) throw new Error(`${standing} shares stand, ${shareCount} are counted`)
  return standing
}

/** The last record that was acknowledged, or the one after it that was under way. */
async function judgeSlot(
  storage: Storage,
  { round }: Round,
  acknowledged: ReadonlySet<string>,
): Promise<void> {
  const { publicKey } = crashSlot(round)
  const last = Math.max(0, ...numbersOf(acknowledged, /^slot\.(\d+)$/))
  const [held] = await storage.forAccount('alice').readSlots([publicKey])
  if (held === undefined && last === 0) return
  if (held === undefined) throw new Error(`record ${last} of the slot was acknowledged and is gone`)
  const { sequence } = requireRecordOf(publicKey, held, nativeBulkCrypto)
  if (sequence === last || sequence === last + 1) return
  throw new Error(`record ${last} of the slot was acknowledged, ${sequence} stands`)
}

function numbersOf(names: ReadonlySet<string>, pattern: RegExp): readonly number[] {
  return [...names].flatMap((name) => pattern.exec(name)?.[1] ?? []).map(Number)
}

async function isListed(server: StorageServer, { address }: MadeShare): Promise<boolean> {
  const [shares = []] = await server.listShares([address])
  return shares.some((listed) => listed.shareNumber === address.shareNumber)
}

async function hasAllBlocks(server: StorageServer, { address, blocks }: MadeShare): Promise<boolean> {
  for (const [segmentIndex, block] of blocks.entries()) {
    const read = await server.readBlock({ address, segmentIndex, withSealedProof: true })
    if (!equalBytes(read.block, block)) return false
  }
  return true
}

/** What the round wrote for certain, and what it may have written. */
async function sharesOf(round: number, acknowledged: ReadonlySet<string>): Promise<Map<string, MadeShare>> {
  const last = Math.max(-1, ...numbersOf(acknowledged, /^(\d+)\./))
  const shares = new Map<string, MadeShare>()
  for (let number = 0; number <= last + UNACKNOWLEDGED_MAX; number += 1) {
    for (const share of (await crashFile(round, number)).shares) {
      shares.set(`${number}.${share.address.shareNumber}`, share)
    }
  }
  return shares
}

function runUntilKilled(folder: string, round: Round): Promise<ReadonlySet<string>> {
  const { killAtStep = 0, killAfterMilliseconds } = round
  const parameters = [CHILD, folder, String(round.round), String(killAtStep)]
  const child = spawn(process.execPath, parameters, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let complaint = ''
  let timer: NodeJS.Timeout | undefined
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    if (killAfterMilliseconds === undefined) return
    timer ??= setTimeout(() => child.kill('SIGKILL'), killAfterMilliseconds)
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (_code, signal) => {
      clearTimeout(timer)
      if (signal !== 'SIGKILL') return reject(new Error(`the writing process ended by itself: ${complaint}`))
      // The last line counts only if it was written whole.
      resolve(new Set(output.split('\n').slice(0, -1)))
    })
  })
}

async function filesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name)
}
