/** A worker that makes parity and nothing else, for the comparison in segment-workers.ts. */
import { parentPort } from 'node:worker_threads'
import { type Encoding, openCodec } from '#crypto'

parentPort?.on('message', async (message: { encoding: Encoding; target: Uint8Array<ArrayBuffer> }) => {
  const { encoding, target } = message
  const size = target.length / encoding.totalShares
  const blocks = Array.from({ length: encoding.totalShares }, (_, index) =>
    target.subarray(index * size, (index + 1) * size),
  )
  const codec = await openCodec(encoding)
  codec.encode(blocks.slice(0, encoding.neededShares), blocks.slice(encoding.neededShares))
  parentPort?.postMessage(target, [target.buffer])
})
