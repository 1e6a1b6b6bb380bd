/** What the documents print is what the code says. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  ATTRIBUTE_NAME_MAX_BYTES,
  ATTRIBUTE_VALUE_MAX_BYTES,
  ATTRIBUTES_MAX,
  BLOB_SIZE_MAX_BYTES,
  BOX_OVERHEAD_BYTES,
  CAPABILITY_LENGTH_MAX,
  CONTENT_DEPTH_MAX,
  CONTENT_IDS_MAX,
  type CutSizes,
  DATA_CUT_SIZES,
  DROP_MAX_BYTES,
  DROP_PACKS_MAX,
  ENCODING_DEFAULT,
  ENTRY_NAME_MAX_BYTES,
  FIELDS_DEPTH_MAX,
  FIELDS_VALUES_MAX,
  INDEX_PACKS_MAX,
  INDEX_ROWS_MAX,
  LIST_ITEMS_LEAST,
  LIST_ITEMS_MAX,
  LITERAL_SIZE_MAX_BYTES,
  MANIFEST_SIZE_MAX_BYTES,
  NAME_MAX_BYTES,
  NODE_CHILDREN_MAX,
  NODE_ENTRIES_MAX,
  NODE_FILE_MAX_BYTES,
  PACK_BLOBS_MAX_BYTES,
  PACK_FOOTER_SIZE_BYTES,
  PACK_ROW_SIZE_BYTES,
  PACK_ROWS_MAX,
  PADDED_SIZE_MIN_BYTES,
  REPOSITORY_FILE_MAX_BYTES,
  SEALED_WRITE_SIZE_BYTES,
  SEGMENT_COUNT_MAX,
  SEGMENT_SIZE_MAX_BYTES,
  SEGMENT_SIZE_MIN_BYTES,
  SHARE_FOOTER_SIZE_BYTES,
  SHARE_HEADER_SIZE_BYTES,
  SLOT_RECORD_MAX_BYTES,
  SLOT_VALUE_INLINE_MAX_BYTES,
  SNAPSHOT_HOST_MAX,
  SNAPSHOT_MAX_BYTES,
  SNAPSHOT_PATH_MAX,
  SNAPSHOT_PATHS_MAX,
  SNAPSHOT_TAG_MAX,
  SNAPSHOT_TAGS_MAX,
  TAGS,
  TOTAL_SHARES_MAX,
  TREE_CUT_SIZES,
  TREE_ENTRY_MAX_BYTES,
  USER_METADATA_MAX,
  USER_METADATA_TEXT_MAX,
} from '#crypto'

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')
const format = read('crypto/FORMAT.md')
const grouped = (value: number): string => value.toLocaleString('en')

function cutRow(what: string, sizes: CutSizes, average: string): string {
  const { leastBytes, mostBytes, proposalBits, confirmedOneIn, spreadBits } = sizes
  const limits = `${grouped(leastBytes)} | ${grouped(mostBytes)}`
  return `| ${what} | ${limits} | ${proposalBits} | ${confirmedOneIn} | ${spreadBits} | ${average} |`
}

describe('FORMAT.md', () => {
  test('prints every tag, and no other', () => {
    const printed = [...format.matchAll(/^\| (\w+) \| `(cairn\/v1\/[a-z-]+)` \|/gm)].map(([, name, tag]) => [
      name,
      tag,
    ])
    expect(Object.fromEntries(printed)).toEqual(TAGS)
  })

  test.each([
    `| capability text | ${CAPABILITY_LENGTH_MAX} characters |`,
    `| literal content | ${LITERAL_SIZE_MAX_BYTES} bytes |`,
    `| k, n | 1 <= k <= n <= ${TOTAL_SHARES_MAX} |`,
    `| segment size | ${grouped(SEGMENT_SIZE_MIN_BYTES)} to ${grouped(SEGMENT_SIZE_MAX_BYTES)} bytes |`,
    `| segments of a file | ${grouped(SEGMENT_COUNT_MAX)} |`,
    `| manifest | ${grouped(MANIFEST_SIZE_MAX_BYTES)} bytes |`,
    `| slot record | ${grouped(SLOT_RECORD_MAX_BYTES)} bytes |`,
    `| inline value of a slot | ${grouped(SLOT_VALUE_INLINE_MAX_BYTES)} bytes |`,
    `| values in a map of §16.3 | ${grouped(FIELDS_VALUES_MAX)} |`,
    `| node file | ${grouped(NODE_FILE_MAX_BYTES)} bytes |`,
    `| entries of a node; pointers | ${grouped(NODE_ENTRIES_MAX)}; ${grouped(NODE_CHILDREN_MAX)} |`,
    `| name | ${NAME_MAX_BYTES} bytes in UTF-8 |`,
    `| user metadata of an entry | ${USER_METADATA_MAX} values; names, texts and bytes of ` +
      `${grouped(USER_METADATA_TEXT_MAX)} |`,
    `| blob | 1 to ${grouped(BLOB_SIZE_MAX_BYTES)} bytes |`,
    `| pack | ${grouped(PACK_BLOBS_MAX_BYTES)} bytes of blobs; ${grouped(PACK_ROWS_MAX)} rows |`,
    `s         = max(L, ${PADDED_SIZE_MIN_BYTES})`,
    `| index file; record of freed packs | ${grouped(INDEX_PACKS_MAX)} packs; ${grouped(INDEX_ROWS_MAX)} rows |`,
    `| content; list | ${CONTENT_IDS_MAX} ids; ${grouped(LIST_ITEMS_MAX)} items |`,
    `| levels of lists | ${CONTENT_DEPTH_MAX} |`,
    `| entry of a tree | ${grouped(TREE_ENTRY_MAX_BYTES)} bytes |`,
    `| snapshot | ${grouped(SNAPSHOT_MAX_BYTES)} bytes |`,
    `| table: a row for each blob, in their order | ${PACK_ROW_SIZE_BYTES} a row, 1 to ${grouped(PACK_ROWS_MAX)} rows |`,
    `| number of rows (u32) ‖ \`cairnpk1\` in ASCII | ${PACK_FOOTER_SIZE_BYTES} |`,
    `| depth, 0 to ${CONTENT_DEPTH_MAX} |\n| 9 | 1 | number of ids, 0 to ${CONTENT_IDS_MAX} |`,
    `until it has ${grouped(LIST_ITEMS_LEAST)} or more`,
    `after its size (u16), 1 to ${grouped(ENTRY_NAME_MAX_BYTES)}:`,
    `| number of extended attributes (u16) | 2 | at most ${grouped(ATTRIBUTES_MAX)} |`,
    `1 to ${grouped(ATTRIBUTE_NAME_MAX_BYTES)}) ‖ size of its value (u32, at most ${grouped(ATTRIBUTE_VALUE_MAX_BYTES)})`,
    `| \`host\` | text | 1 to ${SNAPSHOT_HOST_MAX} UTF-16 units |`,
    `at most ${grouped(SNAPSHOT_PATHS_MAX)} of 1 to ${grouped(SNAPSHOT_PATH_MAX)} units |`,
    `| \`tags\` | array of text | at most ${SNAPSHOT_TAGS_MAX} of 1 to ${SNAPSHOT_TAG_MAX} units |`,
    `deterministic CBOR, as those of §16.3, at most ${grouped(REPOSITORY_FILE_MAX_BYTES)} bytes:`,
    `| drop | ${grouped(DROP_MAX_BYTES)} bytes; ${DROP_PACKS_MAX} packs |`,
    cutRow('files', DATA_CUT_SIZES, '1 MiB'),
    cutRow('trees', TREE_CUT_SIZES, '128 KiB'),
    `at most ${FIELDS_DEPTH_MAX} maps and arrays in each other), with at most ${grouped(FIELDS_VALUES_MAX)} values`,
    `A node has at most ${grouped(NODE_ENTRIES_MAX)} entries and ${grouped(NODE_CHILDREN_MAX)} pointers.`,
    `| [\`write\`] | bytes(${SEALED_WRITE_SIZE_BYTES}) |`,
    `At most ${grouped(NODE_FILE_MAX_BYTES)} bytes.`,
    `${BOX_OVERHEAD_BYTES} bytes more than the content.`,
    `Defaults: k = ${ENCODING_DEFAULT.neededShares}, n = ${ENCODING_DEFAULT.totalShares},\n` +
      `matrix = ${ENCODING_DEFAULT.matrix}, layout = ${ENCODING_DEFAULT.layout}, ` +
      `segmentSize = ${grouped(ENCODING_DEFAULT.segmentSizeBytes)}.`,
  ])('prints %j', (line) => {
    expect(format).toContain(line)
  })

  test('gives the share file a head and a foot of the right sizes', () => {
    expect(SHARE_HEADER_SIZE_BYTES).toBe('cairnsh1'.length)
    expect(SHARE_FOOTER_SIZE_BYTES).toBe(4 + 4 + 'cairnend'.length)
  })
})

test.each([
  'README.md',
  'ARCHITECTURE.md',
  'CHANGELOG.md',
  'SECURITY.md',
  'crypto/FORMAT.md',
  'node/PROTOCOL.md',
  'gateway/API.md',
  'gateway/WEB-API.md',
])('%s leads only to files that exist', (path) => {
  const folder = new URL(`../${path}`, import.meta.url)
  for (const [, target] of read(path).matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
    expect(() => readFileSync(new URL(target ?? '', folder)), `${path} -> ${target}`).not.toThrow()
  }
})
