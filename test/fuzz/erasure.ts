/**
 * Random (k, n, length, losses) against the erasure code: `npm run fuzz:erasure -- --cases 1000000 --seed 1`.
 *
 * Each case cuts and encodes a random run of bytes, loses blocks, makes a random choice of them again and compares.
 * One case in 128 is also held against the plain twin and the npm package. A failure prints its seed:
 * `-- --seed <it> --cases 1` replays it.
 */
import { parseArgs } from 'node:util'
import { bitKernels } from '../../crypto/erasure/bit-kernel.ts'
import { byteKernelOf } from '../../crypto/erasure/byte-kernel.ts'
import { BLOCK_UNIT_BYTES, type ErasureCodec, LAYOUT, MATRIX } from '../../crypto/erasure/code.ts'
import { createCodec, type KernelFactory } from '../../crypto/erasure/codec.ts'
import { BlockMemory } from '../../crypto/erasure/memory.ts'
import { RecentMap } from '../../crypto/recent-map.ts'
import type { NpmOracle } from '../crypto/erasure/npm-oracle.ts'
import { openNpmOracle } from '../crypto/erasure/open-npm-oracle.ts'
import {
  concatBlocks,
  emptyBlocks,
  plainlyEncoded,
  randomSource,
  randomSubset,
  symbolsOf,
} from '../crypto/erasure/support.ts'

const CASES_DEFAULT = 1_000_000
const PAYLOAD_MAX_BYTES = 6000
const CODECS_MAX = 256

const memory = new BlockMemory(4 * 1024 * 1024)
const cold = Number.POSITIVE_INFINITY
const KERNELS: readonly {
  readonly layout: 1 | 2
  readonly name: string
  readonly kernelOf: KernelFactory
}[] = [
  { layout: LAYOUT.bytes, name: 'bytes', kernelOf: byteKernelOf },
  {
    layout: LAYOUT.bits,
    name: 'v128 cold',
    kernelOf: bitKernels({ memory, lane: 'v128', hotAfterBytes: cold }),
  },
  {
    layout: LAYOUT.bits,
    name: 'i64 cold',
    kernelOf: bitKernels({ memory, lane: 'i64', hotAfterBytes: cold }),
  },
  {
    layout: LAYOUT.bits,
    name: 'v128 hot',
    kernelOf: bitKernels({ memory, lane: 'v128', hotAfterBytes: 0 }),
  },
  {
    layout: LAYOUT.bits,
    name: 'i64 hot',
    kernelOf: bitKernels({ memory, lane: 'i64', hotAfterBytes: 0 }),
  },
]
const codecs = new RecentMap<string, ErasureCodec>(CODECS_MAX)

function main(oracle: NpmOracle): void {
  const { values } = parseArgs({ options: { cases: { type: 'string' }, seed: { type: 'string' } } })
  const cases = Number(values.cases ?? CASES_DEFAULT)
  const firstSeed = Number(values.seed ?? 1)
  const started = performance.now()
  for (let done = 0; done < cases; done++) {
    const seed = firstSeed + done
    try {
      runCase(seed, oracle)
    } catch (error) {
      console.error(`case failed; replay with: npm run fuzz:erasure -- --cases 1 --seed ${seed}`)
      throw error
    }
    if ((done + 1) % 50_000 === 0) console.error(`${done + 1} of ${cases} cases`)
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(0)
  console.log(`${cases} cases from seed ${firstSeed}: all blocks came back (${seconds} s)`)
}

function runCase(seed: number, oracle: NpmOracle): void {
  const random = randomSource(Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995)
  for (let warm = 0; warm < 4; warm++) random()
  const chance = () => random() / 2 ** 32
  // Skewed to small n, where cases are cheap; all of 1 .. 255 occur.
  const n = Math.min(255, Math.floor(256 ** (chance() ** 1.5)))
  const k = 1 + (random() % n)
  // Compiling takes a thousand times as long as a case: one in 500, and always with a kernel of few blocks.
  const hot = n <= 40 && random() % 500 === 0
  const kernel = KERNELS[chance() < 0.2 ? 0 : 1 + (random() % 2) + (hot ? 2 : 0)]
  if (kernel === undefined) throw new Error('a kernel wanted')
  const codec = codecFor(k, n, kernel)
  const unit = BLOCK_UNIT_BYTES[kernel.layout]
  const payloadBytes = random() % (PAYLOAD_MAX_BYTES + 1)
  const sizeBytes = Math.ceil(Math.ceil(payloadBytes / k) / unit) * unit
  const lease = chance() < 0.5 ? memory.lease(n, sizeBytes) : undefined
  const all = lease?.blocks ?? emptyBlocks(n, sizeBytes)
  try {
    fill(all.slice(0, k), random, payloadBytes)
    codec.encode(all.slice(0, k), all.slice(k))
    if (seed % 128 === 0) compareWithTwins(codec, all, oracle)
    loseAndRecover(codec, all, random)
  } finally {
    lease?.release()
  }
}

function loseAndRecover(codec: ErasureCodec, all: readonly Uint8Array[], random: () => number): void {
  const { neededShares: k, totalShares: n } = codec.parameters
  const lost = randomSubset(random, n, random() % (n - k + 1))
  const wanted = lost.filter(() => random() % 4 !== 0)
  const present = all.map((block, number) => (lost.includes(number) ? undefined : block))
  const out = emptyBlocks(wanted.length, all[0]?.length ?? 0)
  codec.reconstruct(present, wanted, out)
  for (const [index, block] of out.entries()) requireEqual(block, all[wanted[index] ?? -1])
}

function compareWithTwins(codec: ErasureCodec, all: readonly Uint8Array[], oracle: NpmOracle): void {
  const { neededShares: k, totalShares: n, layout } = codec.parameters
  const plain = plainlyEncoded(codec.parameters, all.slice(0, k))
  for (const [number, block] of plain.entries()) requireEqual(all[number], block)
  const sizeBytes = all[0]?.length ?? 0
  if (n === k || sizeBytes === 0) return
  const symbols = layout === LAYOUT.bits ? all.map(symbolsOf) : all
  const theirs = concatBlocks([...symbols.slice(0, k), ...emptyBlocks(n - k, sizeBytes)])
  oracle.encode(theirs, k, n)
  requireEqual(concatBlocks(symbols), theirs)
}

function codecFor(k: number, n: number, kernel: (typeof KERNELS)[number]): ErasureCodec {
  const key = `${k} of ${n}, ${kernel.name}`
  const parameters = { neededShares: k, totalShares: n, matrix: MATRIX.vandermonde, layout: kernel.layout }
  const codec = codecs.get(key) ?? createCodec(parameters, kernel.kernelOf)
  codecs.set(key, codec)
  return codec
}

/** Random bytes, and zeroes after the payload, as a segment is padded. */
function fill(blocks: readonly Uint8Array[], random: () => number, payloadBytes: number): void {
  let left = payloadBytes
  for (const block of blocks) {
    const used = Math.min(left, block.length)
    for (let index = 0; index < used; index++) block[index] = random()
    block.fill(0, used)
    left -= used
  }
}

function requireEqual(found: Uint8Array | undefined, wanted: Uint8Array | undefined): void {
  if (found === undefined || wanted === undefined || Buffer.compare(found, wanted) !== 0) {
    throw new Error('a block came back wrong')
  }
}

main(await openNpmOracle())
