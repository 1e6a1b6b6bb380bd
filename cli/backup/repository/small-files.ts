/** Files of the grid: those that are held in memory whole (tables, records, snapshots), and sizes of others. */
import {
  concat,
  type FileReadCapability,
  IntegrityError,
  type ReadCapability,
  toVerifyCapability,
} from '#crypto'
import type { ContentCapability, GridFiles } from '#gateway'
import { type Download, NotEnoughSharesError, type UploadSource } from '#node'
import type { Cancel } from './types.ts'

/** @throws IntegrityError if it has more bytes than that; what getting a file throws */
export async function readSmallFile(
  files: Pick<GridFiles, 'get'>,
  capability: ContentCapability,
  { sizeMaxBytes, signal }: Cancel & { readonly sizeMaxBytes: number },
): Promise<Uint8Array> {
  const download = await files.get(capability, { signal })
  if (download.fileSizeBytes <= sizeMaxBytes) return readDownload(download)
  await download.close()
  throw new IntegrityError(`at most ${sizeMaxBytes} bytes wanted, found ${download.fileSizeBytes}`)
}

/** All of it, which is little. */
export async function readDownload(download: Download): Promise<Uint8Array> {
  try {
    const parts: Uint8Array[] = []
    for await (const bytes of download.content) parts.push(bytes)
    return concat(...parts)
  } finally {
    await download.close()
  }
}

/** Without reading any of it. @throws NotEnoughSharesError if nobody knows, or it cannot be read */
export async function fileSizeOf(
  files: Pick<GridFiles, 'check'>,
  capability: FileReadCapability,
  { signal }: Cancel,
): Promise<number> {
  const { fileSizeBytes, isRecoverable, foundCount } = await files.check(toVerifyCapability(capability), {
    signal,
  })
  if (fileSizeBytes !== undefined && isRecoverable) return fileSizeBytes
  throw new NotEnoughSharesError(
    `found ${foundCount} shares of a file of the repository, and more are needed`,
  )
}

/** Put under the home's secret, so that what is put again after a crash is there already. */
export async function putSmallFile(
  files: Pick<GridFiles, 'put'>,
  bytes: Uint8Array,
  { signal }: Cancel,
): Promise<ReadCapability> {
  return (await files.put(sourceOf(bytes), { convergent: true, signal })).capability
}

export function sourceOf(bytes: Uint8Array): UploadSource {
  return {
    sizeBytes: bytes.length,
    rereadable: true,
    async *open() {
      yield bytes.slice()
    },
  }
}
