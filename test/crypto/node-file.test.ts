import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  asBoxKey,
  BOX_OVERHEAD_BYTES,
  concat,
  formatNodeFile,
  GridError,
  IntegrityError,
  InvalidInputError,
  NODE_FILE_MAX_BYTES,
  parseNodeFile,
  parseNodeFileLinks,
} from '#crypto'
import { pattern } from '../support/pattern.ts'

const key = asBoxKey(pattern(1, 32))
const halves = fc.record({
  links: fc.uint8Array({ maxLength: 100 }),
  body: fc.uint8Array({ maxLength: 100 }),
})

describe('parseNodeFile', () => {
  test('undoes formatNodeFile, and a verifier sees the links alone', () => {
    fc.assert(
      fc.property(halves, (content) => {
        const bytes = formatNodeFile(content, key)
        expect(parseNodeFile(bytes, key)).toEqual(content)
        expect(parseNodeFileLinks(bytes)).toEqual(content.links)
        expect(() => parseNodeFile(bytes, asBoxKey(pattern(2, 32)))).toThrow(IntegrityError)
      }),
    )
  })

  test('refuses every flip of version, size and body, and every other length', () => {
    const content = { links: pattern(3, 9), body: pattern(4, 9) }
    const bytes = formatNodeFile(content, key)
    for (let at = 0; at < bytes.length; at += 1) {
      expect(() => parseNodeFile(bytes.slice(0, at), key), `cut at ${at}`).toThrow(GridError)
      // What commits to the links is the root of the file.
      if (at >= 5 && at < 14) continue
      const flipped = bytes.slice()
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8))
      expect(() => parseNodeFile(flipped, key), `byte ${at}`).toThrow(GridError)
    }
    expect(() => parseNodeFile(concat(bytes, Uint8Array.of(0)), key)).toThrow(IntegrityError)
  })

  test('takes as much as a node file holds, and not a byte more', () => {
    const links = new Uint8Array(NODE_FILE_MAX_BYTES - 5 - BOX_OVERHEAD_BYTES)
    const largest = formatNodeFile({ links, body: new Uint8Array(0) }, key)
    expect(largest.length).toBe(NODE_FILE_MAX_BYTES)
    expect(parseNodeFileLinks(largest)).toHaveLength(links.length)
    expect(() => formatNodeFile({ links, body: new Uint8Array(1) }, key)).toThrow(InvalidInputError)
    expect(() => parseNodeFileLinks(new Uint8Array(NODE_FILE_MAX_BYTES + 1))).toThrow(InvalidInputError)
  })
})
