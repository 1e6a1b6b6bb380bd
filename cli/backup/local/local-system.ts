/** What of this machine a backup or a restore works with, and what it cannot keep without the native calls. */
import { type NativeCalls, openNative } from './native.ts'
import { Owners } from './owners.ts'

export interface LocalSystem {
  /** Undefined where there are none: see notKept. */
  readonly native: NativeCalls | undefined
  readonly owners: Owners
  /** Who this process acts as; undefined on a system without such numbers. */
  readonly userId: number | undefined
  /** A sentence for people; undefined if all is kept that the file systems have. */
  readonly notKept: string | undefined
}

/** @param options.native false: do without the native calls though they are there */
export async function openLocalSystem(options: { readonly native?: boolean } = {}): Promise<LocalSystem> {
  const native = options.native === false ? undefined : await openNative()
  return {
    native,
    owners: await Owners.open(),
    userId: process.geteuid?.(),
    notKept:
      native === undefined
        ? 'the native calls are not there (package koffi), so times are kept to the microsecond when they are ' +
          'restored, and neither extended attributes nor devices, fifos and sockets are restored'
        : undefined,
  }
}
