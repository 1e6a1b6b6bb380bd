import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  encodeFields,
  formatCapability,
  formatSlotValue,
  InvalidInputError,
  packCapability,
  parseDirectoryLinks,
  parseSlotValue,
  SLOT_VALUE_INLINE_MAX_BYTES,
  toVerifyCapability,
} from '#crypto'
import { fileCapabilities } from '../support/arbitraries.ts'

describe('parseSlotValue', () => {
  test('undoes formatSlotValue for bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => {
        const content = formatSlotValue({ kind: 'inline', bytes })
        expect(parseSlotValue(content)).toEqual({ kind: 'inline', bytes })
        expect(parseDirectoryLinks(content.links)).toEqual({ nodes: [], children: [] })
      }),
    )
  })

  test('undoes formatSlotValue for files, and a verifier finds the file', () => {
    fc.assert(
      fc.property(fileCapabilities, (file) => {
        const content = formatSlotValue({ kind: 'file', file })
        const value = parseSlotValue(content)
        if (value.kind !== 'file') throw new Error('a file is expected')
        expect(formatCapability(value.file)).toBe(formatCapability(file))
        const [child] = parseDirectoryLinks(content.links).children
        expect(child && formatCapability(child)).toBe(formatCapability(toVerifyCapability(file)))
      }),
    )
  })

  test('takes longer inline values than this code writes', () => {
    const value = new Uint8Array(SLOT_VALUE_INLINE_MAX_BYTES + 1)
    expect(() => formatSlotValue({ kind: 'inline', bytes: value })).toThrow(InvalidInputError)
    const content = { links: new Uint8Array(0), body: encodeFields({ value }) }
    expect(parseSlotValue(content)).toEqual({ kind: 'inline', bytes: value })
  })

  test('refuses files that only verify', () => {
    fc.assert(
      fc.property(fileCapabilities, (file) => {
        const body = encodeFields({ file: packCapability(toVerifyCapability(file)) })
        expect(() => parseSlotValue({ links: new Uint8Array(0), body })).toThrow(InvalidInputError)
      }),
      { numRuns: 5 },
    )
  })
})
