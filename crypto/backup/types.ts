/** What a backup consists of (FORMAT §18), as types. Formats stand in the files beside this one. */
import type { BlobId } from '../hash.ts'

/** `data`: bytes of files. `tree`: entries of folders. `list`: ids of blobs. Equal bytes of two kinds are two blobs. */
export type BlobKind = 'data' | 'tree' | 'list'

/**
 * A run of bytes of any length, as blobs. At depth 0 the ids are those of its parts, in order; at depth d > 0 they are
 * those of `list` blobs, which hold ids of depth d - 1.
 */
export interface Content {
  /** Of the bytes themselves, before they were compressed. */
  readonly sizeBytes: number
  readonly depth: number
  /** At most CONTENT_IDS_MAX; none if and only if the content is empty. */
  readonly ids: readonly BlobId[]
}

export const ENTRY_KINDS = [
  'file',
  'folder',
  'symlink',
  'fifo',
  'socket',
  'block-device',
  'character-device',
] as const
export type EntryKind = (typeof ENTRY_KINDS)[number]

/** An extended attribute; names are bytes, as the system has them. */
export interface ExtendedAttribute {
  readonly name: Uint8Array
  readonly value: Uint8Array
}

/** One name in a folder, with all that is kept of it. Times are nanoseconds since 1970 UTC and may be negative. */
export interface TreeEntry {
  /** As the system has it: bytes that need not be UTF-8, 1 to 4,096, without `/` and 0, and neither `.` nor `..`. */
  readonly name: Uint8Array
  readonly kind: EntryKind
  /** The twelve lowest bits: permissions, set-uid, set-gid, sticky. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Names of owner and group, where they were known. */
  readonly user?: string | undefined
  readonly group?: string | undefined
  readonly modifiedAtNanoseconds: bigint
  /** ctime: not restored, but whoever compares with the last snapshot looks at it. */
  readonly changedAtNanoseconds: bigint
  /** With `device`, what ties hard links of one snapshot together, if linkCount is above 1. 0 to 2^64 - 1. */
  readonly inode: bigint
  readonly device: bigint
  readonly linkCount: number
  /** Of a file: its bytes. Of a folder: its entries, as a tree. Absent for every other kind. */
  readonly content?: Content | undefined
  /** Of a file: runs of zeros in it are to be holes again. */
  readonly isSparse?: boolean | undefined
  /** Of a symlink alone: where it points, as bytes. */
  readonly target?: Uint8Array | undefined
  /** Of a device alone. */
  readonly deviceNumber?: bigint | undefined
  /** By name, each once; left out where there are none. */
  readonly attributes?: readonly ExtendedAttribute[] | undefined
}

/** What a backup came to, as it is kept in the snapshot. Of files unless said otherwise. */
export interface SnapshotTotals {
  readonly files: number
  readonly folders: number
  /** Of all files, before anything was found to be there already. */
  readonly bytes: number
  readonly newFiles: number
  readonly changedFiles: number
  readonly unmodifiedFiles: number
  /** Could not be read, or changed while they were read; they are in the snapshot as far as they could be read. */
  readonly unreadableFiles: number
  /** Plaintext bytes of the blobs that were not there before. */
  readonly addedBytes: number
  /** The same, compressed. */
  readonly storedBytes: number
  readonly milliseconds: number
}

/** What whoever takes a snapshot says of it. */
export interface SnapshotContent {
  /** Milliseconds since 1970 UTC when it was begun. */
  readonly takenAtMilliseconds: number
  readonly host: string
  /** What was backed up, as absolute paths for people to read; the tree has the names as bytes. */
  readonly paths: readonly string[]
  readonly tags: readonly string[]
  /** A tree whose names are those of the root folder of the machine. */
  readonly root: Content
  /** The snapshot that unchanged files were compared with. */
  readonly parent?: string | undefined
  readonly totals: SnapshotTotals
}

export interface Snapshot extends SnapshotContent {
  /** 26 characters of base32; people write its beginning. */
  readonly id: string
}
