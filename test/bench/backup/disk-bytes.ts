/** Sizes of folders on disk. */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Of all files below the folders; what vanishes meanwhile is not counted. */
export async function fileBytesOf(folders: readonly string[]): Promise<number> {
  let bytes = 0
  for (const folder of folders) {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const found = await stat(join(entry.parentPath, entry.name)).catch(() => undefined)
      bytes += found?.size ?? 0
    }
  }
  return bytes
}
