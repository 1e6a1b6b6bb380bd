/** Blobs, tables, contents, entries and snapshots of any shape, for properties and fuzzing. */
import fc from 'fast-check'
import {
  ATTRIBUTE_NAME_MAX_BYTES,
  asBlobId,
  asContentKey,
  asDropPrivateKey,
  BLOB_SIZE_MAX_BYTES,
  type BlobEntry,
  CONTENT_DEPTH_MAX,
  CONTENT_IDS_MAX,
  type Content,
  compareBytes,
  type DropContent,
  EMPTY_CONTENT,
  ENTRY_KINDS,
  equalBytes,
  type RepositoryFile,
  Secret,
  type SnapshotContent,
  type TreeEntry,
} from '#crypto'
import { fileCapabilities, keys32 } from './arbitraries.ts'

export const blobIds = keys32.map(asBlobId)

export const blobEntries: fc.Arbitrary<BlobEntry> = fc
  .record({
    kind: fc.constantFrom('data' as const, 'tree' as const, 'list' as const),
    id: blobIds,
    plainSizeBytes: fc.oneof(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 200_000 })),
    saved: fc.nat(),
  })
  .map(({ saved, ...blob }) => {
    const storedSizeBytes = Math.max(1, blob.plainSizeBytes - (saved % blob.plainSizeBytes))
    const compression = storedSizeBytes === blob.plainSizeBytes ? 'stored' : 'zstd'
    return { ...blob, storedSizeBytes, compression }
  })

/** Of one pack. */
export const blobLists = fc.array(blobEntries, { minLength: 1, maxLength: 12 })

export const contents: fc.Arbitrary<Content> = fc.oneof(
  fc.constant(EMPTY_CONTENT),
  fc
    .tuple(fc.array(blobIds, { minLength: 1, maxLength: CONTENT_IDS_MAX }), fc.nat(BLOB_SIZE_MAX_BYTES - 1))
    .map(([ids, more]) => ({ ids, depth: 0, sizeBytes: ids.length + more })),
  fc
    .tuple(blobIds, fc.integer({ min: 1, max: CONTENT_DEPTH_MAX }), fc.maxSafeNat())
    .map(([id, depth, sizeBytes]) => ({ ids: [id], depth, sizeBytes: Math.max(1, sizeBytes) })),
)

const SLASH = 0x2f
export const entryNames = fc
  .uint8Array({ minLength: 1, maxLength: 40 })
  .filter(
    (name) =>
      !name.includes(0) && !name.includes(SLASH) && !/^\.\.?$/.test(Buffer.from(name).toString('latin1')),
  )

const times = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n) * 1_000_000_000n, max: 2n ** 63n * 1_000_000_000n - 1n }),
  fc.bigInt({ min: -3_000_000_000n, max: 2_000_000_000_000_000_000n }),
)
const u32s = fc.integer({ min: 0, max: 0xffffffff })
const u64s = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const texts = (maxLength: number) =>
  fc.string({ unit: 'binary', minLength: 1, maxLength }).filter((text) => text.length <= maxLength)

const attributes = fc
  .uniqueArray(
    fc.record({
      name: fc.uint8Array({ minLength: 1, maxLength: Math.min(30, ATTRIBUTE_NAME_MAX_BYTES) }),
      value: fc.uint8Array({ maxLength: 60 }),
    }),
    { minLength: 1, maxLength: 5, comparator: (left, right) => equalBytes(left.name, right.name) },
  )
  .map((list) => list.sort((left, right) => compareBytes(left.name, right.name)))

export const treeEntries: fc.Arbitrary<TreeEntry> = fc
  .record({
    name: entryNames,
    kind: fc.constantFrom(...ENTRY_KINDS),
    mode: fc.integer({ min: 0, max: 0o7777 }),
    uid: u32s,
    gid: u32s,
    user: fc.option(texts(32), { nil: undefined }),
    group: fc.option(texts(32), { nil: undefined }),
    modifiedAtNanoseconds: times,
    changedAtNanoseconds: times,
    inode: u64s,
    device: u64s,
    linkCount: fc.integer({ min: 1, max: 0xffffffff }),
    attributes: fc.option(attributes, { nil: undefined }),
    content: contents,
    isSparse: fc.constantFrom(true as const, undefined),
    target: fc.uint8Array({ minLength: 1, maxLength: 60 }).filter((target) => !target.includes(0)),
    deviceNumber: u64s,
  })
  .map(({ content, isSparse, target, deviceNumber, ...entry }) => {
    const isDevice = entry.kind === 'block-device' || entry.kind === 'character-device'
    return {
      ...entry,
      content: entry.kind === 'file' || entry.kind === 'folder' ? content : undefined,
      isSparse: entry.kind === 'file' ? isSparse : undefined,
      target: entry.kind === 'symlink' ? target : undefined,
      deviceNumber: isDevice ? deviceNumber : undefined,
    }
  })

/** By name, each once. */
export const trees = fc
  .uniqueArray(treeEntries, { maxLength: 8, comparator: (left, right) => equalBytes(left.name, right.name) })
  .map((entries) => entries.sort((left, right) => compareBytes(left.name, right.name)))

const totals = fc.record({
  files: fc.maxSafeNat(),
  folders: fc.maxSafeNat(),
  bytes: fc.maxSafeNat(),
  newFiles: fc.maxSafeNat(),
  changedFiles: fc.maxSafeNat(),
  unmodifiedFiles: fc.maxSafeNat(),
  unreadableFiles: fc.maxSafeNat(),
  addedBytes: fc.maxSafeNat(),
  storedBytes: fc.maxSafeNat(),
  milliseconds: fc.maxSafeNat(),
})

export const snapshots: fc.Arbitrary<SnapshotContent> = fc.record({
  takenAtMilliseconds: fc.maxSafeNat(),
  host: texts(60),
  paths: fc.array(texts(60), { maxLength: 5 }),
  tags: fc.array(texts(20), { maxLength: 4 }),
  root: contents,
  parent: fc.constantFrom(undefined, 'abcdefghijklmnopqrstuvwxy4'),
  totals,
})

export const repositoryFiles: fc.Arbitrary<RepositoryFile> = fc.record({
  createdAtMilliseconds: fc.maxSafeNat(),
  contentKey: keys32.map((key) => new Secret(asContentKey(key))),
  dropPrivateKey: fc.option(
    keys32.map((key) => new Secret(asDropPrivateKey(key))),
    { nil: undefined },
  ),
})

export const dropContents: fc.Arbitrary<DropContent> = fc
  .record({
    packs: fc.array(fileCapabilities, { maxLength: 6 }),
    index: fileCapabilities,
    snapshot: fc.option(fileCapabilities, { nil: undefined }),
    last: fileCapabilities,
  })
  .map(({ packs, index, snapshot, last }) =>
    packs.length === 0 ? { packs, snapshot: snapshot ?? last } : { packs, index, snapshot },
  )
