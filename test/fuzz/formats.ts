/**
 * `npm run fuzz`: random, mutated and truncated bytes into every parser of FORMAT.md. Each must answer with a value
 * that is written back as the same bytes, or with an error of ours; nothing else, and soon.
 *
 *     npm run fuzz -- --runs 200000 --seed 7
 */
import { parseArgs } from 'node:util'
import fc from 'fast-check'
import {
  asReadKey,
  asSlotSeed,
  bodyKey,
  contentToShares,
  ENCODING_DEFAULT,
  encodeFields,
  equalBytes,
  formatCapability,
  formatDirectoryNode,
  formatManifest,
  formatNodeFile,
  formatShareFooter,
  formatSlotValue,
  fromBase32,
  GridError,
  makeSlotRecord,
  NO_RECORD,
  nobleBulkCrypto,
  openCodec,
  packCapability,
  parseCapability,
  parseDirectoryLinks,
  parseDirectoryNode,
  parseManifest,
  parseNodeFile,
  parseNodeFileLinks,
  parseShareFooter,
  parseSlotRecord,
  parseSlotValue,
  readShareFile,
  requireRecordOf,
  slotKeys,
  toBase32,
  toVerifyCapability,
  unpackCapability,
} from '#crypto'
import { verifySignature } from '../../node/platform/signature.ts'
import { capabilities, directoryNodes } from '../support/arbitraries.ts'
import { backupTargets } from './backup-targets.ts'
import { type FuzzTarget, must, mutations, text } from './target.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20000' },
    seed: { type: 'string', default: String(process.pid) },
  },
})
const numRuns = Number(values.runs)
const seed = Number(values.seed)

const encoding = { ...ENCODING_DEFAULT, neededShares: 2, totalShares: 3, segmentSizeBytes: 1024 }
const { capability, shares } = await contentToShares(
  { bulk: nobleBulkCrypto, codec: await openCodec(encoding) },
  Uint8Array.from({ length: 1500 }, (_, index) => index & 255),
  { readKey: asReadKey(new Uint8Array(32).fill(1)), encoding },
)
const [share] = shares
if (share === undefined) throw new Error('a share is expected')
const file = toVerifyCapability(capability)
const manifest = share.subarray(share.length - 16 - (81 + 32 * 3), share.length - 16)
const footer = share.subarray(share.length - 16)

const keys = slotKeys(asSlotSeed(new Uint8Array(32).fill(2)))
const value = formatSlotValue({ kind: 'file', file: capability })
const { bytes: record } = makeSlotRecord(keys, { sequence: 1, previous: NO_RECORD }, value)
const sealing = bodyKey(keys.readKey.reveal())
const nodeContents = directoryNodes.map(formatDirectoryNode)

function smallValue(): Uint8Array {
  return formatSlotValue({ kind: 'inline', bytes: Uint8Array.of(1, 2, 3) }).body
}

function linksOf(count: number): Uint8Array {
  return encodeFields({ children: [], nodes: Array.from({ length: count }, () => new Uint8Array(64)) })
}

/** Undefined for what is refused. */
function attempt<Value>(work: () => Value): Value | undefined {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof GridError)) throw error
    return undefined
  }
}

const targets: Readonly<Record<string, FuzzTarget>> = {
  ...backupTargets,
  base32: {
    inputs: fc.uint8Array({ maxLength: 60 }),
    parse: (bytes) => must(toBase32(fromBase32(text(bytes))) === text(bytes), 'base32 has one text'),
  },
  capability: {
    inputs: fc.oneof(fc.uint8Array({ maxLength: 200 }), mutations(Buffer.from(formatCapability(capability)))),
    parse: (bytes) =>
      must(formatCapability(parseCapability(text(bytes))) === text(bytes), 'one text a capability'),
  },
  manifest: {
    inputs: fc.oneof(fc.uint8Array({ maxLength: 400 }), mutations(manifest)),
    parse: (bytes) =>
      must(equalBytes(formatManifest(parseManifest(bytes)), bytes), 'one byte string a manifest'),
  },
  'share footer': {
    inputs: fc.oneof(fc.uint8Array({ maxLength: 20 }), mutations(footer)),
    parse: (bytes) =>
      must(equalBytes(formatShareFooter(parseShareFooter(bytes)), bytes), 'one byte string a footer'),
  },
  'share file': {
    inputs: mutations(share),
    parse: async (bytes) => {
      await readShareFile(nobleBulkCrypto, file, bytes)
      must(equalBytes(bytes, share), 'no other bytes pass for the share')
    },
  },
  'packed capability': {
    inputs: fc.oneof(fc.uint8Array({ maxLength: 70 }), capabilities.map(packCapability).chain(mutations)),
    parse: (bytes) =>
      must(equalBytes(packCapability(unpackCapability(bytes)), bytes), 'one packed form a capability'),
  },
  'slot record': {
    inputs: fc.oneof(fc.uint8Array({ maxLength: 400 }), mutations(record)),
    parse: (bytes) => must(equalBytes(parseSlotRecord(bytes).bytes, bytes), 'a record keeps its bytes'),
  },
  'signed slot record': {
    inputs: mutations(record),
    parse: (bytes) => {
      requireRecordOf(keys.publicKey, bytes, { verifySignature })
      must(equalBytes(bytes, record), 'no other bytes pass for the record')
    },
  },
  'slot value': {
    inputs: fc.oneof(fc.uint8Array({ maxLength: 100 }), mutations(value.body), mutations(smallValue())),
    parse: (body) => {
      const again = formatSlotValue(parseSlotValue({ links: value.links, body }))
      must(equalBytes(again.body, body), 'one form a value')
    },
  },
  'directory links': {
    inputs: fc.oneof(
      fc.uint8Array({ maxLength: 100 }),
      nodeContents.chain(({ links }) => mutations(links)),
    ),
    parse: (bytes) => {
      const { children, nodes } = parseDirectoryLinks(bytes)
      const again = encodeFields({
        children: children.map(packCapability),
        nodes: nodes.map((node) => packCapability(node).subarray(1)),
      })
      must(equalBytes(again, bytes), 'one form of links')
    },
  },
  'directory node': {
    inputs: nodeContents.chain(({ body }) => mutations(body)),
    parse: (body) => {
      // Links of as many nodes as most bodies have starts.
      for (const count of [0, 2]) {
        const links = linksOf(count)
        const again = attempt(() => formatDirectoryNode(parseDirectoryNode({ links, body })))
        must(again === undefined || equalBytes(again.body, body), 'one form a node')
      }
      parseDirectoryNode({ links: linksOf(0), body })
    },
  },
  'node file': {
    inputs: fc.oneof(
      fc.uint8Array({ maxLength: 100 }),
      nodeContents.chain((content) => mutations(formatNodeFile(content, sealing))),
    ),
    parse: (bytes) => {
      parseNodeFileLinks(bytes)
      must(equalBytes(formatNodeFile(parseNodeFile(bytes, sealing), sealing), bytes), 'one form a node file')
    },
  },
}

let passed = 0
for (const [name, { inputs, parse }] of Object.entries(targets)) {
  // What multiplies on a curve or hashes a file is slow.
  const isSlow = name === 'share file' || name === 'drop'
  const runs = isSlow ? Math.ceil(numRuns / 10) : numRuns
  let refused = 0
  await fc.assert(
    fc.asyncProperty(inputs, async (bytes) => {
      try {
        await parse(bytes)
      } catch (error) {
        if (!(error instanceof GridError)) throw error
        refused += 1
      }
    }),
    { numRuns: runs, seed },
  )
  passed += 1
  console.log(`${name}: ${runs} inputs, ${refused} refused, ${runs - refused} sound (seed ${seed})`)
}
console.log(`${passed} passed, 0 failed`)
