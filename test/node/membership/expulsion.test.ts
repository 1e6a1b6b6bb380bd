import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeFields, encodeFields, GridError, InvalidInputError } from '#crypto'
import { EXPULSION_MAX_BYTES } from '../../../node/limits.ts'
import { chainBytes } from '../../../node/membership/chain.ts'
import { readExpulsion, signExpulsion } from '../../../node/membership/expulsion.ts'
import { FOUNDER, founderChain, inviteChain, NOW, signer } from '../../support/members.ts'

const [ANN, BOB, CAROL] = [signer(1), signer(2), signer(3)]

async function family() {
  const ann = await founderChain(ANN)
  const bob = await inviteChain({ signer: ANN, chain: ann }, BOB, { name: 'bob', inviteDepth: 1 })
  const carol = await inviteChain({ signer: BOB, chain: bob }, CAROL, { name: 'carol' })
  return { ann, bob, carol }
}

const body = (subject: { readonly publicKey: Uint8Array }) => ({
  gridId: FOUNDER.publicKey,
  subject: subject.publicKey,
  name: 'carol',
  expelledAt: NOW,
})

describe('an expulsion', () => {
  test('holds if the founder signs it, or whoever stands above, however far', async () => {
    const { carol } = await family()
    const byFounder = await signExpulsion(FOUNDER, body(CAROL), undefined)
    expect(byFounder).toMatchObject({ name: 'carol', byName: '', expelledAt: NOW })
    const byAnn = await signExpulsion(ANN, body(CAROL), carol)
    expect(byAnn.byName).toBe('founder')
    const byBob = await signExpulsion(BOB, body(CAROL), carol)
    expect(byBob.byName).toBe('bob')
    for (const made of [byFounder, byAnn, byBob]) {
      expect(readExpulsion(made.bytes)).toEqual(made)
      expect(made.bytes.length).toBeLessThanOrEqual(EXPULSION_MAX_BYTES)
    }
  })

  test('is refused from the side, from below, from the member itself, and with the proof of another', async () => {
    const { ann, bob, carol } = await family()
    const dave = await inviteChain({ signer: ANN, chain: ann }, signer(4))
    for (const [by, subject, proof] of [
      [signer(4), CAROL, carol],
      [CAROL, BOB, bob],
      [CAROL, CAROL, carol],
      [BOB, signer(4), carol],
      [BOB, signer(4), dave],
      [ANN, CAROL, undefined],
      // The founder's is sound without one, and has one encoding.
      [FOUNDER, CAROL, carol],
    ] as const) {
      await expect(signExpulsion(by, body(subject), proof)).rejects.toThrow(InvalidInputError)
    }
  })

  test('is refused with any one bit of it changed (property)', async () => {
    const { carol } = await family()
    const { bytes } = await signExpulsion(BOB, body(CAROL), carol)
    fc.assert(
      fc.property(fc.nat({ max: bytes.length - 1 }), fc.nat({ max: 7 }), (index, bit) => {
        const changed = bytes.with(index, (bytes[index] ?? 0) ^ (1 << bit))
        expect(() => readExpulsion(changed)).toThrow(GridError)
      }),
      { numRuns: 300 },
    )
  })

  test('of one grid says nothing in another', async () => {
    const { carol } = await family()
    const other = signer(9)
    const elsewhere = { ...body(CAROL), gridId: other.publicKey }
    await expect(signExpulsion(ANN, elsewhere, carol)).rejects.toThrow(InvalidInputError)
    const { bytes } = await signExpulsion(BOB, body(CAROL), carol)
    const fields = decodeFields(bytes, 'test')
    const mixed = encodeFields({
      expulsion: fields.bytesUpTo('expulsion', 1000),
      signature: fields.bytes('signature', 64),
      chain: chainBytes(await founderChain(CAROL, other)),
    })
    expect(() => readExpulsion(mixed)).toThrow(InvalidInputError)
  })
})
