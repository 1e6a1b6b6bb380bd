/** The trees that backups are measured and tried on follow from their seeds, and have in them what they promise. */
import { execFileSync } from 'node:child_process'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { cleanUp, temporaryFolder } from '../../support/cairn-process.ts'
import { compareTrees } from '../../support/compare-trees.ts'
import { editTree } from '../../support/mixed/edits.ts'
import { makeMixedTree } from '../../support/mixed/tree.ts'

afterAll(cleanUp)

const SIZE_BYTES = 12e6

async function mixedTree(seed: number): Promise<string> {
  const root = join(await temporaryFolder(), 'tree')
  await makeMixedTree(root, { seed, sizeBytes: SIZE_BYTES })
  return root
}

describe('makeMixedTree', () => {
  test('makes the same tree from the same seed, and another from another', async () => {
    const [one, same, other] = [await mixedTree(1), await mixedTree(1), await mixedTree(2)]
    expect((await compareTrees(one, same)).differences).toEqual([])
    expect((await compareTrees(one, other)).differences.length).toBeGreaterThan(100)
  })

  test('has about the size that is asked for, many small files, copies, and two huge ones', async () => {
    const root = join(await temporaryFolder(), 'tree')
    const made = await makeMixedTree(root, { seed: 3, sizeBytes: SIZE_BYTES })
    const { left } = await compareTrees(root, root)
    expect({ files: left.types.file, bytes: left.bytes }).toEqual(made)
    expect(Math.abs(made.bytes / SIZE_BYTES - 1)).toBeLessThan(0.1)
    expect(made.files).toBeGreaterThan(300)
    expect((await readdir(join(root, 'copies'), { recursive: true })).length).toBeGreaterThan(3)
    for (const name of await readdir(join(root, 'huge'))) {
      expect((await stat(join(root, 'huge', name))).size).toBeGreaterThanOrEqual(SIZE_BYTES / 10)
    }
  })

  test('has what compresses well and what does not', async () => {
    const root = await mixedTree(1)
    const ratioOf = (folder: string): number => {
      const archive = execFileSync('tar', ['-c', '-C', root, folder], { maxBuffer: 1e9 })
      return execFileSync('gzip', ['-1'], { input: archive, maxBuffer: 1e9 }).length / archive.length
    }
    expect(ratioOf('logs')).toBeLessThan(0.4)
    expect(ratioOf('media')).toBeGreaterThan(0.95)
  })
})

describe('editTree', () => {
  test('changes one file in a hundred in every way, the same ones from the same seed', async () => {
    const [before, one, same] = [await mixedTree(1), await mixedTree(1), await mixedTree(1)]
    const edits = await editTree(one, { seed: 7, share: 0.02 })
    expect(await editTree(same, { seed: 7, share: 0.02 })).toEqual(edits)
    // What is renamed or deleted changes the time of its folder, which nobody sets.
    const { differences } = await compareTrees(one, same, ['mtime'])
    expect(differences).toEqual([])
    const kinds = new Set((await compareTrees(before, one)).differences.map(({ kind }) => kind))
    expect(kinds).toEqual(new Set(['missing', 'extra', 'size', 'content', 'mtime']))
    for (const count of Object.values(edits.files)) expect(count).toBeGreaterThanOrEqual(1)
    expect(edits.foldersRenamed).toBe(1)
  })
})
