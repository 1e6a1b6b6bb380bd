/**
 * Capabilities: the strings that grant (FORMAT §4).
 *
 *     cairn:<kind>:<base32 of version ‖ body ‖ checksum>
 *
 * Attenuation is arithmetic and goes one way, read -> verify. A parsed capability is a union on `kind`, so code that
 * must read cannot be handed one that only verifies.
 */
import { concat, equalBytes, fromBase32, toBase32, utf8 } from './bytes.ts'
import { InvalidInputError, WeakCapabilityError } from './errors.ts'
import {
  asFileRoot,
  asReadKey,
  asStorageIndex,
  type FileRoot,
  HASH_SIZE_BYTES,
  type ReadKey,
  type StorageIndex,
  taggedHash,
} from './hash.ts'
import { fileStorageIndex } from './keys.ts'
import { Secret } from './secret.ts'
import { TAGS } from './tags.ts'

export const CAPABILITY_VERSION = 1
export const LITERAL_SIZE_MAX_BYTES = 64
const CHECKSUM_SIZE_BYTES = 4
/** The longest capability is a full literal: 6 + 4 + 111 characters. Longer text is refused before it is read. */
export const CAPABILITY_LENGTH_MAX = 160

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

export type Capability = LiteralCapability | FileReadCapability | FileVerifyCapability
export type ReadCapability = LiteralCapability | FileReadCapability

/** Kinds that FORMAT §4 reserves and this version does not read. */
const RESERVED_KINDS: ReadonlySet<string> = new Set([
  'slot',
  'slot-read',
  'slot-verify',
  'dir',
  'dir-read',
  'dir-verify',
  'tree',
  'tree-verify',
])

/** @throws InvalidInputError if the content is longer than 64 bytes. */
export function literalCapability(content: Uint8Array): LiteralCapability {
  if (content.length > LITERAL_SIZE_MAX_BYTES) {
    throw new InvalidInputError(
      `a literal holds at most ${LITERAL_SIZE_MAX_BYTES} bytes, found ${content.length}`,
    )
  }
  return Object.freeze({ kind: 'lit', access: 'read', content: new Secret(content.slice()) })
}

export function fileReadCapability(readKey: ReadKey, root: FileRoot): FileReadCapability {
  return Object.freeze({ kind: 'file', access: 'read', readKey: new Secret(readKey), root })
}

export function fileVerifyCapability(storageIndex: StorageIndex, root: FileRoot): FileVerifyCapability {
  return Object.freeze({ kind: 'file-verify', access: 'verify', storageIndex, root })
}

/**
 * What is left when the right to read is taken away.
 *
 * @throws WeakCapabilityError for a literal: it is its own content, so nothing on the grid can be verified.
 */
export function toVerifyCapability(capability: Capability): FileVerifyCapability {
  switch (capability.kind) {
    case 'file':
      return fileVerifyCapability(fileStorageIndex(capability.readKey.reveal()), capability.root)
    case 'file-verify':
      return capability
    case 'lit':
      throw new WeakCapabilityError(
        'a literal capability holds its content itself: there is nothing on the grid to verify',
      )
  }
}

/** @throws WeakCapabilityError if the capability only verifies. */
export function requireRead(capability: Capability): ReadCapability {
  if (capability.kind === 'file-verify') {
    throw new WeakCapabilityError(
      'a read capability (cairn:file:… or cairn:lit:…) is wanted, found a verify capability: ' +
        'it checks and repairs, and does not read',
    )
  }
  return capability
}

/** The capability as text. It is a secret wherever the capability is one. */
export function formatCapability(capability: Capability): string {
  const payload = concat(Uint8Array.of(CAPABILITY_VERSION), bodyOf(capability))
  return `cairn:${capability.kind}:${toBase32(concat(payload, checksum(capability.kind, payload)))}`
}

/**
 * Read a capability. The message of a failure never holds any of the text.
 *
 * @throws InvalidInputError saying what is wrong: not a capability, unknown kind, mistyped, wrong length or version
 */
export function parseCapability(text: string): Capability {
  if (text.length > CAPABILITY_LENGTH_MAX) {
    throw new InvalidInputError(
      `a capability has at most ${CAPABILITY_LENGTH_MAX} characters, found ${text.length}`,
    )
  }
  const [scheme, kind, encoded, ...rest] = text.split(':')
  if (scheme !== 'cairn' || kind === undefined || encoded === undefined || rest.length > 0) {
    throw new InvalidInputError(
      'a capability looks like cairn:<kind>:<letters and digits>; this text does not',
    )
  }
  if (RESERVED_KINDS.has(kind)) {
    throw new InvalidInputError(`capabilities of kind ${kind} are reserved and not read by this version`)
  }
  if (kind !== 'lit' && kind !== 'file' && kind !== 'file-verify') {
    throw new InvalidInputError('unknown kind of capability: lit, file or file-verify wanted')
  }
  const bytes = decodeBody(encoded)
  const payload = bytes.subarray(0, -CHECKSUM_SIZE_BYTES)
  if (!equalBytes(bytes.subarray(-CHECKSUM_SIZE_BYTES), checksum(kind, payload))) {
    throw new InvalidInputError('the capability is mistyped or cut short: its checksum does not fit')
  }
  if (payload[0] !== CAPABILITY_VERSION) {
    throw new InvalidInputError(`capability version ${CAPABILITY_VERSION} wanted, found ${payload[0]}`)
  }
  return capabilityOf(kind, payload.subarray(1))
}

function decodeBody(encoded: string): Uint8Array {
  let bytes: Uint8Array
  try {
    bytes = fromBase32(encoded)
  } catch (cause) {
    throw new InvalidInputError('the capability is mistyped or cut short: it is not base32', {}, { cause })
  }
  if (bytes.length < 1 + CHECKSUM_SIZE_BYTES) throw new InvalidInputError('the capability is cut short')
  return bytes
}

function capabilityOf(kind: Capability['kind'], body: Uint8Array): Capability {
  if (kind === 'lit') return literalCapability(body)
  if (body.length !== 2 * HASH_SIZE_BYTES) {
    throw new InvalidInputError(
      `a ${kind} capability holds ${2 * HASH_SIZE_BYTES} bytes, found ${body.length}`,
    )
  }
  const first = body.slice(0, HASH_SIZE_BYTES)
  const root = asFileRoot(body.slice(HASH_SIZE_BYTES))
  return kind === 'file'
    ? fileReadCapability(asReadKey(first), root)
    : fileVerifyCapability(asStorageIndex(first), root)
}

function bodyOf(capability: Capability): Uint8Array {
  switch (capability.kind) {
    case 'lit':
      return capability.content.reveal()
    case 'file':
      return concat(capability.readKey.reveal(), capability.root)
    case 'file-verify':
      return concat(capability.storageIndex, capability.root)
  }
}

function checksum(kind: string, payload: Uint8Array): Uint8Array {
  return taggedHash(TAGS.capabilityChecksum, utf8(`${kind}:`), payload).subarray(0, CHECKSUM_SIZE_BYTES)
}
