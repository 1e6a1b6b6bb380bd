/** Names of folders that a loss of power does not take away, with all that was made durable in them. */
import type { Disk } from '#node'

/**
 * Make the name of a folder durable, and those of folders above it.
 *
 * @param depth how many names, its own among them
 */
export async function syncNames(disk: Disk, path: string, depth: number): Promise<void> {
  let above = path
  for (let level = 0; level < depth; level += 1) {
    const end = above.lastIndexOf('/')
    if (end > 0) above = above.slice(0, end)
    else above = path.startsWith('/') ? '/' : '.'
    await disk.syncFolder(above)
  }
}
