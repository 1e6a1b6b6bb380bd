import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  asDropPrivateKey,
  asDropPublicKey,
  asSlotSeed,
  DROP_MAX_BYTES,
  DROP_PACKS_MAX,
  dropCapability,
  dropPublicKey,
  formatCapability,
  formatDropCapability,
  GridError,
  InvalidInputError,
  nextDropSeed,
  openDrop,
  packCapability,
  parseCapability,
  parseDropCapability,
  sealDrop,
  slotKeys,
  slotWriteCapability,
} from '#crypto'
import { fileCapabilities, keys32 } from '../../support/arbitraries.ts'
import { dropContents } from '../../support/backup-arbitraries.ts'
import { pattern } from '../../support/pattern.ts'

const ownerPrivate = asDropPrivateKey(pattern(1, 32))
const ownerKey = dropPublicKey(ownerPrivate)
const seed = asSlotSeed(pattern(2, 32))
const slotKey = slotKeys(seed).publicKey
const onceKey = asDropPrivateKey(pattern(3, 32))

describe('the capability of a drop-box', () => {
  test('is read as it was written', () => {
    fc.assert(
      fc.property(keys32, keys32, (first, owner) => {
        const text = formatDropCapability(dropCapability(asSlotSeed(first), asDropPublicKey(owner)))
        const read = parseDropCapability(text)
        expect(text.startsWith('cairn:drop:')).toBe(true)
        expect(read.seed.reveal()).toEqual(first)
        expect(read.ownerKey).toEqual(owner)
      }),
    )
  })

  test('is told from other capabilities, and those from it', () => {
    const text = formatDropCapability(dropCapability(seed, ownerKey))
    expect(() => parseCapability(text)).toThrow(/drop-box/)
    expect(() => parseDropCapability(formatCapability(slotWriteCapability('slot', seed)))).toThrow(
      /cairn:drop:/,
    )
    for (let at = 11; at < text.length; at += 1) {
      const letter = text[at] === 'a' ? 'b' : 'a'
      const mistyped = text.slice(0, at) + letter + text.slice(at + 1)
      expect(() => parseDropCapability(mistyped)).toThrow(InvalidInputError)
    }
  })
})

describe('a drop', () => {
  test('opens for its owner, in its slot', () => {
    fc.assert(
      fc.property(dropContents, (content) => {
        const value = sealDrop(content, { slotKey, ownerKey }, onceKey)
        const opened = openDrop(value, slotKey, ownerPrivate)
        expect(opened.packs.map(packCapability)).toEqual(content.packs.map(packCapability))
        expect(opened.index && packCapability(opened.index)).toEqual(
          content.index && packCapability(content.index),
        )
        expect(opened.snapshot && packCapability(opened.snapshot)).toEqual(
          content.snapshot && packCapability(content.snapshot),
        )
        const nextKey = slotKeys(nextDropSeed(seed)).publicKey
        expect(() => openDrop(value, nextKey, ownerPrivate)).toThrow(GridError)
        expect(() => openDrop(value, slotKey, onceKey)).toThrow(GridError)
      }),
      { numRuns: 20 },
    )
  })

  test('of as many packs as there may be fits into its slot', () => {
    const [file] = fc.sample(fileCapabilities, { numRuns: 1, seed: 1 })
    if (file === undefined) throw new Error('a file is expected')
    const packs = Array.from({ length: DROP_PACKS_MAX }, () => file)
    const value = sealDrop({ packs, index: file, snapshot: file }, { slotKey, ownerKey }, onceKey)
    expect(value.length).toBeLessThanOrEqual(DROP_MAX_BYTES)
    expect(() => sealDrop({ packs: [...packs, file], index: file }, { slotKey, ownerKey }, onceKey)).toThrow(
      InvalidInputError,
    )
  })

  test('refuses every flip, every other length, and keys that are none', () => {
    const [content] = fc.sample(dropContents, { numRuns: 1, seed: 2 })
    if (content === undefined) throw new Error('a drop is expected')
    const value = sealDrop(content, { slotKey, ownerKey }, onceKey)
    for (let at = 0; at < value.length; at += 1) {
      const flipped = value.map((byte, place) => (place === at ? byte ^ (1 << (at % 8)) : byte))
      expect(() => openDrop(flipped, slotKey, ownerPrivate), `byte ${at}`).toThrow(GridError)
    }
    for (let end = 0; end < value.length; end += 7) {
      expect(() => openDrop(value.subarray(0, end), slotKey, ownerPrivate)).toThrow(GridError)
    }
    const none = asDropPublicKey(new Uint8Array(32))
    expect(() => sealDrop(content, { slotKey, ownerKey: none }, onceKey)).toThrow(InvalidInputError)
  })
})
