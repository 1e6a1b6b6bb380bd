/** What the documents print is what the code says. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  CAPABILITY_LENGTH_MAX,
  ENCODING_DEFAULT,
  LITERAL_SIZE_MAX_BYTES,
  MANIFEST_SIZE_MAX_BYTES,
  SEGMENT_COUNT_MAX,
  SEGMENT_SIZE_MAX_BYTES,
  SEGMENT_SIZE_MIN_BYTES,
  SHARE_FOOTER_SIZE_BYTES,
  SHARE_HEADER_SIZE_BYTES,
  TAGS,
  TOTAL_SHARES_MAX,
} from '#crypto'

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')
const format = read('crypto/FORMAT.md')
const grouped = (value: number): string => value.toLocaleString('en')

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
])('%s leads only to files that exist', (path) => {
  const folder = new URL(`../${path}`, import.meta.url)
  for (const [, target] of read(path).matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
    expect(() => readFileSync(new URL(target ?? '', folder)), `${path} -> ${target}`).not.toThrow()
  }
})
