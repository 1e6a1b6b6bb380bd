/** What is left of a capability when a right is taken away: write -> read -> verify (FORMAT §4). Nothing goes up. */
import {
  type Capability,
  type CapabilityKind,
  type ChildCapability,
  type DirectoryReadCapability,
  type FileReadCapability,
  type FileVerifyCapability,
  fileReadCapability,
  fileVerifyCapability,
  type ReadCapability,
  type SlotReadCapability,
  slotReadCapability,
  slotVerifyCapability,
  type TreeReadCapability,
  treeVerifyCapability,
  type VerifyCapability,
} from './capability.ts'
import { WeakCapabilityError } from './errors.ts'
import { asReadKey } from './hash.ts'
import { fileStorageIndex, slotKeys, verifyKeyOf } from './keys.ts'

/** A capability on something that the grid holds. */
type OnGrid<Kinds extends Capability> = Exclude<Kinds, { readonly kind: 'lit' }>

/** Without the right to write. @throws WeakCapabilityError if it does not even read */
export function toReadCapability(capability: Capability): ChildCapability {
  switch (capability.kind) {
    case 'slot':
      return slotReadCapability('slot-read', slotKeys(capability.seed.reveal()))
    case 'dir':
      return slotReadCapability('dir-read', slotKeys(capability.seed.reveal()))
    case 'lit':
    case 'file':
    case 'slot-read':
    case 'dir-read':
    case 'tree':
      return capability
    case 'file-verify':
    case 'slot-verify':
    case 'dir-verify':
    case 'tree-verify':
      throw tooWeak('a read capability', capability.kind)
  }
}

/**
 * Without the right to read.
 *
 * @throws WeakCapabilityError for a literal: it is its own content, so nothing on the grid can be verified.
 */
export function toVerifyCapability(
  capability: FileReadCapability | FileVerifyCapability,
): FileVerifyCapability
export function toVerifyCapability(capability: Capability): VerifyCapability
export function toVerifyCapability(capability: Capability): VerifyCapability {
  switch (capability.kind) {
    case 'lit':
      throw new WeakCapabilityError(
        'a literal capability holds its content itself: there is nothing on the grid to verify',
      )
    case 'slot':
    case 'dir':
      return verifyFormOf(slotReadForm(capability))
    case 'file':
    case 'slot-read':
    case 'dir-read':
    case 'tree':
      return rememberedVerifyForm(capability)
    case 'file-verify':
    case 'slot-verify':
    case 'dir-verify':
    case 'tree-verify':
      return capability
  }
}

/** A derivation costs some 10 us, and whoever writes a node of a directory again needs those of all its children. */
const verifyForms = new WeakMap<Capability, VerifyCapability>()

function rememberedVerifyForm(capability: Parameters<typeof verifyFormOf>[0]): VerifyCapability {
  const known = verifyForms.get(capability)
  if (known !== undefined) return known
  const verify = verifyFormOf(capability)
  verifyForms.set(capability, verify)
  return verify
}

/** @throws WeakCapabilityError unless it reads a file: a directory has no content of its own */
export function requireRead(capability: Capability): ReadCapability {
  if (capability.kind === 'lit' || capability.kind === 'file') return capability
  throw tooWeak('a read capability of a file (cairn:file:… or cairn:lit:…)', capability.kind)
}

/** @throws WeakCapabilityError unless it is of a single immutable file */
export function requireFileVerify(capability: Capability): FileVerifyCapability {
  const weakened = toVerifyCapability(capability)
  if (weakened.kind === 'file-verify') return weakened
  throw tooWeak('a capability of a single file', capability.kind)
}

/** The file that carries a tree: whoever verifies the tree may read it, and finds its body sealed. */
export function carrierOfTree(tree: TreeReadCapability | Extract<VerifyCapability, { kind: 'tree-verify' }>) {
  const verifyKey = tree.kind === 'tree' ? verifyKeyOf(tree.readKey.reveal()) : tree.verifyKey.reveal()
  return fileReadCapability(asReadKey(verifyKey), tree.root)
}

function slotReadForm(capability: Extract<Capability, { access: 'write' }>) {
  const keys = slotKeys(capability.seed.reveal())
  return capability.kind === 'dir'
    ? slotReadCapability('dir-read', keys)
    : slotReadCapability('slot-read', keys)
}

function verifyFormOf(
  capability: OnGrid<ReadCapability> | SlotReadCapability | DirectoryReadCapability | TreeReadCapability,
): VerifyCapability {
  const readKey = capability.readKey.reveal()
  switch (capability.kind) {
    case 'file':
      return fileVerifyCapability(fileStorageIndex(readKey), capability.root)
    case 'tree':
      return treeVerifyCapability(verifyKeyOf(readKey), capability.root)
    case 'slot-read':
      return slotVerifyCapability('slot-verify', {
        publicKey: capability.publicKey,
        verifyKey: verifyKeyOf(readKey),
      })
    case 'dir-read':
      return slotVerifyCapability('dir-verify', {
        publicKey: capability.publicKey,
        verifyKey: verifyKeyOf(readKey),
      })
  }
}

function tooWeak(wanted: string, found: CapabilityKind): WeakCapabilityError {
  return new WeakCapabilityError(`${wanted} is wanted, found one of kind ${found}${GRANTS[found]}`)
}

/** What each kind is good for, at the end of a refusal. */
const GRANTS = {
  lit: '',
  file: ': it reads one file',
  'file-verify': ': a verify capability checks and repairs, and does not read',
  slot: ': it writes a slot',
  'slot-read': ': it reads a slot',
  'slot-verify': ': a verify capability checks and repairs, and does not read',
  dir: ': it is of a directory',
  'dir-read': ': it is of a directory',
  'dir-verify': ': a verify capability checks and repairs, and does not read',
  tree: ': it is of a directory',
  'tree-verify': ': a verify capability checks and repairs, and does not read',
} as const satisfies Record<CapabilityKind, string>
