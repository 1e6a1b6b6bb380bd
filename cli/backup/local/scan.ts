/**
 * How much there is to back up, for whoever watches: a walk that only counts and runs ahead of the one that reads, on a
 * thread of its own. What it has looked at, the system still has in memory when the other comes by.
 */
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { FolderPool } from './folder.ts'
import { type Found, LocalWalk, type Place, type WalkOptions } from './local-walk.ts'
import { PathRules } from './rules.ts'

export interface ScanTotals {
  readonly files: number
  readonly bytes: number
}

/** Rules as patterns, for they go to another thread. */
export interface ScanOptions extends Omit<WalkOptions, 'exclude'> {
  readonly exclude: readonly string[]
}

/** What cannot be looked at is left out: the walk that reads tells of it. */
export function scan(options: ScanOptions): ScanTotals {
  const pool = new FolderPool()
  const walk = new LocalWalk(
    { ...options, exclude: PathRules.parse(options.exclude) },
    { pool, onProblem: () => undefined },
  )
  const totals = { files: 0, bytes: 0 }
  // One listing for each level, however wide or deep the tree is.
  const listings: { readonly place: Place; readonly entries: Iterator<Found> }[] = []
  const enter = (find: () => Place): void => {
    try {
      const place = find()
      listings.push({ place, entries: walk.entries(place)[Symbol.iterator]() })
    } catch {
      // Gone, or not to be read.
    }
  }
  try {
    enter(() => walk.root())
    for (let last = listings.at(-1); last !== undefined; last = listings.at(-1)) {
      const { place, entries } = last
      const { done, value: found } = entries.next()
      if (done === true) {
        listings.pop()
      } else if (found.kind === 'folder') {
        enter(() => walk.enter(place, found))
      } else if (found.kind === 'file') {
        totals.files += 1
        totals.bytes += Number(found.stats.size)
      }
    }
  } finally {
    pool[Symbol.dispose]()
  }
  return totals
}

/** @param onTotals called once, unless the scan fails or is closed before */
export function scanAhead(
  options: ScanOptions,
  onTotals: (totals: ScanTotals) => void,
): { readonly close: () => Promise<void> } {
  // Beside this file, with its ending: .ts in development, .js when built. Paths go without what lies beside them.
  const worker = new Worker(new URL(`./scan-thread${extname(import.meta.url)}`, import.meta.url), {
    workerData: {
      ...options,
      paths: options.paths.map((path) => Uint8Array.from(path)),
      leaveOut: options.leaveOut.map((path) => Uint8Array.from(path)),
    },
  })
  worker.on('message', onTotals)
  // A backup without a total is one all the same.
  worker.on('error', () => undefined)
  worker.unref()
  return {
    close: async () => {
      await worker.terminate()
    },
  }
}
