import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  asReadKey,
  blockSizeOf,
  contentToShares,
  type Encoding,
  encodedSizeBytes,
  encodeSealed,
  fileEncryptionKey,
  fileReadCapability,
  IntegrityError,
  InvalidInputError,
  LAYOUT,
  MATRIX,
  nobleBulkCrypto,
  openCodec,
  openSegment,
  readShareFile,
  sealSegment,
  segmentNonce,
  sharesToContent,
  toVerifyCapability,
  webBulkCrypto,
} from '#crypto'

const readKey = asReadKey(new Uint8Array(32).fill(9))
const bulk = webBulkCrypto(crypto.subtle)

const encodingOf = (
  neededShares: number,
  totalShares: number,
  layout: Encoding['layout'] = LAYOUT.bytes,
): Encoding => ({
  neededShares,
  totalShares,
  matrix: MATRIX.vandermonde,
  layout,
  segmentSizeBytes: 1024,
})

const contentOf = (sizeBytes: number) =>
  Uint8Array.from({ length: sizeBytes }, (_, index) => (index * 31 + (index >> 8)) & 255)

async function shared(encoding: Encoding, content: Uint8Array) {
  const parts = { bulk, codec: await openCodec(encoding) }
  return { parts, ...(await contentToShares(parts, content, { readKey, encoding })) }
}

describe('a file as shares', () => {
  test('comes back from any k of n, for sizes around the segment', async () => {
    for (const layout of Object.values(LAYOUT)) {
      for (const sizeBytes of [0, 1, 1023, 1024, 1025, 3000, 5 * 1024]) {
        const content = contentOf(sizeBytes)
        const { parts, capability, shares } = await shared(encodingOf(2, 4, layout), content)
        for (const [first, second] of [
          [0, 1],
          [0, 3],
          [1, 2],
          [2, 3],
        ]) {
          const given = shares.filter((_, shareNumber) => shareNumber === first || shareNumber === second)
          expect(await sharesToContent(parts, capability, given)).toEqual(content)
        }
      }
    }
  })

  test('comes back for any k, n and size', async () => {
    const cases = fc.record({
      k: fc.integer({ min: 1, max: 8 }),
      extra: fc.nat(6),
      sizeBytes: fc.nat(6000),
      seed: fc.nat(),
    })
    await fc.assert(
      fc.asyncProperty(cases, async ({ k, extra, sizeBytes, seed }) => {
        const content = contentOf(sizeBytes)
        const { parts, capability, shares } = await shared(encodingOf(k, k + extra, LAYOUT.bits), content)
        const rotated = shares.map((_, place) => shares[(place + seed) % shares.length] ?? new Uint8Array())
        expect(await sharesToContent(parts, capability, rotated.slice(0, k))).toEqual(content)
      }),
      { numRuns: 30 },
    )
  })

  test('with any one byte changed is refused, and never read wrong', async () => {
    const content = contentOf(1500)
    const { parts, capability, shares } = await shared(encodingOf(1, 1), content)
    const [share] = shares
    if (share === undefined) throw new Error('no share')
    const { storageIndex, root } = toVerifyCapability(capability)
    await readShareFile(bulk, { storageIndex, root }, share)
    for (let position = 0; position < share.length; position += 1) {
      const changed = share.slice()
      changed[position] = (changed[position] ?? 0) ^ 0x40
      await expect(sharesToContent(parts, capability, [changed]), `byte ${position}`).rejects.toThrow(
        InvalidInputError,
      )
    }
    for (const end of [0, 7, 16, 100, share.length - 1]) {
      await expect(sharesToContent(parts, capability, [share.subarray(0, end)])).rejects.toThrow('found 0')
    }
  })

  test('passes over bad shares while k good ones are there', async () => {
    const content = contentOf(4000)
    const { parts, capability, shares } = await shared(encodingOf(2, 5), content)
    const damaged = shares.map((share, shareNumber) => {
      const copy = share.slice()
      if (shareNumber < 3) copy[100] = (copy[100] ?? 0) ^ 1
      return copy
    })
    expect(await sharesToContent(parts, capability, damaged)).toEqual(content)
    await expect(sharesToContent(parts, capability, damaged.slice(0, 4))).rejects.toThrow(
      '2 good shares wanted, found 1',
    )
  })

  test('is refused under another read key', async () => {
    const { parts, capability, shares } = await shared(encodingOf(1, 2), contentOf(100))
    const other = fileReadCapability(asReadKey(new Uint8Array(32).fill(8)), capability.root)
    await expect(sharesToContent(parts, other, shares)).rejects.toThrow('found 0')
  })

  test('made inconsistent by its own writer reads as one content or fails, whichever shares are asked', async () => {
    // Shares 0 and 1 belong to one content, 2 and 3 to another, under one manifest that commits to all four.
    const encoding = encodingOf(2, 4)
    const { parts, capability, shares } = await shared(encoding, contentOf(1000))
    const forged = await forgeInconsistent(shares)
    const read = (...numbers: readonly number[]) =>
      sharesToContent(
        parts,
        { ...capability, root: forged.root },
        numbers.map((number) => forged.shares[number] ?? new Uint8Array()),
      )
    await expect(read(0, 1)).resolves.toEqual(contentOf(1000))
    await expect(read(2, 3)).rejects.toThrow(IntegrityError)
  })
})

/** Keep shares 0 and 1, exchange the blocks of 2 and 3, and commit to the result as a malicious writer could. */
async function forgeInconsistent(shares: readonly Uint8Array[]) {
  const {
    blockLeaf,
    buildTree,
    concat,
    formatManifest,
    formatShareFooter,
    manifestRoot,
    parseManifest,
    rootOfTree,
    SHARE_MAGIC,
  } = await import('#crypto')
  const { manifestSizeBytes } = await import('../../crypto/manifest.ts')
  const first = shares[0] ?? new Uint8Array()
  const manifestEnd = first.length - 16
  const manifest = parseManifest(first.subarray(manifestEnd - manifestSizeBytes(4), manifestEnd))
  const blockSizeBytes = blockSizeOf(manifest.encoding, 1000)
  const blocks = shares.map((share) => share.slice(8, 8 + blockSizeBytes))
  const exchanged = [blocks[0], blocks[1], blocks[3], blocks[2]].map((block) => block ?? new Uint8Array())
  const trees = await Promise.all(
    exchanged.map(async (block) => buildTree([blockLeaf(await bulk.sha256(block))])),
  )
  const bytes = formatManifest({ ...manifest, shareRoots: trees.map(rootOfTree) })
  return {
    root: manifestRoot(bytes),
    shares: exchanged.map((block, shareNumber) =>
      concat(
        SHARE_MAGIC,
        block,
        trees[shareNumber] ?? new Uint8Array(),
        manifest.sealedRoot,
        bytes,
        formatShareFooter({ manifestSizeBytes: bytes.length, shareNumber }),
      ),
    ),
  }
}

describe('a segment', () => {
  const key = fileEncryptionKey(readKey)
  const plaintext = contentOf(700)

  test('seals alike in every implementation of the seam', async () => {
    const place = { segmentIndex: 3, isLast: false }
    const sealed = await sealSegment(bulk, key, { ...place, plaintext })
    expect(await sealSegment(nobleBulkCrypto, key, { ...place, plaintext })).toEqual(sealed)
    expect(await openSegment(nobleBulkCrypto, key, { ...place, sealed })).toEqual(plaintext)
    expect(await bulk.sha256(sealed)).toEqual(nobleBulkCrypto.sha256(sealed))
  })

  test('opens only at its own place, and whole', async () => {
    const sealed = await sealSegment(bulk, key, { segmentIndex: 3, isLast: false, plaintext })
    for (const crypto of [bulk, nobleBulkCrypto]) {
      for (const wrong of [
        { segmentIndex: 4, isLast: false, sealed },
        { segmentIndex: 3, isLast: true, sealed },
        { segmentIndex: 3, isLast: false, sealed: sealed.subarray(1) },
      ]) {
        await expect(openSegment(crypto, key, wrong)).rejects.toThrow(IntegrityError)
      }
    }
  })

  test('has a nonce of its own', () => {
    expect([...segmentNonce({ segmentIndex: 258, isLast: true })]).toEqual([
      1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2,
    ])
  })

  test('refuses to be encoded into a target that is too small', async () => {
    const encoding = encodingOf(2, 3)
    const codec = await openCodec(encoding)
    const target = new Uint8Array(encodedSizeBytes(encoding, 700) - 1)
    await expect(encodeSealed({ bulk, codec, encoding }, new Uint8Array(716), target)).rejects.toThrow(
      'target',
    )
  })
})
