import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { asEncryptionKey, ENCODING_DEFAULT, localSegmentCoder, newTarget, targetSizeBytes } from '#crypto'
import { nativeBulkCrypto } from '../../../node/platform/bulk-crypto.ts'
import { openSegmentWorkers } from '../../../node/platform/segment-workers.ts'

test.each([
  ['transferred', (sizeBytes: number): Uint8Array => new Uint8Array(sizeBytes)],
  ['shared', newTarget],
])('threads code segments as this one does, many at once, in %s memory', async (_, makeTarget) => {
  const local = localSegmentCoder(nativeBulkCrypto)
  const workers = openSegmentWorkers(2)
  const key = asEncryptionKey(new Uint8Array(32).fill(9))
  await Promise.all(
    Array.from({ length: 12 }, async (_, segmentIndex) => {
      const content = new Uint8Array(randomBytes(100_000 + 7 * segmentIndex))
      const job = {
        encoding: ENCODING_DEFAULT,
        content,
        seal: { key, segmentIndex, isLast: segmentIndex === 11 },
      }
      const target = makeTarget(targetSizeBytes(job))
      const coded = await workers.code(job, target)
      expect(coded).toEqual(await local.code(job, makeTarget(targetSizeBytes(job))))
      // Shared memory stays where it was; what was transferred is gone from here.
      expect(target.length > 0).toBe(makeTarget === newTarget)
    }),
  )
  expect(workers.workerCount).toBe(2)
  await workers.close()
})
