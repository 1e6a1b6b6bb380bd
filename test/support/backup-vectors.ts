/** Vectors of keys, cuts, blobs, packs and index files of backups (FORMAT §18.1 to §18.5, §18.9). */
import {
  asBlobId,
  asContentKey,
  asFileRoot,
  asReadKey,
  type BlobEntry,
  type BlobIdKey,
  type BlobKind,
  type BulkCrypto,
  blobId,
  type ContentKey,
  type CutSizes,
  cutPlainly,
  DATA_CUT_SIZES,
  fileReadCapability,
  formatFreedRecord,
  formatIndexFile,
  formatPackEnd,
  formatRows,
  freedRecordId,
  indexFileId,
  openBlob,
  PACK_FOOTER_SIZE_BYTES,
  packCapability,
  paddedSize,
  parsePackTable,
  repositoryKeys,
  sha256Small,
  TREE_CUT_SIZES,
  utf8,
} from '#crypto'
import { contentNamed, hex, pattern } from './pattern.ts'

export const CONTENT_KEY: ContentKey = asContentKey(pattern(600, 32))
const { cutKey, blobIdKey } = repositoryKeys(CONTENT_KEY)
export const BLOB_ID_KEY: BlobIdKey = blobIdKey.reveal()
/** Numbers that make blobs small enough to look at. */
const SMALL: CutSizes = { leastBytes: 64, mostBytes: 400, proposalBits: 3, confirmedOneIn: 3, spreadBits: 4 }

export async function backupVectors(bulk: BulkCrypto) {
  return {
    backup_keys: [CONTENT_KEY, asContentKey(pattern(601, 32))].map((contentKey) => {
      const keys = repositoryKeys(contentKey)
      return {
        contentKey: hex(contentKey),
        cutKey: hex(keys.cutKey.reveal()),
        blobIdKey: hex(keys.blobIdKey.reveal()),
      }
    }),
    backup_cut: cutVectors(),
    backup_blob: await blobVectors(bulk),
    backup_padding: [0, 127, 128, 129, 1000, 65_537, 1_000_001, 33_554_431, 33_554_432, 34_000_000].map(
      (size) => ({
        size,
        padded: paddedSize(size),
      }),
    ),
    backup_pack: packs.map((entries) => {
      const { bytes, packId, packSizeBytes } = formatPackEnd(entries)
      const table = formatRows(entries)
      const padding = bytes.length - table.length - PACK_FOOTER_SIZE_BYTES
      return {
        rows: entries.map(rowVector),
        padding,
        table: hex(table),
        footer: hex(bytes.subarray(padding + table.length)),
        packId: hex(packId),
        packSize: packSizeBytes,
      }
    }),
    backup_index: [packs.slice(0, 1), packs].map((lists) => {
      const bytes = formatIndexFile(lists.map(tableOf))
      return {
        tables: lists.map((entries) => hex(formatRows(entries))),
        index: hex(bytes),
        indexId: indexFileId(bytes),
      }
    }),
    backup_freed: [packs.slice(0, 1), packs].map(freedVector),
  }
}

function cutVectors() {
  const cases: readonly (readonly [CutSizes, string])[] = [
    [DATA_CUT_SIZES, 'stream(610, 5000000)'],
    [DATA_CUT_SIZES, 'stream(611, 262144)'],
    [TREE_CUT_SIZES, 'stream(612, 1000000)'],
    [TREE_CUT_SIZES, 'zeros(1200000)'],
    [SMALL, 'stream(613, 3000)'],
    [SMALL, 'zeros(1000)'],
    [SMALL, 'stream(614, 63)'],
    [SMALL, 'zeros(0)'],
  ]
  return cases.map(([sizes, content]) => ({
    cutKey: hex(cutKey.reveal()),
    least: sizes.leastBytes,
    most: sizes.mostBytes,
    P: sizes.proposalBits,
    C: sizes.confirmedOneIn,
    S: sizes.spreadBits,
    content,
    sizes: cutPlainly(cutKey.reveal(), contentNamed(content), sizes),
  }))
}

/** 500 times the letter c, as one frame with one block that repeats a byte. */
const FRAME = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x60, 0xf4, 0x00, 0xa3, 0x0f, 0x00, 0x63)

async function blobVectors(bulk: BulkCrypto) {
  const kinds: readonly BlobKind[] = ['data', 'tree', 'list']
  const plain = kinds.flatMap((kind) =>
    [1, 100].map((sizeBytes) => {
      const content = pattern(602, sizeBytes)
      const id = blobId(BLOB_ID_KEY, kind, sha256Small(content))
      return { kind, compression: 'stored', stored: hex(content), plain: hex(content), id: hex(id) }
    }),
  )
  const letters = utf8('c'.repeat(500))
  const id = blobId(BLOB_ID_KEY, 'data', sha256Small(letters))
  const entry = {
    kind: 'data',
    compression: 'zstd',
    id,
    storedSizeBytes: FRAME.length,
    plainSizeBytes: 500,
  } as const
  await openBlob({ blobIdKey: BLOB_ID_KEY, bulk, decompress: () => letters }, entry, FRAME)
  const frame = { kind: 'data', compression: 'zstd', stored: hex(FRAME), plain: hex(letters), id: hex(id) }
  return [...plain, frame].map((one) => ({ blobIdKey: hex(BLOB_ID_KEY), ...one }))
}

/** The entries of some packs: of full-sized blobs, of small ones, of one byte. */
export const packs: readonly (readonly BlobEntry[])[] = [
  [
    entryOf('data', 1, 1_500_000, 1_000_000),
    entryOf('data', 2, 4_194_304, 4_194_304),
    entryOf('data', 3, 262_144, 5000),
  ],
  [entryOf('tree', 4, 300, 210), entryOf('list', 5, 101, 101), entryOf('tree', 6, 2, 1)],
  [entryOf('data', 7, 1, 1)],
]

function entryOf(kind: BlobKind, number: number, plainSizeBytes: number, storedSizeBytes: number): BlobEntry {
  const compression = plainSizeBytes === storedSizeBytes ? 'stored' : 'zstd'
  return { kind, compression, id: asBlobId(pattern(620 + number, 32)), storedSizeBytes, plainSizeBytes }
}

function rowVector({ kind, compression, id, storedSizeBytes, plainSizeBytes }: BlobEntry) {
  return { kind, compression, id: hex(id), storedSize: storedSizeBytes, plainSize: plainSizeBytes }
}

export function tableOf(entries: readonly BlobEntry[]) {
  return parsePackTable(formatRows(entries))
}

export function fileNumber(number: number) {
  return fileReadCapability(asReadKey(pattern(640 + number, 32)), asFileRoot(pattern(650 + number, 32)))
}

export const FREED_AT = 1_795_000_000_000

function freedVector(lists: readonly (readonly BlobEntry[])[]) {
  const freed = lists.map((entries, number) => ({ ...tableOf(entries), file: fileNumber(number) }))
  const bytes = formatFreedRecord({ freedAtMilliseconds: FREED_AT, packs: freed })
  return {
    time: FREED_AT,
    packs: freed.map(({ rows, file }) => ({ file: hex(packCapability(file)), table: hex(formatRows(rows)) })),
    freed: hex(bytes),
    freedId: freedRecordId(bytes),
  }
}
