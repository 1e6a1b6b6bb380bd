/** The measured work of one thread, in Node and in a page alike. */
import { bitKernels } from '../../../crypto/erasure/bit-kernel.ts'
import { LAYOUT, MATRIX } from '../../../crypto/erasure/code.ts'
import { createCodec } from '../../../crypto/erasure/codec.ts'
import { BlockMemory } from '../../../crypto/erasure/memory.ts'
import { hasSimd } from '../../../crypto/erasure/wasm.ts'
import { oracleFrom } from '../../crypto/erasure/npm-oracle.ts'
import { type Case, type Implementation, lostCount } from './cases.ts'

/** Room for 96 blocks of 1 MiB, so that the largest case is coded in place. */
const POOL_SIZE_BYTES = 104 * 1024 * 1024
const WARM_UP_MS = 250

export type Measured = Exclude<Implementation, 'isal'>

/** One request to a bench thread, and its answer. */
export type Request =
  | { readonly kind: 'prepare'; readonly case: Case; readonly npmBytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'measure'; readonly implementation: Measured; readonly milliseconds: number }
export type Answer = { readonly mbPerSecond: number }

/** @returns a function that serves requests in turn; each `measure` is of the case prepared last */
export function createBench(): (request: Request) => Promise<Answer> {
  const memory = new BlockMemory(POOL_SIZE_BYTES)
  let release = () => {}
  let works: Readonly<Record<Measured, () => void>> | undefined
  let current: Case | undefined
  return async (request) => {
    if (request.kind === 'prepare') {
      release()
      works = undefined
      current = request.case
      const prepared = await prepare(request.case, memory, request.npmBytes)
      ;({ works, release } = prepared)
      for (const work of Object.values(works)) speedOf(work, 1, WARM_UP_MS)
      return { mbPerSecond: 0 }
    }
    if (works === undefined || current === undefined) throw new Error('measure comes after prepare')
    const inputBytes = current.k * current.blockSizeBytes
    return { mbPerSecond: speedOf(works[request.implementation], inputBytes, request.milliseconds) }
  }
}

/** Repeats the work for at least so long, at least once. @returns millions of bytes in a second */
function speedOf(work: () => void, bytes: number, milliseconds: number): number {
  const start = performance.now()
  let calls = 0
  let elapsed = 0
  let batch = 1
  do {
    for (let call = 0; call < batch; call++) work()
    calls += batch
    elapsed = performance.now() - start
    if (elapsed < milliseconds / 10) batch *= 2
  } while (elapsed < milliseconds)
  return (calls * bytes) / elapsed / 1000
}

async function prepare(test: Case, memory: BlockMemory, npmBytes: Uint8Array<ArrayBuffer>) {
  const lease = memory.lease(test.n, test.blockSizeBytes)
  if (lease === undefined) throw new Error('the bench memory is too small')
  const inPlace = lease.blocks
  for (const block of inPlace.slice(0, test.k)) fill(block)
  const outside = inPlace.map((block) => block.slice())
  const kernelOf = bitKernels({ memory, lane: hasSimd() ? 'v128' : 'i64', hotAfterBytes: 0 })
  const works = {
    cairn: cairnWork(test, kernelOf, inPlace),
    copied: cairnWork(test, kernelOf, outside),
    npm: await npmWork(test, npmBytes),
    copy: copyWork(test),
  }
  return { works, release: () => lease.release() }
}

function cairnWork(
  test: Case,
  kernelOf: ReturnType<typeof bitKernels>,
  blocks: readonly Uint8Array[],
): () => void {
  const { k, n } = test
  const parameters = { neededShares: k, totalShares: n, matrix: MATRIX.vandermonde, layout: LAYOUT.bits }
  const codec = createCodec(parameters, kernelOf)
  const data = blocks.slice(0, k)
  const parity = blocks.slice(k)
  if (test.operation === 'encode') return () => codec.encode(data, parity)
  codec.encode(data, parity)
  const lost = Array.from({ length: lostCount(test) }, (_, number) => number)
  const out = blocks.slice(0, lost.length)
  const present = blocks.map((block, number) => (number < lost.length ? undefined : block))
  return () => codec.reconstruct(present, lost, out)
}

async function npmWork(test: Case, npmBytes: Uint8Array<ArrayBuffer>): Promise<() => void> {
  const npm = await oracleFrom(npmBytes)
  const blocks = new Uint8Array(test.n * test.blockSizeBytes)
  fill(blocks.subarray(0, test.k * test.blockSizeBytes))
  if (test.operation === 'encode') return () => npm.encode(blocks, test.k, test.n)
  npm.encode(blocks, test.k, test.n)
  const available = Array.from({ length: test.n }, (_, number) => number >= lostCount(test))
  return () => npm.reconstruct(blocks, test.k, available)
}

/** A plain copy of the k blocks, the least that anything that touches them can take. */
function copyWork(test: Case): () => void {
  const from = new Uint8Array(test.k * test.blockSizeBytes)
  const to = new Uint8Array(from.length)
  fill(from)
  return () => to.set(from)
}

function fill(bytes: Uint8Array): void {
  for (let index = 0, state = 1; index < bytes.length; index++) {
    state = Math.imul(state, 1_664_525) + 1_013_904_223
    bytes[index] = state >>> 24
  }
}
