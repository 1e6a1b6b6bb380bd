/** Capabilities and directories of any shape, for properties and fuzzing. */
import fc from 'fast-check'
import {
  asFileRoot,
  asPublicKey,
  asReadKey,
  asSlotSeed,
  asStorageIndex,
  asVerifyKey,
  type Capability,
  type ChildCapability,
  compareNames,
  type DirectoryNode,
  type EntryMetadata,
  fileReadCapability,
  fileVerifyCapability,
  literalCapability,
  type NodeEntry,
  SEALED_WRITE_SIZE_BYTES,
  Secret,
  slotReadCapability,
  slotVerifyCapability,
  slotWriteCapability,
  treeReadCapability,
  treeVerifyCapability,
  type UserMetadata,
  utf8,
  type VerifyCapability,
  type WriteCapability,
} from '#crypto'

export const keys32 = fc.uint8Array({ minLength: 32, maxLength: 32 })
const pairs = fc.tuple(keys32, keys32)

export const writeCapabilities: fc.Arbitrary<WriteCapability> = fc
  .tuple(fc.constantFrom('slot' as const, 'dir' as const), keys32)
  .map(([kind, seed]) =>
    kind === 'slot'
      ? slotWriteCapability('slot', asSlotSeed(seed))
      : slotWriteCapability('dir', asSlotSeed(seed)),
  )

export const fileCapabilities = pairs.map(([key, root]) =>
  fileReadCapability(asReadKey(key), asFileRoot(root)),
)

export const childCapabilities: fc.Arbitrary<ChildCapability> = fc.oneof(
  fc.uint8Array({ maxLength: 64 }).map(literalCapability),
  fileCapabilities,
  pairs.map(([key, publicKey]) => slotReadCapability('slot-read', slotPair(key, publicKey))),
  pairs.map(([key, publicKey]) => slotReadCapability('dir-read', slotPair(key, publicKey))),
  pairs.map(([key, root]) => treeReadCapability(asReadKey(key), asFileRoot(root))),
)

export const verifyCapabilities: fc.Arbitrary<VerifyCapability> = fc.oneof(
  pairs.map(([index, root]) => fileVerifyCapability(asStorageIndex(index), asFileRoot(root))),
  pairs.map(([publicKey, key]) => slotVerifyCapability('slot-verify', verifyPair(publicKey, key))),
  pairs.map(([publicKey, key]) => slotVerifyCapability('dir-verify', verifyPair(publicKey, key))),
  pairs.map(([key, root]) => treeVerifyCapability(asVerifyKey(key), asFileRoot(root))),
)

export const capabilities: fc.Arbitrary<Capability> = fc.oneof(
  writeCapabilities,
  childCapabilities,
  verifyCapabilities,
)

function slotPair(readKey: Uint8Array, publicKey: Uint8Array) {
  return { readKey: new Secret(asReadKey(readKey)), publicKey: asPublicKey(publicKey) }
}

function verifyPair(publicKey: Uint8Array, verifyKey: Uint8Array) {
  return { publicKey: asPublicKey(publicKey), verifyKey: asVerifyKey(verifyKey) }
}

/** Names of properties that every object has, marks that decoders drop, and characters around the surrogates. */
const awkward = [
  '__proto__',
  'constructor',
  'toString',
  '\u{feff}',
  '\u{feff}a',
  '\u{ffff}',
  '\u{10000}',
  '\u{e000}',
  '...',
]

/** NFC or not: a reader takes both. */
export const names: fc.Arbitrary<string> = fc
  .oneof(
    fc.constantFrom(...awkward),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
    fc.string({ minLength: 1, maxLength: 255 }),
  )
  .filter((name) => !/[/\0]/.test(name) && name !== '.' && name !== '..' && utf8(name).length <= 255)

const userValues = fc.oneof(
  fc.maxSafeNat(),
  fc.boolean(),
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.uint8Array({ maxLength: 30 }),
)

const userMetadata: fc.Arbitrary<UserMetadata> = fc
  .array(
    fc.tuple(fc.oneof(fc.constantFrom(...awkward), fc.string({ unit: 'binary', maxLength: 10 })), userValues),
    {
      maxLength: 6,
    },
  )
  .map((fields) => Object.fromEntries(fields))

const metadata: fc.Arbitrary<EntryMetadata> = fc.record(
  { sizeBytes: fc.maxSafeNat(), modifiedAtMilliseconds: fc.maxSafeNat(), user: userMetadata },
  { requiredKeys: [] },
)

const boxes = fc.uint8Array({ minLength: SEALED_WRITE_SIZE_BYTES, maxLength: SEALED_WRITE_SIZE_BYTES })

const children = fc
  .tuple(childCapabilities, boxes, fc.boolean(), metadata)
  .map(([capability, box, hasWrite, known]) => {
    const isWritable = capability.kind === 'slot-read' || capability.kind === 'dir-read'
    return { capability, sealedWrite: isWritable && hasWrite ? box : undefined, metadata: known }
  })

/** Sound nodes, leaves and others. */
export const directoryNodes: fc.Arbitrary<DirectoryNode> = fc
  .record({
    entries: fc.uniqueArray(fc.tuple(names, fc.option(children, { nil: undefined })), {
      selector: ([name]) => name,
      maxLength: 12,
    }),
    starts: fc.uniqueArray(names, { maxLength: 4 }),
    files: fc.array(fileCapabilities, { minLength: 5, maxLength: 5 }),
  })
  .map(({ entries, starts, files }) => {
    const sorted = ['', ...starts.sort(compareNames)].slice(starts.length === 0 ? 1 : 0)
    const nodes = sorted.flatMap((start, place) => {
      const file = files[place]
      return file === undefined ? [] : [{ start, file }]
    })
    const present: NodeEntry[] = entries
      .map(([name, child]) => ({ name, child }))
      .filter(({ child }) => child !== undefined || nodes.length > 0)
    return { entries: present.sort((left, right) => compareNames(left.name, right.name)), nodes }
  })
