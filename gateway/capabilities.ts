/** Which capabilities each method of the contract takes; what it refuses is never worth less than it says. */
import {
  type Capability,
  type DirectoryWriteCapability,
  type ReadCapability,
  type SlotReadCapability,
  type SlotWriteCapability,
  toVerifyCapability,
  WeakCapabilityError,
} from '#crypto'
import { type DirectoryCapability, isDirectory } from '#node'
import type { SlotUpkeepCapability } from './directories.ts'

/** Leads to bytes: a file, or a slot that holds a value. */
export type ContentCapability = ReadCapability | SlotReadCapability | SlotWriteCapability

/** @throws WeakCapabilityError unless it leads to bytes */
export function requireContent(capability: Capability): ContentCapability {
  switch (capability.kind) {
    case 'lit':
    case 'file':
    case 'slot':
    case 'slot-read':
      return capability
    default:
      throw notThat('a capability that reads a file or slot (cairn:file, lit, slot or slot-read)', capability)
  }
}

/** @throws WeakCapabilityError unless it lists a directory */
export function requireDirectory(capability: Capability): DirectoryCapability {
  if (isDirectory(capability)) return capability
  throw notThat('a capability that reads a directory (cairn:dir, dir-read or tree)', capability)
}

/** @throws WeakCapabilityError unless it changes a directory */
export function requireDirectoryWrite(capability: Capability): DirectoryWriteCapability {
  if (capability.kind === 'dir') return capability
  throw notThat('a capability that writes a directory (cairn:dir)', capability)
}

/** @throws WeakCapabilityError unless it writes a slot that is no directory */
export function requireSlotWrite(capability: Capability): SlotWriteCapability {
  if (capability.kind === 'slot') return capability
  throw notThat('a capability that writes a slot (cairn:slot)', capability)
}

/** What is left of it for upkeep. @throws WeakCapabilityError unless it is of a slot or of a directory in one */
export function requireSlotUpkeep(capability: Capability): SlotUpkeepCapability {
  const weakened = toVerifyCapability(capability)
  if (weakened.kind === 'slot-verify' || weakened.kind === 'dir-verify') return weakened
  throw notThat('a capability of a slot or of a directory that can change', capability)
}

function notThat(wanted: string, { kind }: Capability): WeakCapabilityError {
  return new WeakCapabilityError(`${wanted} is wanted, found one of kind ${kind}`)
}
