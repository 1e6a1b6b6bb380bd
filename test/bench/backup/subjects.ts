/** The trees that are backed up. */
import { execFileSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { editTree } from '../../support/mixed/edits.ts'
import { Seeded } from '../../support/mixed/seeded.ts'
import { makeMixedTree } from '../../support/mixed/tree.ts'
import { fileBytesOf } from './disk-bytes.ts'

const INSTALLED = fileURLToPath(new URL('../../../node_modules', import.meta.url))
const SMALL_FILES = 100
const SMALL_FILE_BYTES = 1000

export interface Subject {
  readonly name: string
  /** Each round has a tree of its own; figures are medians. */
  readonly rounds: number
  /** @param root not there yet */
  make(root: string, round: number): Promise<void>
}

export const smallFiles: Subject = {
  name: `${SMALL_FILES} files of 1 kB`,
  rounds: 5,
  async make(root, round) {
    const seeded = new Seeded('small files', round)
    await mkdir(root)
    for (let number = 0; number < SMALL_FILES; number += 1) {
      await writeFile(`${root}/file ${number}`, seeded.bytes(SMALL_FILE_BYTES))
    }
  },
}

/** A copy of what this clone has installed, so that it can be edited. */
export const nodeModules: Subject = {
  name: 'the installed node_modules',
  rounds: 1,
  async make(root) {
    execFileSync('cp', ['-a', INSTALLED, root])
  },
}

export function mixedFiles(sizeBytes: number): Subject {
  return {
    name: `${(sizeBytes / 2 ** 20).toFixed(0)} MiB of mixed files from a seed`,
    rounds: 1,
    async make(root) {
      await makeMixedTree(root, { seed: 7, sizeBytes })
    },
  }
}

/** 1 % of the files, in every way. */
export async function editSubject(root: string, round: number): Promise<void> {
  await editTree(root, { seed: round })
}

export async function sizeOf(root: string): Promise<{ readonly files: number; readonly bytes: number }> {
  const listed = execFileSync('find', [root, '-type', 'f', '-printf', '.'], { maxBuffer: 1e9 })
  return { files: listed.length, bytes: await fileBytesOf([root]) }
}

/** So that both find it in memory, and neither pays for the disk. */
export function readOnce(root: string): void {
  execFileSync('find', [root, '-type', 'f', '-exec', 'cat', '{}', '+'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}
