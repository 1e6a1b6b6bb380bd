/** What a put is asked to do, tells meanwhile, and comes to. */
import type { ConvergenceSecret, Encoding, ReadCapability, ReadKey, Secret } from '#crypto'
import type { Settled } from './settle.ts'

export interface UploadOptions {
  readonly encoding: Encoding
  /** h: the upload succeeds only if so many distinct servers hold distinct shares; 1 <= h <= n. */
  readonly happyServers: number
  /** Given: the read key follows from the content, so that equal files of one person are one file. */
  readonly convergenceSecret?: Secret<ConvergenceSecret> | undefined
  /** Given: the caller vouches that it never seals anything else. Instead of a random one. */
  readonly readKey?: Secret<ReadKey> | undefined
  readonly leaseDurationSeconds?: number | undefined
  /** When the put has succeeded, its leases become binding: then not even this account can cancel them. */
  readonly bindingLease?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  /** Called after each segment that servers have taken; not after the upload has settled. */
  readonly onProgress?: ((progress: UploadProgress) => void) | undefined
}

export interface UploadProgress {
  /** Plaintext bytes that servers have taken. */
  readonly doneBytes: number
  /** Undefined while the source is a pipe. */
  readonly totalBytes: number | undefined
  readonly serversLost: number
}

/** Of a literal there are no placements; the failures are servers that were asked and did not hold out. */
export interface UploadResult extends Settled {
  readonly capability: ReadCapability
  readonly fileSizeBytes: number
}
