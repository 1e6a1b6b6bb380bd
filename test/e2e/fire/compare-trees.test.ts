/** What judges every restored tree is judged here: it finds each kind of difference, and finds none where none is. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cleanUp, temporaryFolder } from '../../support/cairn-process.ts'
import { compareTrees, makeOddTree, python } from '../../support/compare-trees.ts'

afterAll(cleanUp)

const COMPARE = join(import.meta.dirname, '../../support/compare_trees.py')
let left: string

beforeAll(async () => {
  left = join(await temporaryFolder(), 'left')
  await makeOddTree(left)
})

/** A copy by coreutils, changed by a script of the shell that runs in it. */
async function changed(script: string): Promise<string> {
  const right = join(await temporaryFolder(), 'right')
  execFileSync('cp', ['-a', left, right])
  execFileSync('/bin/sh', ['-ec', script], { cwd: right })
  return right
}

/** The times of a file that is changed are put back, so that they are not what is found. */
const keepingTime = (path: string, script: string): string =>
  `touch -r '${path}' .time; touch -r . .root; ${script}; touch -r .time '${path}'; rm .time; touch -r .root .; rm .root`

describe('compare_trees.py', () => {
  test('finds no difference in a faithful copy of everything odd', async () => {
    const { left: here, right: there, differences } = await compareTrees(left, await changed(':'))
    expect(differences).toEqual([])
    expect(there).toEqual(here)
    expect(here.entries).toBeGreaterThan(3000)
  })

  const isRoot = process.getuid?.() === 0
  const changes: readonly (readonly [string, string, string])[] = [
    ['missing', 'names/tab\t', 'rm "names/tab\t"'],
    ['missing', 'names/\\xff\\xfe\\x80 no UTF-8', "rm names/*'no UTF-8'"],
    ['extra', 'depths/empty/more', 'touch depths/empty/more'],
    ['type', 'depths/empty', 'rmdir depths/empty; touch depths/empty'],
    ['mode', 'modes/4755', 'chmod 0755 modes/4755'],
    ['mode', 'modes/folder 1777', "chmod 0777 'modes/folder 1777'"],
    ['mtime', 'times/a nanosecond', "touch -d '@1700000000.000000002' 'times/a nanosecond'"],
    ['mtime', 'times/at 1970 link', "touch -h -d @1 'times/at 1970 link'"],
    ['mtime', 'times/all digits folder', "touch -d @1712345678.98765432 'times/all digits folder'"],
    ['size', 'modes/0644', keepingTime('modes/0644', 'echo >> modes/0644')],
    ['content', 'modes/0644', keepingTime('modes/0644', "printf 'odD\\n' > modes/0644")],
    ['target', 'links/to 2', keepingTime('links', "ln -sfn ../name 'links/to 2'")],
    ['links', 'links/two', keepingTime('links', 'cp -p links/two links/new; mv -f links/new links/two')],
    [
      'xattr',
      'attributes/file',
      `python3 -c "import os; os.setxattr('attributes/file', 'user.empty', b'x')"`,
    ],
    [
      'xattr',
      'attributes/folder',
      `python3 -c "import os; os.removexattr('attributes/folder', 'user.folder')"`,
    ],
    [
      'sparse',
      'sparse/all hole',
      keepingTime(
        'sparse',
        "cp -p --sparse=never 'sparse/all hole' sparse/x; mv -f sparse/x 'sparse/all hole'",
      ),
    ],
    ...(isRoot
      ? ([
          ['owner', 'modes/0400', 'chown 77:0 modes/0400'],
          ['owner', 'specials/of 1234 5678 link', "chown -h 1234:5679 'specials/of 1234 5678 link'"],
          [
            'device',
            'specials/null',
            keepingTime('specials', 'rm specials/null; mknod -m 644 specials/null c 1 5'),
          ],
        ] as const)
      : []),
  ]

  test.each(changes)('finds %s: %s', async (kind, path, script) => {
    const { differences } = await compareTrees(left, await changed(script))
    expect(differences).toContainEqual(expect.objectContaining({ kind, path }))
    // Beside it at most what comes with it: the time of what was changed and of the folder, and the names that are one file.
    const others = differences.filter((found) => found.kind !== kind)
    expect(others.filter((found) => !['mtime', 'missing', 'links', 'target'].includes(found.kind))).toEqual(
      [],
    )
    expect(differences.length).toBeLessThanOrEqual(7)
  })

  test('prints a line for each difference and ends with 1; leaves out what it is told to', async () => {
    const right = await changed('chmod 0640 modes/0644; touch -d @5 modes/0400')
    const told = await python([COMPARE, left, right])
    expect(told.code).toBe(1)
    expect(told.stdout).toContain('mode modes/0644: 0o644 | 0o640\n')
    expect(told.stdout).toMatch(/\n\d+ entries compared \(.*\), \d+ bytes: 2 differences\n$/)
    const { differences } = await compareTrees(left, right, ['mode', 'mtime'])
    expect(differences).toEqual([])
  })

  test('ends with 2 where there is nothing to compare', async () => {
    expect(await python([COMPARE, left, join(left, 'nothing here')])).toMatchObject({ code: 2 })
    await expect(compareTrees(left, join(left, 'nothing here'))).rejects.toThrow('exit code 2')
    expect(await python([COMPARE, '--ignore', 'colour', left, left])).toMatchObject({ code: 2 })
  })
})
