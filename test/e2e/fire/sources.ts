/** What is backed up: parts of this machine, no larger than asked for, and what is made to be difficult. */
import { execFileSync } from 'node:child_process'
import { lstat, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'

const BLOCK_BYTES = 512

/**
 * A copy, by coreutils, of as much of a folder as fits: its entries in order, those that are too large left out.
 *
 * @param target not there yet
 */
export async function copyPart(source: string, target: string, mostBytes: number): Promise<void> {
  await mkdir(target)
  let bytes = 0
  for (const name of (await readdir(source)).sort()) {
    const entryBytes = diskBytesOf(join(source, name), mostBytes - bytes)
    if (entryBytes === undefined) continue
    execFileSync('cp', ['-a', join(source, name), target])
    bytes += entryBytes
  }
}

/** Undefined if it is more than `most`, or not there. */
function diskBytesOf(path: string, most: number): number | undefined {
  const told = execFileSync('du', ['-s', '--block-size', String(BLOCK_BYTES), path], { encoding: 'utf8' })
  const bytes = Number.parseInt(told, 10) * BLOCK_BYTES
  return bytes <= most ? bytes : undefined
}

/** As it is at this moment. @param target not there yet */
export function copyWhole(source: string, target: string): void {
  execFileSync('cp', ['-a', source, target])
}

export async function isFolder(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined))?.isDirectory() ?? false
}
