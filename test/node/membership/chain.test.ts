import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeFields, type FieldRecord, IntegrityError, InvalidInputError, TAGS, utf8 } from '#crypto'
import { CERTIFICATE_MAX_BYTES, CHAIN_LENGTH_MAX } from '../../../node/limits.ts'
import {
  type CertificateBody,
  readCertificate,
  type Signer,
  signCertificate,
} from '../../../node/membership/certificate.ts'
import {
  CHAIN_MAX_BYTES,
  type Chain,
  chainBytes,
  formatChain,
  grantsNoLess,
  issueChain,
  parseChain,
  readChain,
} from '../../../node/membership/chain.ts'
import { FOUNDER, founderChain, GRANT, inviteChain, NOW, NOW_SECONDS, signer } from '../../support/members.ts'

const ANN = signer(1)
const BOB = signer(2)
const EVE = signer(3)

/** Signed by whom it names, whatever it says: what a forger with keys of his own can make. */
async function certificateOf(by: Signer, changed: Partial<CertificateBody>): Promise<Uint8Array> {
  const body = { gridId: FOUNDER.publicKey, subject: BOB.publicKey, name: 'bob', serial: NOW, ...GRANT }
  return (await signCertificate(by, { ...body, ...changed })).bytes
}

/** The same with fields that no honest code would write. */
async function rawCertificate(by: Signer, fields: FieldRecord): Promise<Uint8Array> {
  const body = encodeFields({
    v: 1,
    grid: FOUNDER.publicKey,
    subject: BOB.publicKey,
    issuer: by.publicKey,
    name: 'bob',
    roles: ['client'],
    expires: NOW_SECONDS,
    invite: 0,
    serial: NOW,
    ...fields,
  })
  const tag = utf8(TAGS.certificate)
  const signature = await by.sign(Buffer.concat([Uint8Array.of(tag.length), tag, body]))
  return encodeFields({ body, signature })
}

async function annAndBob(): Promise<{ readonly ann: Chain; readonly bob: Chain }> {
  const ann = await founderChain(ANN)
  return { ann, bob: await inviteChain({ signer: ANN, chain: ann }, BOB, { name: 'bob' }) }
}

describe('a chain', () => {
  test('leads from the founder to the member, and is read as it was made', async () => {
    const { ann, bob } = await annAndBob()
    expect(ann.certificates).toHaveLength(1)
    expect(bob.certificates).toHaveLength(2)
    expect(bob.peerId).toBe(BOB.peerId)
    expect(bob.own).toMatchObject({ name: 'bob', roles: ['client', 'server'], inviteDepth: 0 })
    expect(readChain(chainBytes(bob))).toEqual(bob)
    expect(parseChain(formatChain(bob))).toEqual(bob)
  })

  test('is refused with any one byte of it changed, cut off or added', async () => {
    const { bob } = await annAndBob()
    const bytes = formatChain(bob)
    for (let index = 0; index < bytes.length; index += 1) {
      for (const bit of [1, 0x80]) {
        const changed = bytes.with(index, (bytes[index] ?? 0) ^ bit)
        expect(() => parseChain(changed), `byte ${index}`).toThrow()
      }
      expect(() => parseChain(bytes.slice(0, index))).toThrow(InvalidInputError)
    }
    expect(() => parseChain(Uint8Array.of(...bytes, 0))).toThrow(InvalidInputError)
  })

  test('is refused if any one bit of any certificate is changed, and says nothing else (property)', async () => {
    const { bob } = await annAndBob()
    const parts = chainBytes(bob)
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat({ max: 7 }), fc.nat({ max: 1 }), async (place, bit, which) => {
        const part = parts[which] ?? new Uint8Array()
        const index = place % part.length
        const changed = part.with(index, (part[index] ?? 0) ^ (1 << bit))
        const attempt = () => readChain(parts.with(which, changed))
        expect(attempt).toThrow()
        try {
          attempt()
        } catch (error) {
          expect(error instanceof InvalidInputError || error instanceof IntegrityError).toBe(true)
        }
      }),
    )
  })

  test('begins with the founder, and each link is signed by whom the one before names', async () => {
    const { ann, bob } = await annAndBob()
    const [root = new Uint8Array(), leaf = new Uint8Array()] = chainBytes(bob)
    expect(() => readChain([])).toThrow(InvalidInputError)
    expect(() => readChain([leaf])).toThrow('begins with what the founder signed')
    expect(() => readChain([leaf, root])).toThrow(IntegrityError)
    expect(() => readChain([root, leaf, leaf])).toThrow(IntegrityError)
    const others = await certificateOf(EVE, {})
    expect(() => readChain([...chainBytes(ann), others])).toThrow('signed by whom the one before names')
    // A stranger who calls himself the founder founds a grid of his own, and no more.
    const own = await certificateOf(EVE, { gridId: EVE.publicKey })
    expect(readChain([own]).own.gridId).toEqual(EVE.publicKey)
    const stray = await certificateOf(ANN, { gridId: EVE.publicKey })
    expect(() => readChain([...chainBytes(ann), stray])).toThrow('stays in one grid')
  })

  test.each([
    ['other roles', { roles: ['client', 'server', 'treasurer'] }],
    ['more time', { expiresAtSeconds: GRANT.expiresAtSeconds + 1 }],
    ['more space', { quotaBytes: 1001 }],
    ['more space', { quotaBytes: undefined }],
  ])('is refused if a child is granted %s', async (what, changed) => {
    const limited = { quotaBytes: 1000, inviteDepth: 1 }
    const ann = await inviteChain({ signer: FOUNDER, chain: await selfSigned() }, ANN, limited)
    const child = { ...GRANT, ...limited, inviteDepth: 0, ...changed }
    const bytes = await certificateOf(ANN, { ...child, subject: BOB.publicKey })
    expect(() => readChain([...chainBytes(ann), bytes])).toThrow(what)
    const cut = await inviteChain({ signer: ANN, chain: ann }, BOB, changed)
    expect(grantsNoLess(ann.own, cut.own)).toBe(true)
  })

  test('is refused if whoever signed may not invite, or not so deep', async () => {
    const ann = await founderChain(ANN)
    for (const [parentDepth, childDepth, isFine] of [
      [2, 1, true],
      [2, 2, false],
      [1, 0, true],
      [1, 1, false],
      [0, 0, false],
    ] as const) {
      const bob = await inviteChain({ signer: ANN, chain: ann }, BOB, { inviteDepth: parentDepth })
      const child = await certificateOf(BOB, { subject: EVE.publicKey, inviteDepth: childDepth })
      const attempt = () => readChain([...chainBytes(bob), child])
      if (isFine) expect(attempt().peerId).toBe(EVE.peerId)
      else expect(attempt).toThrow('may not invite')
    }
  })

  test('has a bounded length', async () => {
    let parent = { signer: ANN, chain: await founderChain(ANN) }
    for (let depth = 1; depth < CHAIN_LENGTH_MAX; depth += 1) {
      const next = signer(10 + depth)
      const chain = await inviteChain(parent, next, { inviteDepth: CHAIN_LENGTH_MAX })
      expect(chain.own.inviteDepth).toBe(CHAIN_LENGTH_MAX - 1 - depth)
      expect(formatChain(chain).length).toBeLessThanOrEqual(CHAIN_MAX_BYTES)
      parent = { signer: next, chain }
    }
    expect(parent.chain.certificates).toHaveLength(CHAIN_LENGTH_MAX)
    await expect(inviteChain(parent, signer(99))).rejects.toThrow(InvalidInputError)
    const deep = await certificateOf(FOUNDER, { inviteDepth: CHAIN_LENGTH_MAX })
    expect(() => readChain([deep])).toThrow(`at most ${CHAIN_LENGTH_MAX - 1}`)
    expect(() => readChain(Array(CHAIN_LENGTH_MAX + 1).fill(chainBytes(parent.chain)[0]))).toThrow('1 to 6')
  })

  test('that anybody signs with limits of any kind never grants more than the one above (property)', async () => {
    const grant = fc.record({
      roles: fc.subarray(['client', 'server', 'z']).map((roles) => roles.toSorted()),
      quotaBytes: fc.option(fc.nat({ max: 10 }), { nil: undefined }),
      expiresAtSeconds: fc.nat({ max: 10 }),
      lifetimeSeconds: fc.option(fc.integer({ min: 1, max: 10 }), { nil: undefined }),
      inviteDepth: fc.nat({ max: 5 }),
    })
    await fc.assert(
      fc.asyncProperty(grant, grant, async (high, low) => {
        const root = await issueChain(FOUNDER, {
          parent: undefined,
          subject: ANN.publicKey,
          name: '',
          grant: high,
          serial: NOW,
        })
        const attempt = inviteChain({ signer: ANN, chain: root }, BOB, low)
        if (high.inviteDepth === 0) {
          await expect(attempt).rejects.toThrow('may not invite')
          return
        }
        const { own } = await attempt
        expect(grantsNoLess(root.own, own)).toBe(true)
        expect(own.inviteDepth).toBeLessThan(root.own.inviteDepth)
        // As it was wished, without the cutting: sound exactly if nothing is more than above.
        const wished = await certificateOf(ANN, low)
        const sound = grantsNoLess(root.own, low) && low.inviteDepth < high.inviteDepth
        if (sound) expect(readChain([...chainBytes(root), wished]).own).toMatchObject(low)
        else expect(() => readChain([...chainBytes(root), wished])).toThrow(InvalidInputError)
      }),
      { numRuns: 60 },
    )
  })
})

/** The founder's key with a chain of its own, so that it can hand out with limits like any other. */
async function selfSigned(): Promise<Chain> {
  return await founderChain(FOUNDER)
}

describe('readCertificate', () => {
  test.each([
    ['a version that it does not know', { v: 2 }],
    ['a field that it does not know', { colour: 'red' }],
    ['roles that are not sorted', { roles: ['server', 'client'] }],
    ['a role that stands twice', { roles: ['client', 'client'] }],
    ['a role of other letters', { roles: ['Client'] }],
    ['a role without letters', { roles: [''] }],
    ['a name that hides something', { name: 'a\u202eb' }],
    ['a lifetime of nothing', { lifetime: 0 }],
    ['no serial', { serial: undefined }],
    ['a short key', { subject: new Uint8Array(31) }],
  ])('refuses %s', async (_what, fields) => {
    const bytes = await rawCertificate(FOUNDER, fields)
    expect(() => readCertificate(bytes)).toThrow(InvalidInputError)
  })

  test('takes every role that is well formed, and the longest name', async () => {
    const roles = Array.from({ length: 8 }, (_, index) => String.fromCharCode(97 + index).repeat(16))
    const bytes = await rawCertificate(FOUNDER, {
      roles,
      name: '\u6f22'.repeat(64),
      quota: Number.MAX_SAFE_INTEGER,
      lifetime: Number.MAX_SAFE_INTEGER,
    })
    expect(bytes.length).toBeLessThanOrEqual(CERTIFICATE_MAX_BYTES)
    expect(readCertificate(bytes).roles).toEqual(roles)
  })

  test('refuses more bytes than the limit before it reads them', () => {
    expect(() => readCertificate(new Uint8Array(CERTIFICATE_MAX_BYTES + 1))).toThrow('at most')
  })
})
