/**
 * Capabilities: the strings that grant (FORMAT §4).
 *
 *     cairn:<kind>:<base32 of version ‖ body ‖ checksum>
 *
 * A parsed capability is a union on `kind`, so code that must read cannot be handed one that only verifies. What is
 * left when a right is taken away is in attenuate.ts.
 */
import { concat } from './bytes.ts'
import { formatCapabilityText, parseCapabilityText } from './capability-text.ts'
import { InvalidInputError } from './errors.ts'
import {
  asFileRoot,
  asPublicKey,
  asReadKey,
  asSlotSeed,
  asStorageIndex,
  asVerifyKey,
  type FileRoot,
  HASH_SIZE_BYTES,
  type PublicKey,
  type ReadKey,
  type SlotSeed,
  type StorageIndex,
  type VerifyKey,
} from './hash.ts'
import { Secret } from './secret.ts'

export const LITERAL_SIZE_MAX_BYTES = 64

/** The content itself; read without a network. */
export interface LiteralCapability {
  readonly kind: 'lit'
  readonly access: 'read'
  /** At most 64 bytes. */
  readonly content: Secret<Uint8Array>
}

/** Grants reading an immutable file. */
export interface FileReadCapability {
  readonly kind: 'file'
  readonly access: 'read'
  readonly readKey: Secret<ReadKey>
  readonly root: FileRoot
}

/** Grants checking, verifying and repairing an immutable file, and not reading it. */
export interface FileVerifyCapability {
  readonly kind: 'file-verify'
  readonly access: 'verify'
  readonly storageIndex: StorageIndex
  readonly root: FileRoot
}

/** Grants writing a slot, or a directory in one, and whatever its read capability grants. */
export interface SlotWriteCapability<Kind extends 'slot' | 'dir' = 'slot'> {
  readonly kind: Kind
  readonly access: 'write'
  readonly seed: Secret<SlotSeed>
}

/** Grants reading a slot, or a directory and all below it. */
export interface SlotReadCapability<Kind extends 'slot-read' | 'dir-read' = 'slot-read'> {
  readonly kind: Kind
  readonly access: 'read'
  readonly readKey: Secret<ReadKey>
  readonly publicKey: PublicKey
}

/** Grants checking and repairing a slot or directory and what it points to, seeing neither names nor content. */
export interface SlotVerifyCapability<Kind extends 'slot-verify' | 'dir-verify' = 'slot-verify'> {
  readonly kind: Kind
  readonly access: 'verify'
  readonly publicKey: PublicKey
  readonly verifyKey: Secret<VerifyKey>
}

export type DirectoryWriteCapability = SlotWriteCapability<'dir'>
export type DirectoryReadCapability = SlotReadCapability<'dir-read'>
export type DirectoryVerifyCapability = SlotVerifyCapability<'dir-verify'>

/** Grants reading an immutable directory and all below it. */
export interface TreeReadCapability {
  readonly kind: 'tree'
  readonly access: 'read'
  readonly readKey: Secret<ReadKey>
  readonly root: FileRoot
}

/** Grants checking and repairing an immutable directory and all below it, seeing neither names nor content. */
export interface TreeVerifyCapability {
  readonly kind: 'tree-verify'
  readonly access: 'verify'
  readonly verifyKey: Secret<VerifyKey>
  readonly root: FileRoot
}

/** Grants reading one file. */
export type ReadCapability = LiteralCapability | FileReadCapability
export type WriteCapability = SlotWriteCapability | DirectoryWriteCapability
/** What a directory holds of a child: never more than reading. */
export type ChildCapability =
  | ReadCapability
  | SlotReadCapability
  | DirectoryReadCapability
  | TreeReadCapability
export type VerifyCapability =
  | FileVerifyCapability
  | SlotVerifyCapability
  | DirectoryVerifyCapability
  | TreeVerifyCapability
export type Capability = WriteCapability | ChildCapability | VerifyCapability
export type CapabilityKind = Capability['kind']

interface KindRules {
  /** First byte of a packed capability. */
  readonly id: number
  readonly bodySizeBytes: number
}

const ONE_HASH = HASH_SIZE_BYTES
const TWO_HASHES = 2 * HASH_SIZE_BYTES

/** Ids are never used again for another kind. A literal's body has up to LITERAL_SIZE_MAX_BYTES. */
const KINDS = Object.freeze({
  lit: { id: 0, bodySizeBytes: LITERAL_SIZE_MAX_BYTES },
  file: { id: 1, bodySizeBytes: TWO_HASHES },
  'file-verify': { id: 2, bodySizeBytes: TWO_HASHES },
  slot: { id: 3, bodySizeBytes: ONE_HASH },
  'slot-read': { id: 4, bodySizeBytes: TWO_HASHES },
  'slot-verify': { id: 5, bodySizeBytes: TWO_HASHES },
  dir: { id: 6, bodySizeBytes: ONE_HASH },
  'dir-read': { id: 7, bodySizeBytes: TWO_HASHES },
  'dir-verify': { id: 8, bodySizeBytes: TWO_HASHES },
  tree: { id: 9, bodySizeBytes: TWO_HASHES },
  'tree-verify': { id: 10, bodySizeBytes: TWO_HASHES },
} as const satisfies Record<CapabilityKind, KindRules>)

/** A directory unpacks one for each child, so this is no search. */
const KINDS_BY_ID: readonly CapabilityKind[] = Object.keys(KINDS)
  .filter(isKind)
  .sort((left, right) => KINDS[left].id - KINDS[right].id)

/** @throws InvalidInputError if the content is longer than 64 bytes. */
export function literalCapability(content: Uint8Array): LiteralCapability {
  if (content.length > LITERAL_SIZE_MAX_BYTES) {
    throw new InvalidInputError(
      `a literal holds at most ${LITERAL_SIZE_MAX_BYTES} bytes, found ${content.length}`,
    )
  }
  return Object.freeze({ kind: 'lit', access: 'read', content: new Secret(new Uint8Array(content)) })
}

export function fileReadCapability(readKey: ReadKey, root: FileRoot): FileReadCapability {
  return Object.freeze({ kind: 'file', access: 'read', readKey: new Secret(readKey), root })
}

export function fileVerifyCapability(storageIndex: StorageIndex, root: FileRoot): FileVerifyCapability {
  return Object.freeze({ kind: 'file-verify', access: 'verify', storageIndex, root })
}

export function slotWriteCapability<Kind extends 'slot' | 'dir'>(
  kind: Kind,
  seed: SlotSeed,
): SlotWriteCapability<Kind> {
  return Object.freeze({ kind, access: 'write', seed: new Secret(seed) })
}

export function slotReadCapability<Kind extends 'slot-read' | 'dir-read'>(
  kind: Kind,
  keys: { readonly readKey: Secret<ReadKey>; readonly publicKey: PublicKey },
): SlotReadCapability<Kind> {
  return Object.freeze({ kind, access: 'read', readKey: keys.readKey, publicKey: keys.publicKey })
}

export function slotVerifyCapability<Kind extends 'slot-verify' | 'dir-verify'>(
  kind: Kind,
  keys: { readonly publicKey: PublicKey; readonly verifyKey: VerifyKey },
): SlotVerifyCapability<Kind> {
  const { publicKey, verifyKey } = keys
  return Object.freeze({ kind, access: 'verify', publicKey, verifyKey: new Secret(verifyKey) })
}

export function treeReadCapability(readKey: ReadKey, root: FileRoot): TreeReadCapability {
  return Object.freeze({ kind: 'tree', access: 'read', readKey: new Secret(readKey), root })
}

export function treeVerifyCapability(verifyKey: VerifyKey, root: FileRoot): TreeVerifyCapability {
  return Object.freeze({ kind: 'tree-verify', access: 'verify', verifyKey: new Secret(verifyKey), root })
}

/** The capability as text. It is a secret wherever the capability is one. */
export function formatCapability(capability: Capability): string {
  return formatCapabilityText(capability.kind, bodyOf(capability))
}

/**
 * Read a capability. The message of a failure never holds any of the text.
 *
 * @throws InvalidInputError saying what is wrong: not a capability, unknown kind, mistyped, wrong length or version
 */
export function parseCapability(text: string): Capability {
  const { kind, body } = parseCapabilityText(text, requireKind)
  return capabilityOf(kind, body)
}

function requireKind(kind: string): CapabilityKind {
  if (isKind(kind)) return kind
  throw new InvalidInputError(
    kind === 'drop'
      ? 'this is the capability of a drop-box: it adds backups to a repository and grants nothing else'
      : `unknown kind of capability: one of ${Object.keys(KINDS).join(', ')} wanted`,
  )
}

/** u8 id of the kind ‖ body: how formats hold a capability. */
export function packCapability(capability: Capability): Uint8Array {
  return concat(Uint8Array.of(KINDS[capability.kind].id), bodyOf(capability))
}

/** @throws InvalidInputError */
export function unpackCapability(bytes: Uint8Array): Capability {
  const kind = bytes[0] === undefined ? undefined : KINDS_BY_ID[bytes[0]]
  if (kind === undefined)
    throw new InvalidInputError('a packed capability begins with the id of a known kind')
  return capabilityOf(kind, bytes.subarray(1))
}

function isKind(kind: string): kind is CapabilityKind {
  return Object.hasOwn(KINDS, kind)
}

function capabilityOf(kind: CapabilityKind, body: Uint8Array): Capability {
  if (kind === 'lit') return literalCapability(body)
  const { bodySizeBytes } = KINDS[kind]
  if (body.length !== bodySizeBytes) {
    throw new InvalidInputError(`a ${kind} capability holds ${bodySizeBytes} bytes, found ${body.length}`)
  }
  // Copies, also of a Buffer, whose own slice would be a view.
  const first = new Uint8Array(body.subarray(0, HASH_SIZE_BYTES))
  const second = new Uint8Array(body.subarray(HASH_SIZE_BYTES))
  switch (kind) {
    case 'file':
      return fileReadCapability(asReadKey(first), asFileRoot(second))
    case 'file-verify':
      return fileVerifyCapability(asStorageIndex(first), asFileRoot(second))
    case 'slot':
    case 'dir':
      return slotWriteCapability(kind, asSlotSeed(first))
    case 'slot-read':
    case 'dir-read':
      return slotReadCapability(kind, {
        readKey: new Secret(asReadKey(first)),
        publicKey: asPublicKey(second),
      })
    case 'slot-verify':
    case 'dir-verify':
      return slotVerifyCapability(kind, { publicKey: asPublicKey(first), verifyKey: asVerifyKey(second) })
    case 'tree':
      return treeReadCapability(asReadKey(first), asFileRoot(second))
    case 'tree-verify':
      return treeVerifyCapability(asVerifyKey(first), asFileRoot(second))
  }
}

function bodyOf(capability: Capability): Uint8Array {
  switch (capability.kind) {
    case 'lit':
      return capability.content.reveal()
    case 'file':
    case 'tree':
      return concat(capability.readKey.reveal(), capability.root)
    case 'file-verify':
      return concat(capability.storageIndex, capability.root)
    case 'slot':
    case 'dir':
      return capability.seed.reveal()
    case 'slot-read':
    case 'dir-read':
      return concat(capability.readKey.reveal(), capability.publicKey)
    case 'slot-verify':
    case 'dir-verify':
      return concat(capability.publicKey, capability.verifyKey.reveal())
    case 'tree-verify':
      return concat(capability.verifyKey.reveal(), capability.root)
  }
}
