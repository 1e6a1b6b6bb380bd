/** What travels as JSON comes out as it went in, and nothing else comes in. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  asFileRoot,
  asReadKey,
  asSlotSeed,
  asStorageIndex,
  type ChildCapability,
  type EntryMetadata,
  fileReadCapability,
  literalCapability,
  packCapability,
  slotWriteCapability,
  toReadCapability,
  treeReadCapability,
  USER_METADATA_MAX,
  type WriteCapability,
} from '#crypto'
import type { DeepReport, DirectoryChange, Found, NamedChild } from '#node'
import {
  changeMessageOf,
  childMessage,
  childMessageOf,
  deepReportMessage,
  deepReportMessageOf,
  editBody,
  findBody,
  foundMessage,
  foundMessageOf,
} from '../../gateway/directory-messages.ts'

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })
const writeCapability: fc.Arbitrary<WriteCapability> = fc.oneof(
  hash.map((seed) => slotWriteCapability('dir', asSlotSeed(seed))),
  hash.map((seed) => slotWriteCapability('slot', asSlotSeed(seed))),
)
const capability: fc.Arbitrary<WriteCapability | ChildCapability> = fc.oneof(
  writeCapability,
  writeCapability.map(toReadCapability),
  fc.uint8Array({ maxLength: 64 }).map(literalCapability),
  fc.tuple(hash, hash).map(([key, root]) => fileReadCapability(asReadKey(key), asFileRoot(root))),
  fc.tuple(hash, hash).map(([key, root]) => treeReadCapability(asReadKey(key), asFileRoot(root))),
)
const text = fc.string({ unit: 'binary' })
const userName = fc.oneof(text, fc.constantFrom('__proto__', 'base64', 'constructor', '0', ''))
const metadata: fc.Arbitrary<EntryMetadata> = fc.record({
  sizeBytes: fc.option(fc.maxSafeNat(), { nil: undefined }),
  modifiedAtMilliseconds: fc.option(fc.maxSafeNat(), { nil: undefined }),
  user: fc.option(
    fc
      .array(
        fc.tuple(userName, fc.oneof(text, fc.maxSafeNat(), fc.boolean(), fc.uint8Array({ maxLength: 50 }))),
        { maxLength: USER_METADATA_MAX },
      )
      .map((entries) => {
        const user: Record<string, string | number | boolean | Uint8Array> = {}
        for (const [name, value] of entries) {
          Object.defineProperty(user, name, { value, enumerable: true, configurable: true })
        }
        return user
      }),
    { nil: undefined },
  ),
})
const child: fc.Arbitrary<NamedChild> = fc.record({ name: text, capability, metadata })
const ifExists = fc.constantFrom('refuse', 'replace')
const change: fc.Arbitrary<DirectoryChange> = fc.oneof(
  fc.tuple(child, ifExists).map(([one, exists]) => ({ ...one, kind: 'set' as const, ifExists: exists })),
  fc.record({
    kind: fc.constant('remove'),
    name: text,
    ifMissing: fc.constantFrom('refuse', 'ignore'),
  }),
  fc.record({ kind: fc.constant('rename'), from: text, to: text, ifExists }),
)

/** Every capability as bytes, and every record as its entries, so that equality is that of values. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return ['bytes', ...value]
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  if (isCapability(value)) return ['capability', ...packCapability(value)]
  return Object.entries(value)
    .filter(([, one]) => one !== undefined)
    .map(([name, one]) => [name, plain(one)])
    .sort(([left], [right]) => (String(left) < String(right) ? -1 : 1))
}

function isCapability(value: object): value is WriteCapability | ChildCapability {
  return 'access' in value
}

const viaJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

describe('the JSON of directories', () => {
  test('keeps children, their capabilities and their metadata exactly', () => {
    fc.assert(
      fc.property(child, (one) => {
        expect(plain(childMessage.parse(viaJson(childMessageOf(one))))).toEqual(plain(one))
      }),
    )
  })

  test('keeps changes exactly, and their order', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 8 }), (changes) => {
        const body = viaJson({ changes: changes.map(changeMessageOf) })
        expect(plain(editBody.parse(body).changes)).toEqual(plain(changes))
      }),
    )
  })

  test('keeps what was found, with and without a parent', () => {
    const found: fc.Arbitrary<Found> = fc.record({
      capability,
      metadata,
      parent: fc.option(
        hash.map((seed) => slotWriteCapability('dir', asSlotSeed(seed))),
        { nil: undefined },
      ),
      name: fc.option(text, { nil: undefined }),
      warnings: fc.array(fc.record({ kind: fc.constant('fork'), message: text })),
    })
    fc.assert(
      fc.property(found, (one) => {
        expect(plain(foundMessage.parse(viaJson(foundMessageOf(one))))).toEqual(plain(one))
      }),
    )
  })

  test('keeps deep reports', () => {
    const report: DeepReport = {
      kind: 'directory',
      storageIndex: asStorageIndex(new Uint8Array(32).fill(9)),
      foundCount: 9,
      wantedCount: 10,
      isHealthy: false,
      isRecoverable: true,
      madeCount: 1,
      failures: [{ serverId: 'server', shareNumber: undefined, code: 'TIMEOUT', message: 'late' }],
      warnings: [{ kind: 'partial', message: 'few' }],
    }
    expect(plain(deepReportMessage.parse(viaJson(deepReportMessageOf(report))))).toEqual(plain(report))
  })

  test.each([
    ['an unknown key', { changes: [], more: 1 }],
    ['an unknown key of a change', { changes: [{ kind: 'remove', name: 'a', ifMissing: 'ignore', x: 1 }] }],
    ['an unknown kind', { changes: [{ kind: 'burn', name: 'a' }] }],
    ['a change too many', { changes: Array.from({ length: 1025 }, () => 0) }],
    ['a path too long', { path: Array.from({ length: 1025 }, () => 'a') }],
    ['a name that is none', { path: ['a', 7] }],
    ['no object', []],
  ])('refuses %s', (_, body) => {
    expect(editBody.safeParse(body).success || findBody.safeParse(body).success).toBe(false)
  })

  test.each([
    ['bytes that are not canonical base64', { a: { base64: 'AB==' } }],
    ['bytes with something beside them', { a: { base64: '', b: 1 } }],
    ['a fraction', { a: 0.5 }],
    ['a negative number', { a: -1 }],
    ['a list', { a: [] }],
    ['null', { a: null }],
    ['a list of values', ['a']],
    ['too many values', Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`${index}`, 1]))],
  ])('refuses user metadata with %s', (_, user) => {
    const message = { name: 'a', capability: 'cairn:lit:aeaa', metadata: { user } }
    const issues = childMessage.safeParse(message).error?.issues.map(({ path }) => path.join('.'))
    expect(issues).toContain('metadata.user')
  })

  test('refuses a verify capability as a child, and never quotes what it refuses', () => {
    for (const capabilityTextOf of ['cairn:file:secretsecret', `cairn:file-verify:${'a'.repeat(100)}`]) {
      const refused = childMessage.safeParse({ name: 'a', capability: capabilityTextOf, metadata: {} })
      expect(refused.success).toBe(false)
      expect(JSON.stringify(refused.error)).not.toContain('secret')
    }
  })
})
