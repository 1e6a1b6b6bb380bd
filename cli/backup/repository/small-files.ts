/** Files of the grid that are held in memory whole: tables, records, snapshots. */
import { concat, IntegrityError, type ReadCapability } from '#crypto'
import type { GridFiles } from '#gateway'
import type { Download, UploadSource } from '#node'
import type { Cancel } from './types.ts'

/** @throws IntegrityError if it has more bytes than that; what getting a file throws */
export async function readSmallFile(
  files: Pick<GridFiles, 'get'>,
  capability: ReadCapability,
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
