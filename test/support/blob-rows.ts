/** Blobs that are no more than their rows: for tests of what is known of them. */
import {
  asBlobId,
  asFileRoot,
  asReadKey,
  type BlobEntry,
  type FileReadCapability,
  fileReadCapability,
  formatPackEnd,
  type PackTable,
} from '#crypto'
import type { SimRandom } from '../sim/sim-random.ts'

export function randomEntry(random: SimRandom): BlobEntry {
  const sizeBytes = 1 + random.below(1000)
  return {
    kind: random.below(2) === 0 ? 'data' : 'tree',
    compression: 'stored',
    id: asBlobId(random.bytes(32)),
    storedSizeBytes: sizeBytes,
    plainSizeBytes: sizeBytes,
  }
}

export function randomTable(random: SimRandom, rowCount: number): PackTable {
  return formatPackEnd(Array.from({ length: rowCount }, () => randomEntry(random)))
}

export function randomFile(random: SimRandom): FileReadCapability {
  return fileReadCapability(asReadKey(random.bytes(32)), asFileRoot(random.bytes(32)))
}
