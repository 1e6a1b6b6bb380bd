/**
 * A tree of mixed files made from a seed, as somebody keeps them: texts, logs that compress well, media that do not,
 * tables, an image of a disk, a great many small files, copies of files under other names, and two huge ones.
 * Same seed and size, same tree: names, bytes, modes and times.
 */
import { appendFile, chmod, copyFile, mkdir, open, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type ContentKind, contentOf } from './content.ts'
import { Seeded } from './seeded.ts'

export interface MixedTreeOptions {
  readonly seed: number
  /** About; off by less than a tenth. At least 1 MB. */
  readonly sizeBytes: number
}

export interface MadeTree {
  readonly files: number
  readonly bytes: number
}

interface Kind {
  readonly folder: string
  readonly content: ContentKind
  /** Of all bytes. */
  readonly share: number
  readonly leastBytes: number
  readonly mostBytes: number
  readonly ending: string
}

const KINDS: readonly Kind[] = [
  { folder: 'texts', content: 'text', share: 0.15, leastBytes: 2e3, mostBytes: 4e5, ending: '.txt' },
  { folder: 'logs', content: 'log', share: 0.15, leastBytes: 1e4, mostBytes: 1e7, ending: '.log' },
  { folder: 'media', content: 'media', share: 0.28, leastBytes: 1e5, mostBytes: 2e7, ending: '.jpg' },
  { folder: 'tables', content: 'table', share: 0.08, leastBytes: 1e4, mostBytes: 1e7, ending: '.db' },
  { folder: 'small', content: 'text', share: 0.04, leastBytes: 20, mostBytes: 8e3, ending: '.json' },
]
const HUGE: readonly (Pick<Kind, 'content' | 'share'> & { readonly path: string })[] = [
  { path: 'huge/disk.img', content: 'image', share: 0.15 },
  { path: 'huge/all years.log', content: 'log', share: 0.1 },
]
const COPIES_SHARE = 0.05

const FILES_A_FOLDER = 40
const FOLDERS_A_FOLDER = 12
/** No file of a kind takes more than this part of what the kind may have, so that small trees have several of each. */
const LARGEST_PART = 1 / 6
const PIECE_BYTES = 16 * 1024 * 1024
const NAMES = ['notes', 'Übersicht', 'draft', 'año', 'report (final)', 'IMG', '写真', "o'clock", 'a b', 'x']
const MODES = [0o644, 0o644, 0o644, 0o600, 0o640, 0o755, 0o444]
const OLDEST_SECONDS = Date.UTC(2015, 0, 1) / 1000
const YEARS_SECONDS = 8 * 365 * 86_400

interface MadeFile extends FilePlan {
  readonly bytes: number
}

interface FilePlan {
  readonly path: string
  readonly content: ContentKind
  readonly sizeBytes: number
}

/** @param root a folder that is not there yet; its parent is */
export async function makeMixedTree(root: string, options: MixedTreeOptions): Promise<MadeTree> {
  const made: MadeFile[] = []
  const folders = new Set<string>()
  await mkdir(root)
  for (const plan of plansOf(options)) {
    await makeFoldersOf(root, plan.path, folders)
    await writePieces(join(root, plan.path), plan, options.seed)
    await setMetadata(root, plan.path, new Seeded(options.seed, 'metadata', plan.path))
    made.push({ ...plan, bytes: plan.sizeBytes })
  }
  made.push(...(await makeCopies(root, made, { ...options, folders })))
  // Deepest first: whatever is made in a folder changes its time.
  for (const folder of [...folders].sort().reverse()) {
    await setTime(join(root, folder), new Seeded(options.seed, 'folder', folder))
  }
  await setTime(root, new Seeded(options.seed, 'root'))
  return { files: made.length, bytes: made.reduce((sum, { bytes }) => sum + bytes, 0) }
}

function* plansOf({ seed, sizeBytes }: MixedTreeOptions): Generator<FilePlan, void, undefined> {
  for (const { path, content, share } of HUGE)
    yield { path, content, sizeBytes: Math.round(sizeBytes * share) }
  for (const kind of KINDS) {
    const seeded = new Seeded(seed, 'plan', kind.folder)
    const budget = sizeBytes * kind.share
    const mostBytes = Math.max(kind.leastBytes, Math.min(kind.mostBytes, budget * LARGEST_PART))
    let plannedBytes = 0
    for (let number = 0; plannedBytes < budget; number += 1) {
      const fileBytes = seeded.magnitude(kind.leastBytes, mostBytes)
      plannedBytes += fileBytes
      const name = `${seeded.pick(NAMES)} ${number}${kind.ending}`
      yield { path: join(folderOf(kind.folder, number), name), content: kind.content, sizeBytes: fileBytes }
    }
  }
  yield { path: 'small/empty', content: 'text', sizeBytes: 0 }
}

/** Some files a folder and some folders a folder, as deep as it takes. */
function folderOf(top: string, number: number): string {
  const parts: string[] = []
  for (
    let place = Math.floor(number / FILES_A_FOLDER);
    place > 0;
    place = Math.floor(place / FOLDERS_A_FOLDER)
  ) {
    parts.unshift(`part ${place % FOLDERS_A_FOLDER}`)
  }
  return join(top, ...parts)
}

async function makeFoldersOf(root: string, path: string, folders: Set<string>): Promise<void> {
  await mkdir(join(root, dirname(path)), { recursive: true })
  for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) folders.add(folder)
}

async function writePieces(
  path: string,
  { path: name, content, sizeBytes }: FilePlan,
  seed: number,
): Promise<void> {
  const file = await open(path, 'wx')
  try {
    for (let start = 0; start < sizeBytes; start += PIECE_BYTES) {
      const pieceBytes = Math.min(PIECE_BYTES, sizeBytes - start)
      await appendFile(file, contentOf(content, pieceBytes, new Seeded(seed, name, start)))
    }
  } finally {
    await file.close()
  }
}

/** Copies of files under other names, far from what they are copies of. */
async function makeCopies(
  root: string,
  originals: readonly MadeFile[],
  { seed, sizeBytes, folders }: MixedTreeOptions & { readonly folders: Set<string> },
): Promise<readonly MadeFile[]> {
  const budget = sizeBytes * COPIES_SHARE
  const seeded = new Seeded(seed, 'copies')
  const copies: MadeFile[] = []
  let copiedBytes = 0
  for (const original of seeded.shuffled(originals)) {
    if (copiedBytes >= budget) break
    if (original.bytes > budget - copiedBytes + budget / 4) continue
    const path = join(folderOf('copies', copies.length), `copy ${copies.length} of a ${original.content}`)
    await makeFoldersOf(root, path, folders)
    await copyFile(join(root, original.path), join(root, path))
    await setMetadata(root, path, seeded)
    copies.push({ ...original, path })
    copiedBytes += original.bytes
  }
  return copies
}

async function setMetadata(root: string, path: string, seeded: Seeded): Promise<void> {
  await chmod(join(root, path), seeded.pick(MODES))
  await setTime(join(root, path), seeded)
}

async function setTime(path: string, seeded: Seeded): Promise<void> {
  const seconds = OLDEST_SECONDS + YEARS_SECONDS * seeded.fraction()
  await utimes(path, seconds, seconds)
}
