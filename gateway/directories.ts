/** Directories, slots and deep upkeep: the other half of the contract of files.ts. */
import type {
  Capability,
  DirectoryVerifyCapability,
  DirectoryWriteCapability,
  SlotVerifyCapability,
  SlotWriteCapability,
  TreeReadCapability,
  VerifyCapability,
} from '#crypto'
import type {
  DeepReport,
  DirectoryCapability,
  DirectoryChange,
  EditReport,
  Found,
  NamedChild,
  SlotWarning,
  UploadSource,
  WalkedChild,
} from '#node'
import type { Cancellable, PutSlotOptions } from './files.ts'

export interface GridDirectories {
  /** A new directory. @throws UnhappyError, as put does; ConflictError if two children have one name */
  makeDirectory(options?: MakeDirectoryOptions): Promise<DirectoryWriteCapability>
  /**
   * A directory that never changes. Of the children's capabilities it holds what is left without the right to write.
   *
   * @throws InvalidInputError if two children have one name
   */
  makeTree(children: readonly NamedChild[], options?: Cancellable): Promise<TreeReadCapability>
  /** By name. */
  list(directory: DirectoryCapability, options?: WarnedOptions): AsyncIterable<NamedChild>
  /**
   * Follow names from a directory down. An empty path leads to the root itself, which may then be of any kind that
   * reads.
   *
   * @throws NotFoundError saying how far the path led; WeakCapabilityError if the root only verifies
   */
  find(root: Capability, path: readonly string[], options?: Cancellable): Promise<Found>
  /**
   * Make changes, all of them or none. Edits of one directory that meet in one daemon are made
   * together, and so are no conflict.
   *
   * @throws ConflictError or NotFoundError as the changes ask for it; IntegrityError if the directory is older than it
   *   was seen to be, and that is not accepted
   */
  edit(
    directory: DirectoryWriteCapability,
    changes: readonly DirectoryChange[],
    options?: EditOptions,
  ): Promise<EditReport>
  /**
   * All below a directory: its entries by name, then what is below each of its directories. One that lies inside
   * itself is told and not entered again.
   */
  walk(root: DirectoryCapability, options?: WarnedOptions): AsyncIterable<WalkedChild>
  /** Ask who holds the thing and all below it, one report for each. Servers are believed. */
  checkDeep(root: VerifyCapability, options?: Cancellable): AsyncIterable<DeepReport>
  /** As checkDeep, reading and hashing every byte. */
  verifyDeep(root: VerifyCapability, options?: Cancellable): AsyncIterable<DeepReport>
  /**
   * As checkDeep; of what lacks anything every byte is verified, and what is missing is made again. The leases of all
   * are renewed. What cannot be repaired is reported as that.
   */
  repairDeep(root: VerifyCapability, options?: Cancellable): AsyncIterable<DeepReport>
  /** The slot or directory alone, without what it points to. A record is read whole, so this verifies it too. */
  checkSlot(capability: SlotUpkeepCapability, options?: Cancellable): Promise<DeepReport>
  /** Bring the newest record to the servers that lack it. @throws NotEnoughSharesError if none has one */
  repairSlot(capability: SlotUpkeepCapability, options?: Cancellable): Promise<DeepReport>
  /**
   * Put a value into a slot in place of the one it has.
   *
   * @param capability undefined: into a new slot
   * @throws IntegrityError if the slot is older than it was seen to be, and that is not accepted
   */
  putSlot(
    capability: SlotWriteCapability | undefined,
    source: UploadSource,
    options?: PutSlotOptions,
  ): Promise<SlotWriteCapability>
}

export type SlotUpkeepCapability = SlotVerifyCapability | DirectoryVerifyCapability

export interface EditOptions extends Cancellable {
  /**
   * Write although the servers know of less than was seen before: they have lost what is newer, or hide it. Edits of
   * the same directory that are made together accept it too.
   */
  readonly acceptRollback?: boolean | undefined
}

export interface MakeDirectoryOptions extends Cancellable {
  /** What it has from the start; none if left out. At most 1,024: an edit adds more. */
  readonly children?: readonly NamedChild[] | undefined
}

export interface WarnedOptions extends Cancellable {
  /** Called for what is out of the ordinary with a record that was read all the same. */
  readonly onWarning?: ((warning: SlotWarning) => void) | undefined
}
