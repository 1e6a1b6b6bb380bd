import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  asFileRoot,
  asReadKey,
  type Capability,
  concat,
  equalBytes,
  fileReadCapability,
  fileStorageIndex,
  formatCapability,
  InvalidInputError,
  literalCapability,
  parseCapability,
  requireRead,
  TAGS,
  taggedHash,
  toBase32,
  toVerifyCapability,
  utf8,
  WeakCapabilityError,
} from '#crypto'

const key = fc.uint8Array({ minLength: 32, maxLength: 32 })
const readCapabilities = fc
  .tuple(key, key)
  .map(([readKey, root]) => fileReadCapability(asReadKey(readKey), asFileRoot(root)))
const literals = fc.uint8Array({ maxLength: 64 }).map(literalCapability)
const capabilities: fc.Arbitrary<Capability> = fc.oneof(
  readCapabilities,
  readCapabilities.map(toVerifyCapability),
  literals,
)

const example = fileReadCapability(
  asReadKey(new Uint8Array(32).fill(1)),
  asFileRoot(new Uint8Array(32).fill(0xa7)),
)

describe('parseCapability', () => {
  test('undoes formatCapability', () => {
    fc.assert(
      fc.property(capabilities, (capability) => {
        const text = formatCapability(capability)
        expect(formatCapability(parseCapability(text))).toBe(text)
        expect(parseCapability(text).kind).toBe(capability.kind)
      }),
    )
  })

  test('notices every change of one character', () => {
    const text = formatCapability(example)
    const start = text.lastIndexOf(':') + 1
    for (let position = start; position < text.length; position += 1) {
      for (const letter of 'abz27') {
        if (text[position] === letter) continue
        const mistyped = text.slice(0, position) + letter + text.slice(position + 1)
        expect(() => parseCapability(mistyped), `position ${position}`).toThrow(/mistyped|version/)
      }
    }
  })

  test('notices a capability relabelled as another kind', () => {
    expect(() => parseCapability(formatCapability(example).replace(':file:', ':file-verify:'))).toThrow(
      'checksum',
    )
  })

  test.each([
    ['', 'looks like'],
    ['hello', 'looks like'],
    ['cairn:file', 'looks like'],
    ['cairn:file:abc:def', 'looks like'],
    ['CAIRN:file:abc', 'looks like'],
    ['cairn:toaster:abc', 'unknown kind'],
    ['cairn:dir-read:abc', 'mistyped'],
    ['cairn:file:', 'cut short'],
    ['cairn:file:ABC', 'mistyped'],
    ['cairn:file:a', 'mistyped'],
    [`cairn:file:${'a'.repeat(1000)}`, 'at most 160 characters'],
    [formatCapability(example).slice(0, -1), 'mistyped'],
    [formatCapability(example).slice(0, -8), 'mistyped'],
    [`${formatCapability(example)} `, 'mistyped'],
  ])('refuses %j and says why', (text, reason) => {
    expect(() => parseCapability(text)).toThrow(InvalidInputError)
    expect(() => parseCapability(text)).toThrow(reason)
  })

  test('refuses a sound checksum over a wrong version or length', () => {
    const forge = (kind: string, payload: Uint8Array) => {
      const checksum = taggedHash(TAGS.capabilityChecksum, utf8(`${kind}:`), payload).subarray(0, 4)
      return `cairn:${kind}:${toBase32(concat(payload, checksum))}`
    }
    expect(() => parseCapability(forge('file', Uint8Array.of(2, ...new Uint8Array(64))))).toThrow(
      'version 1 wanted, found 2',
    )
    expect(() => parseCapability(forge('file', Uint8Array.of(1, ...new Uint8Array(63))))).toThrow(
      'holds 64 bytes, found 63',
    )
    expect(() => parseCapability(forge('lit', Uint8Array.of(1, ...new Uint8Array(65))))).toThrow(
      'at most 64 bytes',
    )
    expect(() => parseCapability(forge('lit', new Uint8Array(0)))).toThrow('cut short')
  })

  test('never repeats the text it refuses', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 12, maxLength: 200 }), (text) => {
        try {
          parseCapability(`cairn:file:${text}`)
        } catch (error) {
          expect(String(error)).not.toContain(text)
        }
      }),
    )
  })
})

describe('attenuation', () => {
  test('a verify capability holds the storage index and the root, and not the read key', () => {
    const verify = toVerifyCapability(example)
    expect(equalBytes(verify.storageIndex, fileStorageIndex(example.readKey.reveal()))).toBe(true)
    expect(equalBytes(verify.root, example.root)).toBe(true)
    expect(toVerifyCapability(verify)).toBe(verify)
    expect(formatCapability(verify)).not.toContain(
      toBase32(example.readKey.reveal().subarray(5)).slice(0, 20),
    )
  })

  test('goes one way, and a literal has nothing to verify', () => {
    expect(() => requireRead(toVerifyCapability(example))).toThrow(WeakCapabilityError)
    expect(requireRead(example)).toBe(example)
    expect(() => toVerifyCapability(literalCapability(utf8('x')))).toThrow(WeakCapabilityError)
  })
})

test('a capability shows no secret when printed', () => {
  for (const capability of [example, literalCapability(new Uint8Array(32).fill(1))]) {
    const shown = `${inspect(capability, { depth: 9, showHidden: true })} ${JSON.stringify(capability)} ${Object.values(capability)}`
    expect(shown).toContain('[secret]')
    expect(shown).not.toMatch(/1, 1, 1|"0":1,|01 01 01/)
  }
})
