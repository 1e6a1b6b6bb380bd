import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { asEncryptionKey, ENCODING_DEFAULT, localSegmentCoder, targetSizeBytes } from '#crypto'
import { nativeBulkCrypto } from '../../../node/platform/bulk-crypto.ts'
import { openSegmentWorkers } from '../../../node/platform/segment-workers.ts'

test('threads code segments as this one does, many at once', async () => {
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
      const target = () => new Uint8Array(targetSizeBytes(job))
      expect(await workers.code(job, target())).toEqual(await local.code(job, target()))
    }),
  )
  expect(workers.workerCount).toBe(2)
  await workers.close()
})
