/** Small files of a home that are read whole and replaced whole: a crash leaves the old one or the new one. */
import { IntegrityError } from '#crypto'
import type { Disk } from './platform/platform.ts'

/** Undefined if there is none. @throws IntegrityError if it has more bytes than that */
export async function readWholeFile(
  disk: Disk,
  path: string,
  sizeMaxBytes: number,
): Promise<Uint8Array | undefined> {
  const file = await disk.openFile(path)
  if (file === undefined) return undefined
  try {
    if (file.sizeBytes > sizeMaxBytes) {
      throw new IntegrityError(`${path} has ${file.sizeBytes} bytes, at most ${sizeMaxBytes} wanted`)
    }
    return await file.read(0, file.sizeBytes)
  } finally {
    await file.close()
  }
}

/** Durable on return; mode 0600. One call for one file at a time. */
export async function replaceFile(
  disk: Disk,
  folder: string,
  file: { name: string; bytes: Uint8Array },
): Promise<void> {
  const path = `${folder}/${file.name}`
  const draft = `${path}.new`
  await disk.makeFolder(folder)
  await disk.removeFile(draft)
  const writable = await disk.createFile(draft)
  try {
    await writable.append(file.bytes)
    await writable.sync()
  } finally {
    await writable.close()
  }
  await disk.rename(draft, path)
  await disk.syncFolder(folder)
}
