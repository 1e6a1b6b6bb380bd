/** Fuzz targets of backups and drop-boxes (FORMAT §18, §19). */
import fc from 'fast-check'
import {
  asDropPrivateKey,
  asSlotSeed,
  concat,
  dropCapability,
  dropPublicKey,
  equalBytes,
  formatContent,
  formatDropCapability,
  formatFreedRecord,
  formatIndexFile,
  formatList,
  formatPackEnd,
  formatRepositoryFile,
  formatRows,
  formatSnapshot,
  formatTreeEntry,
  openDrop,
  parseContent,
  parseDropCapability,
  parseFreedRecord,
  parseIndexFile,
  parseList,
  parsePackTable,
  parseRepositoryFile,
  parseSnapshot,
  parseTree,
  readPackTable,
  sealDrop,
  slotKeys,
} from '#crypto'
import { fileCapabilities } from '../support/arbitraries.ts'
import {
  blobIds,
  blobLists,
  contents,
  dropContents,
  repositoryFiles,
  snapshots,
  trees,
} from '../support/backup-arbitraries.ts'
import { type FuzzTarget, must, mutations, text } from './target.ts'

const ownerPrivate = asDropPrivateKey(new Uint8Array(32).fill(5))
const seed = asSlotSeed(new Uint8Array(32).fill(6))
const place = { slotKey: slotKeys(seed).publicKey, ownerKey: dropPublicKey(ownerPrivate) }
const dropText = formatDropCapability(dropCapability(seed, place.ownerKey))
const onceKey = asDropPrivateKey(new Uint8Array(32).fill(7))

const tables = blobLists.map((entries) => parsePackTable(formatRows(entries)))
const smallPacks = blobLists
  .filter((entries) => entries.reduce((sum, { storedSizeBytes }) => sum + storedSizeBytes, 0) < 5000)
  .map((entries) => {
    const blobsBytes = entries.reduce((sum, { storedSizeBytes }) => sum + storedSizeBytes, 0)
    return concat(new Uint8Array(blobsBytes), formatPackEnd(entries).bytes)
  })
const indexFiles = fc.array(tables, { minLength: 1, maxLength: 3 }).map(formatIndexFile)
const freedRecords = fc
  .tuple(fc.array(tables, { minLength: 1, maxLength: 3 }), fileCapabilities, fc.maxSafeNat())
  .map(([packs, file, freedAtMilliseconds]) =>
    formatFreedRecord({ freedAtMilliseconds, packs: packs.map((table) => ({ ...table, file })) }),
  )
const lists = fc
  .array(fc.record({ id: blobIds, sizeBytes: fc.constant(7) }), { minLength: 3, maxLength: 3 })
  .map((items) => formatList(1, items))
const treeBytes = trees.map((entries) => concat(...entries.map(formatTreeEntry)))

/** The padding of tables is not looked at. */
function sameButPadding(again: Uint8Array, bytes: Uint8Array): boolean {
  const end = again.findLastIndex((byte) => byte !== 0) + 1
  return again.length === bytes.length && equalBytes(again.subarray(0, end), bytes.subarray(0, end))
}

export const backupTargets: Readonly<Record<string, FuzzTarget>> = {
  'pack table': {
    inputs: fc.oneof(fc.uint8Array({ maxLength: 130 }), blobLists.map(formatRows).chain(mutations)),
    parse: (bytes) => must(equalBytes(formatRows(parsePackTable(bytes).rows), bytes), 'one form a table'),
  },
  pack: {
    inputs: fc.oneof(fc.uint8Array({ maxLength: 130 }), smallPacks.chain(mutations)),
    parse: async (bytes) => {
      const table = await readPackTable(bytes.length, async ({ start, end }) => {
        must(start >= 0 && start <= end && end <= bytes.length, 'a read lies within the pack')
        return bytes.subarray(start, end)
      })
      must(table.packSizeBytes === bytes.length, 'one size a table')
    },
  },
  'index file': {
    inputs: fc.oneof(fc.uint8Array({ maxLength: 200 }), indexFiles.chain(mutations)),
    parse: (bytes) =>
      must(sameButPadding(formatIndexFile([...parseIndexFile(bytes)]), bytes), 'one form an index file'),
  },
  'record of freed packs': {
    inputs: fc.oneof(fc.uint8Array({ maxLength: 200 }), freedRecords.chain(mutations)),
    parse: (bytes) =>
      must(sameButPadding(formatFreedRecord(parseFreedRecord(bytes)), bytes), 'one form a record'),
  },
  content: {
    inputs: fc.oneof(fc.uint8Array({ maxLength: 80 }), contents.map(formatContent).chain(mutations)),
    parse: (bytes) => must(equalBytes(formatContent(parseContent(bytes)), bytes), 'one form a content'),
  },
  list: {
    inputs: fc.oneof(fc.uint8Array({ maxLength: 130 }), lists.chain(mutations)),
    parse: (bytes) => {
      const items = parseList(bytes, { level: 1, sizeBytes: 21 })
      must(equalBytes(formatList(1, items), bytes), 'one form a list')
    },
  },
  tree: {
    inputs: fc.oneof(fc.uint8Array({ maxLength: 200 }), treeBytes.chain(mutations)),
    parse: async (bytes) => {
      const again: Uint8Array[] = []
      for await (const entry of parseTree([bytes.subarray(0, 50), bytes.subarray(50)])) {
        again.push(formatTreeEntry(entry))
      }
      must(equalBytes(concat(...again), bytes), 'one form a tree')
    },
  },
  snapshot: {
    inputs: fc.oneof(fc.uint8Array({ maxLength: 200 }), snapshots.map(formatSnapshot).chain(mutations)),
    parse: (bytes) => must(equalBytes(formatSnapshot(parseSnapshot(bytes)), bytes), 'one form a snapshot'),
  },
  'repository file': {
    inputs: fc.oneof(
      fc.uint8Array({ maxLength: 100 }),
      repositoryFiles.map(formatRepositoryFile).chain(mutations),
    ),
    parse: (bytes) =>
      must(equalBytes(formatRepositoryFile(parseRepositoryFile(bytes)), bytes), 'one form a repository file'),
  },
  'drop capability': {
    inputs: fc.oneof(fc.uint8Array({ maxLength: 200 }), mutations(Buffer.from(dropText))),
    parse: (bytes) =>
      must(formatDropCapability(parseDropCapability(text(bytes))) === text(bytes), 'one text a capability'),
  },
  drop: {
    inputs: fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      dropContents.chain((content) => mutations(sealDrop(content, place, onceKey))),
    ),
    parse: (bytes) => {
      const again = sealDrop(openDrop(bytes, place.slotKey, ownerPrivate), place, onceKey)
      must(equalBytes(again, bytes), 'no other bytes pass for a drop')
    },
  },
}
