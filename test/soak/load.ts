/** What one client does to the grid, from a seed: puts, gets, ranges, checks, verifies, repairs, edits of a directory. */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { type DirectoryWriteCapability, GridError, type ReadCapability, toVerifyCapability } from '#crypto'
import type { GridFiles } from '#gateway'

/** Files that a client remembers, to read and check them. */
const FILES_KEPT = 150
/** Names that its directory comes to. */
const NAMES_MAX = 300

export const WORK = ['put', 'get', 'range', 'check', 'verify', 'repair', 'edit'] as const
export type Work = (typeof WORK)[number]
/** Of a hundred. */
const SHARE_OF: Readonly<Record<Work, number>> = {
  put: 34,
  get: 40,
  range: 8,
  check: 8,
  verify: 3,
  repair: 2,
  edit: 5,
}

export interface Tally {
  readonly done: Record<Work, number>
  readonly failed: Map<string, number>
  putBytes: number
  gotBytes: number
  wrongBytes: number
}

export function newTally(): Tally {
  const done = { put: 0, get: 0, range: 0, check: 0, verify: 0, repair: 0, edit: 0 }
  return { done, failed: new Map(), putBytes: 0, gotBytes: 0, wrongBytes: 0 }
}

interface Stored {
  readonly capability: ReadCapability
  readonly seed: number
  readonly sizeBytes: number
}

export interface ClientOptions {
  readonly files: GridFiles
  readonly seed: number
  readonly tally: Tally
  /** Of what it puts and gets, held on average. */
  readonly bytesPerSecond: number
  readonly signal: AbortSignal
}

/** Works until it is told to stop; what fails is counted, and wrong bytes most of all. */
export async function runClient(options: ClientOptions): Promise<void> {
  const { files, seed, tally, bytesPerSecond, signal } = options
  const chance = chanceFrom(seed)
  const stored: Stored[] = []
  const directory = await files.makeDirectory({ signal })
  const startedAt = performance.now()
  let movedBytes = 0
  for (let turn = 0; !signal.aborted; turn += 1) {
    const work = stored.length < 5 ? 'put' : workOf(chance())
    try {
      movedBytes += await one(work, { ...options, chance, stored, directory, turn })
      tally.done[work] += 1
    } catch (error) {
      if (signal.aborted) return
      const code = error instanceof GridError ? error.code : String(error)
      tally.failed.set(`${work} ${code}`, (tally.failed.get(`${work} ${code}`) ?? 0) + 1)
    }
    const aheadMilliseconds = (1000 * movedBytes) / bytesPerSecond - (performance.now() - startedAt)
    if (aheadMilliseconds > 0) await sleep(aheadMilliseconds, undefined, { signal }).catch(() => undefined)
  }
}

interface Turn extends ClientOptions {
  readonly chance: () => number
  readonly stored: Stored[]
  readonly directory: DirectoryWriteCapability
  readonly turn: number
}

/** @returns bytes of content that were moved */
async function one(work: Work, { files, seed, tally, signal, chance, stored, directory, turn }: Turn) {
  const known = stored[Math.floor(chance() * stored.length)]
  if (work === 'put' || known === undefined) {
    const sizeBytes = sizeOf(chance)
    const contentSeed = seed * 1_000_003 + turn
    const open = () => Readable.from(pattern(contentSeed, sizeBytes))
    const { capability } = await files.put({ sizeBytes, rereadable: true, open }, { signal })
    stored.push({ capability, seed: contentSeed, sizeBytes })
    if (stored.length > FILES_KEPT) stored.shift()
    tally.putBytes += sizeBytes
    return sizeBytes
  }
  const { capability } = known
  if (work === 'get' || work === 'range' || capability.kind === 'lit') {
    const sizeBytes = await read(files, known, { work, chance, tally, signal })
    tally.gotBytes += sizeBytes
    return sizeBytes
  }
  if (work === 'edit') {
    await files.edit(
      directory,
      [{ kind: 'set', name: `file-${turn % NAMES_MAX}`, capability, metadata: {}, ifExists: 'replace' }],
      { signal },
    )
    return 0
  }
  const verifyCapability = toVerifyCapability(capability)
  await files[work](verifyCapability, { signal })
  return work === 'check' ? 0 : known.sizeBytes
}

async function read(
  files: GridFiles,
  { capability, seed, sizeBytes }: Stored,
  options: {
    readonly work: Work
    readonly chance: () => number
    readonly tally: Tally
    readonly signal: AbortSignal
  },
): Promise<number> {
  const { work, chance, tally, signal } = options
  const start = work === 'range' ? Math.floor(chance() * sizeBytes) : 0
  const end = work === 'range' ? Math.min(sizeBytes, start + 65_536) : sizeBytes
  const download = await files.get(capability, { range: { start, end }, signal })
  const found = createHash('sha256')
  for await (const bytes of download.content) found.update(bytes)
  const wanted = createHash('sha256')
  let offset = 0
  for (const bytes of pattern(seed, sizeBytes)) {
    const from = Math.max(0, start - offset)
    const to = Math.min(bytes.length, end - offset)
    if (to > from) wanted.update(bytes.subarray(from, to))
    offset += bytes.length
  }
  if (!found.digest().equals(wanted.digest())) tally.wrongBytes += 1
  return end - start
}

/** Most files are small, most bytes are in large ones. */
function sizeOf(chance: () => number): number {
  const kind = chance()
  if (kind < 0.6) return 100 + Math.floor(chance() * 64_000)
  if (kind < 0.92) return 64_000 + Math.floor(chance() * 2_000_000)
  return 4_000_000 + Math.floor(chance() * 12_000_000)
}

function workOf(chance: number): Work {
  let left = chance * 100
  for (const work of WORK) {
    left -= SHARE_OF[work]
    if (left < 0) return work
  }
  return 'get'
}

/** Numbers from 0 to 1 that follow from the seed. */
function chanceFrom(seed: number): () => number {
  let state = BigInt(seed) + 0x9e3779b97f4a7c15n
  return () => {
    state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n)
    return Number(state >> 32n) / 2 ** 32
  }
}

/** Bytes that follow from the seed; 64 KiB at a time. */
function* pattern(seed: number, sizeBytes: number): Generator<Buffer<ArrayBuffer>, void, undefined> {
  for (let made = 0; made < sizeBytes; made += 65_536) {
    const block = createHash('sha512').update(`${seed} ${made}`).digest()
    yield Buffer.alloc(Math.min(65_536, sizeBytes - made), block)
  }
}
