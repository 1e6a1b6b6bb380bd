/**
 * The platform seam: the only way the node touches the world. Real parts live beside this file; simulated ones in
 * test/sim. Nothing in node/ outside this folder names Date, setTimeout, Math.random, node:fs, node:net or libp2p.
 */
import type { BulkCrypto, SegmentCoder } from '#crypto'

export interface Platform {
  readonly clock: Clock
  readonly random: Random
  readonly disk: Disk
  readonly network: Network
  readonly log: Log
  readonly bulk: BulkCrypto
  /** Codes segments away from the event loop; without it they are coded on the calling thread. */
  readonly coder?: SegmentCoder | undefined
}

export interface Clock {
  /** Milliseconds since 1970 UTC, whole. May jump. */
  now(): number
  /** Milliseconds from an arbitrary start; never runs backward. For durations. */
  elapsed(): number
  /** @throws the signal's reason if it is aborted first. */
  sleep(milliseconds: number, options?: { readonly signal?: AbortSignal | undefined }): Promise<void>
  /**
   * A signal that aborts with TimeoutError(what) after so long, or with the parent's reason when the parent does.
   * Dispose it when the work is done, or its timer lives on.
   */
  deadline(
    milliseconds: number,
    options: { readonly what: string; readonly signal?: AbortSignal | undefined },
  ): Deadline
}

export interface Deadline extends Disposable {
  readonly signal: AbortSignal
}

export interface Random {
  /** Bytes fit for keys; a new buffer. */
  bytes(sizeBytes: number): Uint8Array
}

/** A constant sentence, and fields. No capability, key or plaintext ever goes in. */
export interface Log {
  debug(sentence: string, fields?: LogFields): void
  info(sentence: string, fields?: LogFields): void
  warn(sentence: string, fields?: LogFields): void
  error(sentence: string, fields?: LogFields): void
}
export type LogFields = Readonly<Record<string, unknown>>

/**
 * A tree of folders and files. Paths are absolute, or relative to whatever root the implementation has; parts are
 * joined with '/'. A failed call leaves nothing half made that a later call takes for whole.
 */
export interface Disk {
  /** Makes missing parents too, mode 0700. Not an error if it exists. */
  makeFolder(path: string): Promise<void>
  /** Names in a folder, in no order; none if the folder is missing. */
  list(path: string): Promise<readonly DiskEntry[]>
  /** A new, empty file, mode 0600. @throws ConflictError if the name is taken. */
  createFile(path: string): Promise<WritableFile>
  /** undefined if there is no such file. */
  openFile(path: string): Promise<ReadableFile | undefined>
  /** Replaces what stands under the new name. Not durable until syncFolder. */
  rename(from: string, to: string): Promise<void>
  /** Not an error if it is missing. */
  removeFile(path: string): Promise<void>
  /** Only an empty one; not an error if it is missing. @throws ConflictError if something is in it. */
  removeFolder(path: string): Promise<void>
  /** Makes creations, renames and removals in the folder durable. */
  syncFolder(path: string): Promise<void>
  /** Free bytes where the path lies, for a user without privileges. */
  freeBytes(path: string): Promise<number>
  /**
   * An ordered key-value store in that folder; one holder at a time.
   *
   * @throws ConflictError if another holds it; IntegrityError if what stands there cannot be read
   */
  openIndex(path: string): Promise<KeyValueIndex>
  /**
   * Make what can still be read of a damaged index openable again; what cannot be read is gone then. Nobody may hold
   * it.
   *
   * @throws IntegrityError if nothing can be made of it
   */
  repairIndex(path: string): Promise<void>
}

/**
 * An ordered key-value store: level on a disk, memory-level in memory and in a simulation. Keys are ordered as bytes.
 * A subset of abstract-level, so that a simulation can say what a crash leaves of it. Every method throws
 * IntegrityError if it meets damage.
 */
export interface KeyValueIndex {
  get(key: Uint8Array): Promise<Uint8Array | undefined>
  /** One answer for each key, in their order. */
  getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]>
  /**
   * All or nothing, in the order of the calls. With `sync` it is durable on return, and so is every batch before it;
   * without, a crash may undo it and those after it.
   */
  batch(operations: readonly IndexOperation[], options: { readonly sync: boolean }): Promise<void>
  /** Entries from `gte` up to, not including, `lt`, by key: as they stood when it was called. */
  iterator(range: {
    readonly gte: Uint8Array
    readonly lt: Uint8Array
  }): AsyncIterable<readonly [key: Uint8Array, value: Uint8Array]>
  close(): Promise<void>
}

export type IndexOperation =
  | { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: Uint8Array }

export interface DiskEntry {
  readonly name: string
  readonly isFolder: boolean
}

export interface WritableFile {
  /** Appends; the bytes are free again when the promise resolves. @throws NoSpaceError when the disk is full. */
  append(bytes: Uint8Array): Promise<void>
  /** Bytes appended so far. */
  readonly sizeBytes: number
  /** Makes what was appended durable. */
  sync(): Promise<void>
  close(): Promise<void>
}

export interface ReadableFile {
  readonly sizeBytes: number
  /** Exactly so many bytes, in a new buffer. @throws IntegrityError if the file ends before. */
  read(offset: number, sizeBytes: number): Promise<Uint8Array>
  close(): Promise<void>
}

/** A libp2p peer id of an Ed25519 key, as text (`12D3KooW…`). Names a server, a client, an account. */
export type PeerId = string

export interface Network {
  readonly localId: PeerId
  /** Where others can reach this node now: multiaddrs that end in /p2p/<localId>; none if it does not listen. */
  addresses(): readonly string[]
  /** Ed25519 over the bytes, by the key that the local id stands for (RFC 8032). */
  sign(bytes: Uint8Array): Promise<Uint8Array>
  /**
   * Make sure of a connection to whoever proves to hold the id.
   *
   * @param addresses multiaddrs to try; may be empty when a connection stands already
   * @throws UnreachableError
   */
  connect(
    peer: PeerId | undefined,
    addresses: readonly string[],
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<PeerId>
  /**
   * What stands for the connection over which the next channel to a peer would go: the same object as long as it is the
   * same connection. Undefined if there is none.
   */
  connectionTo(peer: PeerId): object | undefined
  /** A new ordered byte stream to a connected peer. @throws UnreachableError */
  openChannel(
    peer: PeerId,
    protocol: string,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<Channel>
  /** Serve a protocol; the channel is closed when the handler's promise settles. One handler a protocol. */
  serve(protocol: string, handler: (channel: Channel) => Promise<void>): Promise<void>
  close(): Promise<void>
}

/** An ordered, authenticated, flow-controlled byte stream between two peers. */
export interface Channel {
  /** Proven by the handshake. */
  readonly remoteId: PeerId
  /**
   * Bytes as they come, until the other side has finished writing. Buffers at most a bounded amount ahead of the
   * reader; may be iterated once. Yielded bytes are the reader's until it asks for more: then they may be gone, so
   * what is kept or written on is copied.
   */
  readonly incoming: AsyncIterable<Uint8Array>
  /**
   * Resolves when the transport has room for more. The bytes must not change until then; the transport may hold
   * them a little longer, so a caller reuses a buffer only after the peer has acknowledged it.
   */
  write(parts: readonly Uint8Array[], options?: { readonly signal?: AbortSignal | undefined }): Promise<void>
  /** No more writes from here; reading goes on. */
  close(): Promise<void>
  /** Both directions end at once; the peer and our reader see a failure. */
  abort(reason: Error): void
}
