/** What a backup is to be, checked before anything is read or sent. */
import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import {
  InvalidInputError,
  SNAPSHOT_HOST_MAX,
  SNAPSHOT_PATH_MAX,
  SNAPSHOT_PATHS_MAX,
  SNAPSHOT_TAG_MAX,
  SNAPSHOT_TAGS_MAX,
  utf8,
} from '#crypto'
import { explain } from '../errno.ts'
import type { Home } from '../home.ts'
import type { BackupArgs } from './invocation.ts'
import { PathRules, patternsIn } from './local/rules.ts'

export interface BackupPlan {
  readonly host: string
  readonly tags: readonly string[]
  /** Absolute; each once, in order. */
  readonly paths: readonly string[]
  readonly exclude: readonly string[]
  /** What of the home changes by the backup itself, or is there to be lost. */
  readonly leaveOut: readonly Uint8Array[]
}

/** @throws InvalidInputError if a snapshot could not say it, or a pattern is none */
export async function planBackup(args: BackupArgs, home: Home): Promise<BackupPlan> {
  const files = args.excludeFiles.map((file) => readFile(file, 'utf8').catch(explain('reading', file)))
  const exclude = [...(await Promise.all(files)).flatMap(patternsIn), ...args.excludes]
  PathRules.parse(exclude)
  const plan = {
    host: args.host ?? hostname(),
    tags: args.tags,
    paths: [...new Set(args.paths.map((path) => resolve(path)))].sort(),
    exclude,
    leaveOut: [home.spoolFolder, home.backupFolder, home.storageFolder].map(utf8),
  }
  requireAtMost(plan.paths.length, SNAPSHOT_PATHS_MAX, 'paths; name a folder above them')
  requireAtMost(plan.tags.length, SNAPSHOT_TAGS_MAX, 'tags')
  requireShort([plan.host], SNAPSHOT_HOST_MAX, 'the name of a host')
  requireShort(plan.tags, SNAPSHOT_TAG_MAX, 'a tag')
  requireShort(plan.paths, SNAPSHOT_PATH_MAX, 'a path that is backed up')
  return plan
}

function requireAtMost(count: number, max: number, things: string): void {
  if (count > max) throw new InvalidInputError(`a snapshot has at most ${max} ${things}; found ${count}`)
}

function requireShort(texts: readonly string[], max: number, what: string): void {
  for (const { length } of texts) {
    if (length < 1 || length > max)
      throw new InvalidInputError(`${what} has 1 to ${max} characters, found ${length}`)
  }
}
