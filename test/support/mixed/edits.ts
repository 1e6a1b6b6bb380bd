/**
 * What a day does to a tree: of any tree, one file in a hundred is changed, in every way that a backup has to notice.
 * Same tree and seed, same edits, times among them.
 */
import { lstat, open, readdir, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Seeded } from './seeded.ts'

const EDITS = ['append', 'insert', 'replace', 'rewrite', 'rename', 'delete', 'add'] as const
type Edit = (typeof EDITS)[number]

export interface EditOptions {
  readonly seed: number
  /** Of the files; a hundredth if left out. Every way of changing occurs at least once. */
  readonly share?: number
}

export interface EditCounts {
  readonly files: Readonly<Record<Edit, number>>
  readonly foldersRenamed: number
  /** That were not there before. */
  readonly writtenBytes: number
}

/** Of a larger file only the beginning is rewritten, and the rest cut off. */
const REWRITTEN_MAX_BYTES = 4 * 1024 * 1024
const EDITED_PART = 0.05
const EDITED_MAX_BYTES = 64 * 1024
const NEW_FILE_MOST_BYTES = 100_000
const FIRST_EDIT_SECONDS = Date.UTC(2025, 0, 1) / 1000

/** @throws if the tree has fewer than ten files */
export async function editTree(root: string, { seed, share = 0.01 }: EditOptions): Promise<EditCounts> {
  const seeded = new Seeded(seed, 'edits')
  const files = await filesOf(root)
  if (files.length < 10) throw new Error(`ten files or more wanted in ${root}, found ${files.length}`)
  const editCount = Math.max(EDITS.length, Math.round(files.length * share))
  const counts = { append: 0, insert: 0, replace: 0, rewrite: 0, rename: 0, delete: 0, add: 0 }
  let writtenBytes = 0
  // The largest file is among them: what one byte inside a huge file costs is what cutting by content is for.
  const [largest, ...others] = files.toSorted((left, right) => right.bytes - left.bytes)
  const chosen = [largest, ...seeded.shuffled(others)]
    .filter((file) => file !== undefined)
    .slice(0, editCount)
  for (const [number, file] of chosen.entries()) {
    const edit = number === 0 ? 'insert' : (EDITS[number % EDITS.length] ?? 'append')
    writtenBytes += await editFile({ root, edit, number, ...file }, seeded)
    counts[edit] += 1
  }
  return { files: counts, foldersRenamed: await renameFolder(root, seeded), writtenBytes }
}

interface EditedFile {
  readonly root: string
  readonly path: string
  readonly bytes: number
  readonly edit: Edit
  readonly number: number
}

/** @returns bytes that were not there before */
async function editFile({ root, path, bytes, edit, number }: EditedFile, seeded: Seeded): Promise<number> {
  const place = join(root, path)
  const newBytes = seeded.bytes(1 + Math.min(EDITED_MAX_BYTES, Math.floor(bytes * EDITED_PART)))
  const stamp = (changed: string) => utimes(changed, ...timesOf(number, seeded))
  const changed = async (): Promise<number> => {
    await stamp(place)
    return newBytes.length
  }
  switch (edit) {
    case 'append':
      await writeAt(place, newBytes, bytes)
      return changed()
    case 'insert':
      await insertAt(place, newBytes, Math.floor(bytes / 2))
      return changed()
    case 'replace':
      await writeAt(place, newBytes, Math.floor(Math.max(0, bytes - newBytes.length) * seeded.fraction()))
      return changed()
    case 'rewrite': {
      const content = seeded.bytes(Math.min(bytes, REWRITTEN_MAX_BYTES))
      await writeFile(place, content)
      await stamp(place)
      return content.length
    }
    case 'rename':
      await rename(place, join(dirname(place), `renamed ${seeded.uint32()}`))
      return 0
    case 'delete':
      await rm(place)
      return 0
    case 'add': {
      const added = join(dirname(place), `added ${seeded.uint32()}`)
      const content = seeded.bytes(seeded.magnitude(10, NEW_FILE_MOST_BYTES))
      await writeFile(added, content)
      await stamp(added)
      return content.length
    }
  }
}

function timesOf(number: number, seeded: Seeded): [number, number] {
  const seconds = FIRST_EDIT_SECONDS + number + seeded.fraction()
  return [seconds, seconds]
}

async function writeAt(path: string, bytes: Buffer, offset: number): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await file.write(bytes, 0, bytes.length, offset)
  } finally {
    await file.close()
  }
}

/** What stands after the place is moved, from the end on, so that a file of any size takes little memory. */
async function insertAt(path: string, bytes: Buffer, offset: number): Promise<void> {
  const file = await open(path, 'r+')
  try {
    const run = Buffer.alloc(4 * 1024 * 1024)
    for (let end = (await file.stat()).size; end > offset; ) {
      const start = Math.max(offset, end - run.length)
      await file.read(run, 0, end - start, start)
      await file.write(run, 0, end - start, start + bytes.length)
      end = start
    }
    await file.write(bytes, 0, bytes.length, offset)
  } finally {
    await file.close()
  }
}

/** A folder with all that is in it: nothing new, and every path in it another one. */
async function renameFolder(root: string, seeded: Seeded): Promise<number> {
  const folders = (await readdir(root, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((folder) => dirname(folder) !== root)
    .sort()
  if (folders.length === 0) return 0
  const folder = seeded.pick(folders)
  await rename(folder, join(dirname(folder), `renamed ${seeded.uint32()}`))
  return 1
}

/** Regular files by path, so that their order is the same on every disk. */
async function filesOf(root: string): Promise<readonly { readonly path: string; readonly bytes: number }[]> {
  const paths = (await readdir(root, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
  const files: { path: string; bytes: number }[] = []
  for (const path of paths) files.push({ path: path.slice(root.length + 1), bytes: (await lstat(path)).size })
  return files
}
