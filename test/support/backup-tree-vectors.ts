/** Vectors of contents, trees, snapshots, repositories and drops (FORMAT §18.1, §18.6 to §19). */
import {
  asBlobId,
  asContentKey,
  asDropPrivateKey,
  asSlotSeed,
  type BlobId,
  blobId,
  type Content,
  ContentBuilder,
  concat,
  type DropContent,
  dropCapability,
  dropContentKey,
  dropPublicKey,
  EMPTY_CONTENT,
  formatContent,
  formatDropCapability,
  formatRepositoryFile,
  formatSnapshot,
  formatTreeEntry,
  nextDropSeed,
  packCapability,
  type RepositoryFile,
  Secret,
  type SnapshotContent,
  sealDrop,
  sha256Small,
  slotKeys,
  snapshotId,
  type TreeEntry,
  utf8,
} from '#crypto'
import { BLOB_ID_KEY, fileNumber } from './backup-vectors.ts'
import { hex, pattern } from './pattern.ts'

export async function backupTreeVectors() {
  return {
    backup_content: [
      formatVector(EMPTY_CONTENT),
      ...(await Promise.all([1, 32, 33, 1024, 1500, 30_000].map(builtVector))),
    ],
    backup_tree: [[], ...ENTRIES.map((entry) => [entry]), ENTRIES].map((entries) => ({
      entries: entries.map(entryVector),
      tree: hex(concat(...entries.map(formatTreeEntry))),
    })),
    backup_snapshot: SNAPSHOTS.map(snapshotVector),
    backup_repository: REPOSITORIES.map((file) => ({
      created: file.createdAtMilliseconds,
      contentKey: hex(file.contentKey.reveal()),
      ...(file.dropPrivateKey === undefined ? {} : { dropKey: hex(file.dropPrivateKey.reveal()) }),
      repository: hex(formatRepositoryFile(file)),
    })),
    drop_capability: [
      {
        seed: hex(FIRST_SEED),
        ownerKey: hex(OWNER_KEY),
        text: formatDropCapability(dropCapability(FIRST_SEED, OWNER_KEY)),
        contentKey: hex(dropContentKey(FIRST_SEED)),
        next: hex(nextDropSeed(FIRST_SEED)),
      },
    ],
    drop: DROPS.map(dropVector),
  }
}

function formatVector(content: Content) {
  return {
    size: content.sizeBytes,
    depth: content.depth,
    ids: content.ids.map(hex),
    content: hex(formatContent(content)),
  }
}

/** A content of so many blobs, with the lists that it takes. */
async function builtVector(blobCount: number) {
  const lists: { readonly level: number; readonly items: number; readonly id: string }[] = []
  const put = async (bytes: Uint8Array): Promise<BlobId> => {
    const id = blobId(BLOB_ID_KEY, 'list', sha256Small(bytes))
    lists.push({ level: bytes[0] ?? 0, items: (bytes.length - 1) / 40, id: hex(id) })
    return id
  }
  const builder = new ContentBuilder(put)
  for (let index = 0; index < blobCount; index += 1) {
    await builder.add({ id: numberedId(index), sizeBytes: 1 + (index % 1000) })
  }
  const content = await builder.finish()
  const blobs = `blob i has the id SHA-256(u32(660) ‖ u32(i)) and 1 + (i mod 1000) bytes, i < ${blobCount}`
  return { blobIdKey: hex(BLOB_ID_KEY), blobCount, blobs, lists, ...formatVector(content) }
}

export function numberedId(index: number): BlobId {
  const input = new DataView(new ArrayBuffer(8))
  input.setUint32(0, 660)
  input.setUint32(4, index)
  return asBlobId(sha256Small(new Uint8Array(input.buffer)))
}

const SMALL_CONTENT: Content = { sizeBytes: 5_000_000, depth: 0, ids: [numberedId(1), numberedId(2)] }
const LARGE_CONTENT: Content = { sizeBytes: 1_099_511_627_776, depth: 2, ids: [numberedId(3)] }

const OWNED = { mode: 0o644, uid: 1000, gid: 100, user: 'maja', group: 'users', linkCount: 1 }
const TIMES = {
  modifiedAtNanoseconds: 1_795_000_000_123_456_789n,
  changedAtNanoseconds: 1_795_000_001_000_000_000n,
}
const PLACE = { inode: 1234n, device: 2049n }

/** By name, one of each kind, with what is odd about some. */
const ENTRIES: readonly TreeEntry[] = [
  { name: Uint8Array.of(0x01, 0xff), kind: 'file', ...OWNED, ...TIMES, ...PLACE, content: EMPTY_CONTENT },
  {
    name: utf8('a'),
    kind: 'file',
    ...OWNED,
    ...TIMES,
    ...PLACE,
    mode: 0o7777,
    content: SMALL_CONTENT,
    isSparse: true,
    linkCount: 3,
    attributes: [
      { name: utf8('user.a'), value: new Uint8Array(0) },
      { name: utf8('user.b'), value: pattern(670, 20) },
    ],
  },
  {
    name: utf8('b'),
    kind: 'file',
    mode: 0,
    uid: 0xffffffff,
    gid: 0,
    modifiedAtNanoseconds: -1n,
    changedAtNanoseconds: -(2n ** 63n) * 1_000_000_000n,
    inode: 2n ** 64n - 1n,
    device: 2n ** 63n,
    linkCount: 0xffffffff,
    content: LARGE_CONTENT,
  },
  { name: utf8('c'), kind: 'folder', ...OWNED, ...TIMES, ...PLACE, content: SMALL_CONTENT },
  { name: utf8('d'), kind: 'symlink', ...OWNED, ...TIMES, ...PLACE, target: Uint8Array.of(0x2f, 0x80) },
  { name: utf8('e'), kind: 'fifo', ...OWNED, ...TIMES, ...PLACE, user: undefined, group: undefined },
  { name: utf8('f'), kind: 'socket', ...OWNED, ...TIMES, ...PLACE, user: 'ж', group: undefined },
  { name: utf8('g'), kind: 'block-device', ...OWNED, ...TIMES, ...PLACE, deviceNumber: 2049n },
  { name: utf8('g '), kind: 'character-device', ...OWNED, ...TIMES, ...PLACE, deviceNumber: 2n ** 64n - 1n },
]

function entryVector(entry: TreeEntry) {
  return {
    name: hex(entry.name),
    kind: entry.kind,
    mode: entry.mode,
    uid: entry.uid,
    gid: entry.gid,
    user: entry.user ?? '',
    group: entry.group ?? '',
    mtime: String(entry.modifiedAtNanoseconds),
    ctime: String(entry.changedAtNanoseconds),
    inode: String(entry.inode),
    device: String(entry.device),
    links: entry.linkCount,
    ...(entry.content === undefined ? {} : { content: hex(formatContent(entry.content)) }),
    ...(entry.kind === 'file' ? { sparse: entry.isSparse === true } : {}),
    ...(entry.target === undefined ? {} : { target: hex(entry.target) }),
    ...(entry.deviceNumber === undefined ? {} : { number: String(entry.deviceNumber) }),
    attributes: (entry.attributes ?? []).map(({ name, value }) => ({ name: hex(name), value: hex(value) })),
  }
}

export const SOUND_SNAPSHOT: SnapshotContent = {
  takenAtMilliseconds: 1_795_000_000_000,
  host: 'kiln',
  paths: ['/home/maja', '/etc'],
  tags: ['nightly'],
  root: SMALL_CONTENT,
  parent: 'abcdefghijklmnopqrstuvwxy4',
  totals: {
    files: 12,
    folders: 3,
    bytes: 5_000_000,
    newFiles: 1,
    changedFiles: 2,
    unmodifiedFiles: 9,
    unreadableFiles: 1,
    addedBytes: 70_000,
    storedBytes: 30_000,
    milliseconds: 1234,
  },
}

const SNAPSHOTS: readonly SnapshotContent[] = [
  SOUND_SNAPSHOT,
  { ...SOUND_SNAPSHOT, host: '\u{feff}ж', paths: [], tags: [], root: LARGE_CONTENT, parent: undefined },
]

function snapshotVector(snapshot: SnapshotContent) {
  const bytes = formatSnapshot(snapshot)
  const { totals, parent } = snapshot
  return {
    time: snapshot.takenAtMilliseconds,
    host: snapshot.host,
    paths: snapshot.paths,
    tags: snapshot.tags,
    root: hex(formatContent(snapshot.root)),
    ...(parent === undefined ? {} : { parent }),
    totals: {
      files: totals.files,
      folders: totals.folders,
      bytes: totals.bytes,
      new: totals.newFiles,
      changed: totals.changedFiles,
      unmodified: totals.unmodifiedFiles,
      unreadable: totals.unreadableFiles,
      added: totals.addedBytes,
      stored: totals.storedBytes,
      milliseconds: totals.milliseconds,
    },
    snapshot: hex(bytes),
    snapshotId: snapshotId(bytes),
  }
}

export const OWNER_PRIVATE = asDropPrivateKey(pattern(680, 32))
export const OWNER_KEY = dropPublicKey(OWNER_PRIVATE)
export const FIRST_SEED = asSlotSeed(pattern(681, 32))
export const DROP_SLOT_KEY = slotKeys(FIRST_SEED).publicKey

const REPOSITORIES: readonly RepositoryFile[] = [
  { createdAtMilliseconds: 1_795_000_000_000, contentKey: new Secret(asContentKey(pattern(600, 32))) },
  {
    createdAtMilliseconds: 0,
    contentKey: new Secret(dropContentKey(FIRST_SEED)),
    dropPrivateKey: new Secret(OWNER_PRIVATE),
  },
]

export const DROPS: readonly DropContent[] = [
  { packs: [fileNumber(1), fileNumber(2)], index: fileNumber(3), snapshot: fileNumber(4) },
  { packs: [fileNumber(1)], index: fileNumber(3) },
  { packs: [], snapshot: fileNumber(4) },
]

function dropVector(content: DropContent, number: number) {
  const onceKey = asDropPrivateKey(pattern(682 + number, 32))
  const value = sealDrop(content, { slotKey: DROP_SLOT_KEY, ownerKey: OWNER_KEY }, onceKey)
  return {
    oncePrivateKey: hex(onceKey),
    ownerPrivateKey: hex(OWNER_PRIVATE),
    ownerKey: hex(OWNER_KEY),
    slotKey: hex(DROP_SLOT_KEY),
    packs: content.packs.map((file) => hex(packCapability(file))),
    ...(content.index === undefined ? {} : { index: hex(packCapability(content.index)) }),
    ...(content.snapshot === undefined ? {} : { snapshot: hex(packCapability(content.snapshot)) }),
    value: hex(value),
  }
}
