/**
 * One file into a repository, read once, or twice if it changes meanwhile. What goes wrong with the file is told of and
 * ends nothing; what goes wrong with the repository is thrown.
 */
import { type Content, InvalidInputError, type TreeEntry } from '#crypto'
import { ConflictError } from '#node'
import type { RepositoryWriter } from '../repository/types.ts'
import type { LocalFolder } from './folder.ts'
import type { LocalSystem } from './local-system.ts'
import { type EntryMetadata, metadataOf } from './metadata.ts'
import { ReadFile } from './read-file.ts'
import type { SaveTally } from './save-tally.ts'

/** A file that changes all the time is taken as it was read the last time. */
const READINGS_MAX = 2

export interface SaveFileParts {
  readonly writer: Pick<RepositoryWriter, 'putContent'>
  readonly system: LocalSystem
  readonly tally: SaveTally
  readonly dryRun: boolean
  readonly signal: AbortSignal | undefined
}

export interface FileToSave {
  readonly folder: LocalFolder
  readonly name: Uint8Array
}

/** It could not be read, for the reason given as its cause. */
class UnreadableFile extends Error {}

/** @returns undefined if it could not be read: then it was told of */
export async function saveFile(file: FileToSave, parts: SaveFileParts): Promise<TreeEntry | undefined> {
  const { folder, name } = file
  try {
    const opened = reading(() => ReadFile.open(folder.at(name), parts.system))
    try {
      return await readInto(opened, file, parts)
    } finally {
      opened[Symbol.dispose]()
    }
  } catch (error) {
    parts.signal?.throwIfAborted()
    if (!(error instanceof UnreadableFile)) throw error
    parts.tally.problem(folder.pathOf(name), error.cause)
    return undefined
  }
}

async function readInto(opened: ReadFile, file: FileToSave, parts: SaveFileParts): Promise<TreeEntry> {
  const { folder, name } = file
  const { writer, tally, dryRun, signal } = parts
  if (!opened.stats.isFile()) {
    throw unreadable(
      new InvalidInputError('a file was found here, and when it was opened it was none any more'),
    )
  }
  for (let readings = 1; ; readings += 1) {
    const put = await writer.putContent(counted(opened, file, tally), { dryRun, signal })
    tally.added(put)
    const metadata = reading(() => metadataNow(opened, file, parts))
    const hasChanged = reading(() => opened.hasChanged())
    if (hasChanged && readings < READINGS_MAX) {
      tally.moved(-put.content.sizeBytes, folder, name)
      continue
    }
    if (hasChanged) {
      tally.problem(
        folder.pathOf(name),
        new ConflictError(
          'it changed while it was read; what was read is kept, and the next backup reads it again',
        ),
      )
    }
    return entryOf(metadata, put.content, opened)
  }
}

/** As of before it was read: what changed since then, the next backup sees as a change. */
function metadataNow(opened: ReadFile, { folder, name }: FileToSave, parts: SaveFileParts): EntryMetadata {
  const { system, tally } = parts
  return metadataOf({ name, kind: 'file', stats: opened.stats }, folder.at(name), {
    system,
    onProblem: (error) => tally.problem(folder.pathOf(name), error, 0),
  })
}

function entryOf(metadata: EntryMetadata, content: Content, { isSparse }: ReadFile): TreeEntry {
  return { ...metadata, content, ...(isSparse ? { isSparse } : {}) }
}

async function* counted(
  opened: ReadFile,
  { folder, name }: FileToSave,
  tally: SaveTally,
): AsyncGenerator<Uint8Array, void, undefined> {
  const source = opened.content()
  try {
    for (;;) {
      const { done, value } = await source.next().catch((error: unknown) => {
        throw unreadable(error)
      })
      if (done === true) return
      tally.moved(value.length, folder, name)
      yield value
    }
  } finally {
    await source.return()
  }
}

function reading<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    throw unreadable(error)
  }
}

function unreadable(cause: unknown): UnreadableFile {
  return new UnreadableFile('a file could not be read', { cause })
}
