/** The directories that a walk is in: links may lead back up, and a walk would have no end. */
import {
  type Capability,
  type DirectoryWriteCapability,
  formatCapability,
  InvalidInputError,
  type ReadCapability,
  type SlotReadCapability,
  type SlotWriteCapability,
  toVerifyCapability,
  WeakCapabilityError,
} from '#crypto'
import { type DirectoryCapability, isDirectory } from '#node'
import { PATH_DEPTH_MAX } from '../grid-path.ts'

export class DirectoryStack {
  readonly #identities: readonly string[]

  constructor(identities: readonly string[] = []) {
    this.#identities = identities
  }

  /** @throws InvalidInputError if the walk is in it already, or too deep */
  enter(directory: DirectoryCapability, label: string): DirectoryStack {
    const identity = identityOf(directory)
    if (this.#identities.includes(identity)) {
      throw new InvalidInputError(`${label} is a directory that it lies in itself`)
    }
    if (this.#identities.length >= PATH_DEPTH_MAX) throw new InvalidInputError(`${label} lies too deep`)
    return new DirectoryStack([...this.#identities, identity])
  }
}

/** The same for all that write, read or verify one thing. */
export function identityOf(capability: Exclude<Capability, { kind: 'lit' }>): string {
  return formatCapability(toVerifyCapability(capability))
}

/** @throws InvalidInputError if it is of a file */
export function requireDirectory(capability: Capability, label = 'what is named'): DirectoryCapability {
  if (isDirectory(capability)) return capability
  throw new InvalidInputError(`${label} is no directory`)
}

/** @throws InvalidInputError if it is of a file; WeakCapabilityError if it may only be read */
export function requireWritable(capability: Capability, label: string): DirectoryWriteCapability {
  const directory = requireDirectory(capability, label)
  if (directory.kind === 'dir') return directory
  const why = directory.kind === 'tree' ? 'it never changes' : 'the capability grants reading only'
  throw new WeakCapabilityError(`${label} may not be written: ${why}`)
}

/** @throws InvalidInputError if it is of a directory; WeakCapabilityError if it only verifies */
export function requireFile(
  capability: Capability,
  label = 'what is named',
): ReadCapability | SlotReadCapability | SlotWriteCapability {
  if (isDirectory(capability)) {
    throw new InvalidInputError(`${label} is a directory`, { hint: 'cairn cp -r copies it; ls lists it.' })
  }
  switch (capability.kind) {
    case 'lit':
    case 'file':
    case 'slot':
    case 'slot-read':
      return capability
    default:
      throw new WeakCapabilityError(
        `${label}: a read capability of a file is wanted, found one of kind ${capability.kind}, which does not read`,
      )
  }
}
