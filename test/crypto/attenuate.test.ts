import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  asReadKey,
  asSlotSeed,
  type Capability,
  carrierOfTree,
  fileStorageIndex,
  formatCapability,
  InvalidInputError,
  literalCapability,
  packCapability,
  parseCapability,
  requireFileVerify,
  requireRead,
  slotKeys,
  slotWriteCapability,
  toBase32,
  toReadCapability,
  toVerifyCapability,
  unpackCapability,
  WeakCapabilityError,
} from '#crypto'
import { capabilities, verifyCapabilities, writeCapabilities } from '../support/arbitraries.ts'
import { hex } from '../support/pattern.ts'

const isOf = (access: Capability['access']) => (one: Capability) =>
  one.access === access && one.kind !== 'lit'

describe('capabilities of every kind', () => {
  test('have one text and one packed form', () => {
    fc.assert(
      fc.property(capabilities, (capability) => {
        const text = formatCapability(capability)
        expect(parseCapability(text)).toEqual(capability)
        expect(formatCapability(parseCapability(text))).toBe(text)
        const packed = packCapability(capability)
        expect(formatCapability(unpackCapability(packed))).toBe(text)
      }),
    )
  })

  test('are refused when packed with a byte more or less, unless they are literals', () => {
    fc.assert(
      fc.property(
        capabilities.filter(({ kind }) => kind !== 'lit'),
        (capability) => {
          const packed = packCapability(capability)
          expect(() => unpackCapability(packed.subarray(0, -1))).toThrow(InvalidInputError)
          expect(() => unpackCapability(Uint8Array.of(...packed, 0))).toThrow(InvalidInputError)
        },
      ),
    )
  })

  test('show no secret when they are printed or refused', () => {
    fc.assert(
      fc.property(capabilities, (capability) => {
        const text = formatCapability(capability)
        const secret = text.split(':')[2] ?? ''
        for (const mistyped of [
          `${text}a`,
          text.slice(0, -1),
          text.replace('cairn:', 'cairn:x'),
          ` ${text}`,
        ]) {
          let message = ''
          try {
            parseCapability(mistyped)
          } catch (error) {
            message = inspect(error, { depth: 5 })
          }
          expect(message).not.toBe('')
          expect(message).not.toContain(secret.slice(2, 12))
        }
        if (capability.kind === 'file-verify') return
        expect(inspect(capability, { depth: 5 })).toContain('[secret]')
      }),
      { numRuns: 30 },
    )
  })
})

describe('attenuation', () => {
  test('leads from writing to reading to verifying, and stays on the same thing', () => {
    fc.assert(
      fc.property(writeCapabilities, (write) => {
        const read = toReadCapability(write)
        const verify = toVerifyCapability(read)
        expect([read.kind, verify.kind]).toEqual([`${write.kind}-read`, `${write.kind}-verify`])
        expect(formatCapability(toVerifyCapability(write))).toBe(formatCapability(verify))
        if (!('publicKey' in read) || !('publicKey' in verify)) throw new Error('both name the slot')
        expect(hex(verify.publicKey)).toBe(hex(read.publicKey))
      }),
      { numRuns: 20 },
    )
  })

  test('changes nothing the second time', () => {
    fc.assert(
      fc.property(capabilities.filter(isOf('read')), (read) => {
        expect(toReadCapability(read)).toBe(read)
        const verify = toVerifyCapability(read)
        expect(toVerifyCapability(verify)).toBe(verify)
        expect(toVerifyCapability(read)).toBe(verify)
      }),
    )
  })

  test('leaves none of what it takes away in what is left', () => {
    const holds = (whole: Capability, part: Uint8Array) => hex(packCapability(whole)).includes(hex(part))
    fc.assert(
      fc.property(writeCapabilities, (write) => {
        const read = toReadCapability(write)
        if (!('readKey' in read)) throw new Error('a slot is read with a key')
        const verify = toVerifyCapability(read)
        expect(holds(read, write.seed.reveal())).toBe(false)
        expect(holds(read, slotKeys(write.seed.reveal()).signingSeed.reveal())).toBe(false)
        expect(holds(verify, read.readKey.reveal())).toBe(false)
      }),
      { numRuns: 20 },
    )
  })

  test('never goes up', () => {
    fc.assert(
      fc.property(verifyCapabilities, (verify) => {
        expect(() => toReadCapability(verify)).toThrow(WeakCapabilityError)
        expect(() => requireRead(verify)).toThrow(WeakCapabilityError)
      }),
    )
    expect(() => toVerifyCapability(literalCapability(new Uint8Array(3)))).toThrow(WeakCapabilityError)
  })

  test('says what a capability is good for without printing it', () => {
    fc.assert(
      fc.property(
        capabilities.filter(({ kind }) => kind !== 'lit' && kind !== 'file' && kind !== 'file-verify'),
        (capability) => {
          const secret = formatCapability(capability).split(':')[2] ?? ''
          for (const work of [requireRead, requireFileVerify]) {
            let message = ''
            try {
              work(capability)
            } catch (error) {
              expect(error).toBeInstanceOf(WeakCapabilityError)
              message = String(error)
            }
            expect(message).toContain(capability.kind)
            expect(message).not.toContain(secret.slice(2, 12))
          }
        },
      ),
      { numRuns: 50 },
    )
  })

  test('keeps a slot and a directory of one seed apart by kind alone', () => {
    const seed = asSlotSeed(new Uint8Array(32).fill(9))
    const slot = toReadCapability(slotWriteCapability('slot', seed))
    const directory = toReadCapability(slotWriteCapability('dir', seed))
    expect(packCapability(slot).subarray(1)).toEqual(packCapability(directory).subarray(1))
    expect(formatCapability(slot)).not.toBe(formatCapability(directory))
  })
})

test('whoever verifies a tree reads its carrier, and whoever reads it finds the same file', () => {
  fc.assert(
    fc.property(capabilities, (capability) => {
      if (capability.kind !== 'tree') return
      const verify = toVerifyCapability(capability)
      if (verify.kind !== 'tree-verify') throw new Error('a tree is verified as a tree')
      const carrier = carrierOfTree(capability)
      expect(formatCapability(carrierOfTree(verify))).toBe(formatCapability(carrier))
      // A tree's own read key is that of no file, so that reading names needs more than reading the carrier.
      const asFile = fileStorageIndex(asReadKey(capability.readKey.reveal()))
      expect(toBase32(fileStorageIndex(carrier.readKey.reveal()))).not.toBe(toBase32(asFile))
    }),
  )
})
