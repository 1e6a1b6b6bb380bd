/** Backups over a grid of five processes: made, looked into, restored, kept by rules, proven, and got back from a kit. */
import { spawnSync } from 'node:child_process'
import { chmod, chown, cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  atEnd,
  CairnProcess,
  cairn,
  cairnJson,
  cleanUp,
  errorMessage,
  GridProcess,
  makeFile,
  temporaryFolder,
  until,
} from '../../support/cairn-process.ts'
import { compareTrees, makeOddTree } from '../../support/compare-trees.ts'

afterAll(cleanUp)

const totals = z.object({
  files: z.number(),
  newFiles: z.number(),
  changedFiles: z.number(),
  unmodifiedFiles: z.number(),
  addedBytes: z.number(),
  storedBytes: z.number(),
})
const backupMessage = z.object({
  id: z.string().optional(),
  parent: z.string().optional(),
  host: z.string().optional(),
  totals,
  dryRun: z.boolean(),
  packBytesSent: z.number(),
  renewal: z.object({ things: z.number(), unrecoverable: z.number() }).optional(),
  problemCount: z.number(),
  problems: z.array(z.object({ path: z.string(), code: z.string(), message: z.string() })),
})
const snapshotMessage = z.object({
  id: z.string(),
  host: z.string(),
  tags: z.array(z.string()),
  paths: z.array(z.string()),
  totals,
})
const restoreMessage = z.object({
  snapshot: z.string(),
  files: z.number(),
  unchanged: z.number(),
  verified: z.number(),
  problemCount: z.number(),
})
const drillMessage = z.object({
  seed: z.string(),
  chosen: z.number(),
  right: z.number(),
  same: z.number(),
  isRight: z.boolean(),
  target: z.string().optional(),
})
const entryMessage = z.object({ path: z.string(), kind: z.string(), pathBytes: z.string().optional() })

let folder: string
let grid: GridProcess
let source: string
/** As it was at the first backup. */
let asItWas: string

beforeAll(async () => {
  folder = await temporaryFolder()
  // Somebody else has to reach what is in it.
  await chmod(folder, 0o755)
  grid = await GridProcess.start(join(folder, 'grid'), ['--servers', '5'])
  atEnd(() => grid.stop())
  source = join(folder, 'source')
  await mkdir(join(source, 'letters'), { recursive: true })
  await makeFile(join(source, 'film.mkv'), 5_000_000)
  for (let number = 0; number < 20; number += 1) {
    await writeFile(join(source, 'letters', `${number}.txt`), `dear ${number} `.repeat(100))
  }
  await makeOddTree(join(source, 'odd'))
})

const NOBODY = 65_534

const run = (...args: string[]) => cairn([...args, '--home', grid.client])
const backup = (...args: string[]) => cairnJson(backupMessage, ['backup', ...args, '--home', grid.client])
const restore = (...args: string[]) => cairnJson(restoreMessage, ['restore', ...args, '--home', grid.client])
async function snapshots(...args: string[]) {
  const { stdout } = await run('snapshots', '--json', ...args)
  return linesOf(snapshotMessage, stdout)
}
function linesOf<Schema extends z.ZodType>(schema: Schema, stdout: Buffer): readonly z.output<Schema>[] {
  const lines = stdout
    .toString()
    .split('\n')
    .filter((line) => line !== '')
  return lines.map((line) => schema.parse(JSON.parse(line)))
}

describe('a home without a repository', () => {
  test('says what is missing, and a dry run makes nothing', async () => {
    for (const args of [
      ['snapshots'],
      ['restore', 'latest', '--target', join(folder, 'x')],
      ['check'],
      ['drill'],
    ]) {
      const refused = await run(...args)
      expect([refused.code, refused.stderr]).toEqual([
        4,
        expect.stringContaining('cairn backup PATH makes one'),
      ])
    }
    const dry = await run('backup', source, '--dry-run')
    expect([dry.code, dry.stderr]).toEqual([4, expect.stringContaining('all would be new')])
    expect((await run('alias', 'list')).stderr).toContain('no aliases')
    const named = await cairnJson(errorMessage, ['backup', source, '-r', 'work:', '--home', grid.client])
    expect(named).toMatchObject({ exitCode: 2, error: { message: expect.stringContaining('no alias work') } })
  })
})

describe('backups', () => {
  test('the first makes the repository, and says how to keep it', async () => {
    const first = await run('backup', source)
    expect([first.code, first.stdout.length]).toEqual([0, 0])
    expect(first.stderr).toContain('backup: is a new repository')
    expect(first.stderr).toContain('cairn recovery-kit --output kit.html')
    expect(first.stderr).toMatch(/\d+ new, 0 changed, 0 unmodified/)
    expect(first.stderr).not.toMatch(/cairn:[a-z-]+:[a-z2-7]/)
    expect((await stat(join(grid.client, 'aliases'))).mode & 0o777).toBe(0o600)
    const [snapshot, ...more] = await snapshots()
    expect(more).toEqual([])
    expect(snapshot).toMatchObject({ host: hostname(), paths: [source], tags: [] })
    asItWas = join(folder, 'as-it-was')
    const { status } = spawnSync('cp', ['-a', source, asItWas])
    expect(status).toBe(0)
  })

  test('of what is unchanged nothing is read or sent', async () => {
    const again = await backup(source)
    expect(again).toMatchObject({ exitCode: 0, problemCount: 0, totals: { newFiles: 0, changedFiles: 0 } })
    expect(again.totals.unmodifiedFiles).toBe(again.totals.files)
    expect(again.packBytesSent).toBeLessThan(1000)
    const dry = await backup(source, '--dry-run', '--force')
    expect(dry).toMatchObject({ exitCode: 0, dryRun: true, packBytesSent: 0 })
    expect(dry.id).toBeUndefined()
  })

  test('the leases of all that is there are renewed once a week', async () => {
    const place = join(grid.client, 'backup')
    const [name = ''] = (await readdir(place)).filter((file) => file.startsWith('renewed-'))
    await writeFile(join(place, name), '0')
    const { renewal, exitCode } = await backup(source, '--tag', 'renewed')
    expect([exitCode, renewal?.unrecoverable]).toEqual([0, 0])
    expect(renewal?.things).toBeGreaterThan(5)
    expect((await backup(source)).renewal).toBeUndefined()
    await run('forget', '--tag', 'renewed', '--keep-tag', 'nothing', '--unsafe-allow-remove-all')
    const [, , third] = await snapshots()
    expect((await run('forget', third?.id ?? '')).code).toBe(0)
  })

  test('what changed is sent, and diff tells it', async () => {
    await writeFile(join(source, 'letters', '0.txt'), 'changed')
    await writeFile(join(source, 'letters', 'new.txt'), 'new')
    await rm(join(source, 'letters', '1.txt'))
    const changed = await backup(source, '--tag', 'weekly,kept')
    expect(changed.totals).toMatchObject({ newFiles: 1, changedFiles: 1 })
    expect(changed.totals.storedBytes).toBeLessThan(100_000)
    const [first, , last] = await snapshots()
    expect(last).toMatchObject({ tags: ['weekly', 'kept'] })
    const told = await run('diff', first?.id.slice(0, 8) ?? '', 'latest')
    const place = join(source, 'letters')
    expect(told.stdout.toString()).toBe(`M  ${place}/0.txt\n-  ${place}/1.txt\n+  ${place}/new.txt\n`)
    expect(told.stderr).toContain('1 added, 1 removed, 1 changed')
    expect((await snapshots('--tag', 'weekly')).length).toBe(1)
    expect((await snapshots('--tag', 'monthly')).length).toBe(0)
    expect((await snapshots('--latest', '1')).map(({ id }) => id)).toEqual([last?.id])
  })

  test('rules leave out what they say, and the home leaves out what is its own', async () => {
    await writeFile(join(folder, 'rules'), '# comment\n*.mkv\n')
    await backup(source, grid.client, '--tag', 'rules', '-e', 'odd', '--exclude-file', join(folder, 'rules'))
    const { stdout } = await run('ls', '-R', '--json', '--snapshot', 'latest', '--tag', 'rules', folder)
    const paths = linesOf(entryMessage, stdout).map(({ path }) => path.slice(folder.length))
    expect(paths).toContain('/source/letters/new.txt')
    expect(paths).toContain('/grid/client/aliases')
    expect(paths.filter((path) => /film|odd|\/client\/(backup|spool)\//.test(path))).toEqual([])
  })
})

describe('looking into snapshots', () => {
  test('ls lists folders, deep too, and odd names so that they can be typed', async () => {
    const names = join(source, 'odd', 'names')
    const listed = (await run('ls', '--snapshot', 'latest', '--tag', 'kept', names)).stdout.toString()
    expect(listed).toContain(`${names}/caf\\xe9\n`)
    expect(listed).toContain(`${names}/new\\x0aline\n`)
    const dumped = await run('dump', 'latest', '--tag', 'kept', `${names}/caf\\xe9`)
    expect([dumped.code, dumped.stdout]).toEqual([0, Buffer.from('caf\xe9', 'latin1')])
    const long = (
      await run('ls', '-l', '--snapshot', 'latest', '--tag', 'kept', join(source, 'letters', 'new.txt'))
    ).stdout
    expect(long.toString()).toMatch(
      /^-rw-r--r-- {2}\S+ \S+ +3 B {2}\d{4}-\d\d-\d\d \d\d:\d\d {2}\/.*new\.txt\n$/,
    )
    const nowhere = await run('ls', '--snapshot', 'latest', join(source, 'nowhere'))
    expect([nowhere.code, nowhere.stderr]).toEqual([4, expect.stringContaining('the snapshot has no /')])
  })

  test('find finds by name and path, in one snapshot or in all', async () => {
    const found = await run('find', 'new.txt', '--json', '--path', source)
    expect(linesOf(entryMessage, found.stdout).length).toBe(2)
    const before = await snapshots()
    const one = await run('find', '-i', '/**/LETTERS/?.txt', '-s', before[0]?.id ?? '')
    expect(one.stdout.toString().split('\n').length).toBe(12)
    expect((await run('find', 'no such name')).code).toBe(4)
  })

  test('dump writes files, and folders that tar reads', async () => {
    const file = await run('dump', 'latest', '--tag', 'kept', join(source, 'letters', '0.txt'))
    expect(file.stdout.toString()).toBe('changed')
    const archive = await run('dump', 'latest', '--tag', 'kept', join(source, 'letters'))
    const tar = spawnSync('tar', ['t'], { input: archive.stdout })
    expect([archive.code, tar.status]).toEqual([0, 0])
    expect(tar.stdout.toString().split('\n').slice(0, 2)).toEqual(['letters/', 'letters/0.txt'])
  })
})

describe('restores', () => {
  test('bring back the first snapshot and the last as they were, in every respect', async () => {
    const [first] = await snapshots()
    for (const [id, original] of [
      [first?.id ?? '', asItWas],
      ['latest', source],
    ] as const) {
      const target = join(folder, `restored-${id}`)
      const restored = await restore(id, '--tag', 'kept', '--target', target, '--verify')
      expect(restored).toMatchObject({ exitCode: 0, problemCount: 0 })
      expect(restored.verified).toBeGreaterThan(restored.files - 1)
      expect((await compareTrees(original, join(target, source))).differences).toEqual([])
    }
  })

  test('go where nothing is, unless somebody says what is to become of it', async () => {
    const target = join(folder, 'partly')
    await mkdir(join(target, 'letters'), { recursive: true })
    await writeFile(join(target, 'letters', '0.txt'), 'mine')
    const place = `latest:${join(source, 'letters')}`
    const refused = await run('restore', place, '--tag', 'kept', '--target', join(target, 'letters'))
    expect([refused.code, refused.stderr]).toEqual([9, expect.stringContaining('--overwrite changed')])
    const into = ['--tag', 'kept', '--target', join(target, 'letters')]
    const kept = await restore(place, ...into, '--overwrite', 'never')
    expect(kept).toMatchObject({ exitCode: 0, files: 19 })
    expect(await readFile(join(target, 'letters', '0.txt'), 'utf8')).toBe('mine')
    const changed = await restore(place, ...into, '--overwrite', 'changed')
    expect(changed).toMatchObject({ exitCode: 0, files: 1, unchanged: 19 })
    expect(await readFile(join(target, 'letters', '0.txt'), 'utf8')).toBe('changed')
  })

  test('of a part, by patterns; a dry run writes nothing', async () => {
    const target = join(folder, 'part')
    const args = ['latest', '--tag', 'kept', '--target', target, '--include', 'letters/1*', '-e', '10.txt']
    expect(await restore(...args, '--dry-run')).toMatchObject({ files: 9 })
    await expect(readdir(target)).rejects.toThrow('ENOENT')
    expect(await restore(...args)).toMatchObject({ exitCode: 0, files: 9 })
    const names = await readdir(join(target, source, 'letters'))
    expect(names.sort()).toEqual(
      ['11', '12', '13', '14', '15', '16', '17', '18', '19'].map((name) => `${name}.txt`),
    )
    expect(await readdir(join(target, source))).toEqual(['letters'])
  })

  test('refuse what is not there or not clear', async () => {
    const target = ['--target', join(folder, 'nothing')]
    const wrong = await run('restore', 'zzzz', ...target)
    expect([wrong.code, wrong.stderr]).toEqual([4, expect.stringContaining('no snapshot begins with zzzz')])
    expect((await run('restore', '', ...target)).code).toBe(2)
    expect((await run('restore', `latest:${source}/film.mkv`, '--tag', 'kept', ...target)).stderr).toContain(
      'cairn dump',
    )
    expect((await run('restore', `latest:${source}/none`, ...target)).code).toBe(4)
    expect((await run('restore', 'latest', '--host', 'nobody', ...target)).code).toBe(4)
  })
})

describe('drills', () => {
  const drill = (...args: string[]) => cairnJson(drillMessage, ['drill', ...args, '--home', grid.client])

  test('prove what they restore, the same for the same seed, and leave nothing behind', async () => {
    const first = await drill('--tag', 'kept', '--files', '12', '--seed', 'monday')
    expect(first).toMatchObject({ exitCode: 0, chosen: 12, right: 12, same: 12, isRight: true })
    const kept = join(folder, 'drilled')
    const again = await drill('--tag', 'kept', '--files', '12', '--seed', 'monday', '--target', kept)
    expect(again).toMatchObject({ exitCode: 0, target: kept, seed: 'monday' })
    const other = join(folder, 'drilled-again')
    await drill('--tag', 'kept', '--files', '12', '--seed', 'monday', '--target', other)
    expect((await compareTrees(kept, other, ['mtime'])).differences).toEqual([])
    const text = await run('drill', '--tag', 'kept', '--files', '3')
    expect(text.stdout.toString()).toMatch(
      /^drill of \d{4}-\d\d-\d\d \d\d:\d\d, snapshot \w{8} of .*, seed \w{8}\n/,
    )
    expect(text.stdout.toString()).toContain('3 of 3 files restored and right')
  })

  test('refuse a target that has something in it', async () => {
    expect((await run('drill', '--target', source)).code).toBe(9)
  })
})

describe('retention', () => {
  test('forget keeps what rules keep, tells what it would do, and never leaves nothing by accident', async () => {
    const before = await snapshots()
    const args = ['--keep-last', '1', '--keep-tag', 'kept', '--path', source]
    const dry = await run('forget', ...args, '--dry-run')
    expect([dry.code, dry.stderr]).toEqual([0, expect.stringContaining('would be forgotten')])
    expect((await snapshots()).length).toBe(before.length)
    const refused = await run('forget', '--keep-tag', 'none such')
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('no rule keeps any snapshot')])
    expect((await run('forget')).code).toBe(2)
    const done = await run('forget', ...args, '--prune', '--json')
    expect(done.code).toBe(0)
    expect(JSON.parse(done.stdout.toString())).toMatchObject({ forgotten: expect.any(Array), dryRun: false })
    expect((await snapshots('--path', source)).length).toBeLessThan(before.length)
    expect((await snapshots('--tag', 'kept')).length).toBe(1)
  })

  test('after a prune that frees all it can, what is left is whole', async () => {
    const freed = await run('prune', '--unfinished', '--json')
    expect(freed.code).toBe(0)
    const checked = await run('check', '--read-data', '--json')
    expect([checked.code, JSON.parse(checked.stdout.toString())]).toMatchObject([0, { problemCount: 0 }])
    let packsRead = 0
    for (const part of ['1/3', '2/3', '3/3']) {
      const { stdout } = await run('check', '--read-data-subset', part, '--json')
      packsRead += Number(JSON.parse(stdout.toString()).packsRead)
    }
    expect(packsRead).toBe(JSON.parse(checked.stdout.toString()).packsRead)
    const target = join(folder, 'after-prune')
    expect(await restore('latest', '--tag', 'kept', '--target', target)).toMatchObject({ exitCode: 0 })
    expect((await compareTrees(source, join(target, source))).differences).toEqual([])
  })

  test('by id, and the last one only if that is meant', async () => {
    const [last] = await snapshots('--tag', 'rules')
    expect((await run('forget', last?.id.slice(0, 8) ?? '')).code).toBe(0)
    const [only, ...none] = await snapshots()
    expect(none).toEqual([])
    const refused = await run('forget', only?.id ?? '')
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('none would be left')])
  })
})

describe('what goes wrong', () => {
  test('a backup that is killed is finished by the next, which sends the rest', async () => {
    const large = join(folder, 'large')
    await mkdir(large)
    await makeFile(join(large, 'one'), 80_000_000, 2)
    await makeFile(join(large, 'two'), 80_000_000, 3)
    const args = ['backup', large, '--json', '--progress', '--home', grid.client]
    const killed = new CairnProcess(args)
    // Of four packs or five, two at most are on their way.
    await until(() => /"bytesDone":1[3-5]\d{7}\b/.test(killed.stdout))
    killed.child.kill('SIGKILL')
    expect((await killed.ended).code).toBe('SIGKILL')
    expect((await snapshots('--path', large)).length).toBe(0)
    const next = await backup(large)
    expect(next).toMatchObject({ exitCode: 0, problemCount: 0 })
    expect(next.packBytesSent).toBeLessThan(160_000_000)
    const target = join(folder, 'after-kill')
    expect(await restore('latest', '--path', large, '--target', target)).toMatchObject({
      exitCode: 0,
      files: 2,
    })
    expect((await compareTrees(large, join(target, large))).differences).toEqual([])
  })

  test('Ctrl-C ends it with 130, and the next finishes it', async () => {
    const large = join(folder, 'large')
    await makeFile(join(large, 'three'), 80_000_000, 4)
    const running = new CairnProcess(['backup', large, '--json', '--progress', '--home', grid.client])
    await until(() => /"bytesDone":(1[7-9]|2)\d{7}\b/.test(running.stdout))
    running.child.kill('SIGINT')
    const ended = await running.ended
    expect(ended.code).toBe(130)
    expect(ended.stderr).toContain('cairn: interrupted\n')
    expect(await backup(large)).toMatchObject({ exitCode: 0, totals: { unmodifiedFiles: 2, newFiles: 1 } })
    expect((await run('check')).code).toBe(0)
  })

  test('what may not be read is told, is no failure, and ends with 1', async () => {
    const isRoot = process.getuid?.() === 0
    const foreign = join(folder, 'foreign')
    await mkdir(join(foreign, 'secret'), { recursive: true })
    await writeFile(join(foreign, 'open'), 'open')
    await writeFile(join(foreign, 'secret', 'inside'), 'inside')
    await writeFile(join(foreign, 'closed\n'), 'closed')
    const home = join(folder, 'nobody')
    await cp(grid.client, home, { recursive: true, filter: (path) => !/\/(backup|lock)$/.test(path) })
    if (isRoot) for (const path of await allBelow(home, foreign)) await chown(path, NOBODY, NOBODY)
    await chmod(join(foreign, 'closed\n'), 0)
    await chmod(join(foreign, 'secret'), 0)
    const enter = isRoot
      ? ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--inh-caps=-all', '--']
      : []
    const args = ['backup', foreign, '--json', '--home', home]
    const running = new CairnProcess(args, { enter, env: { HOME: home } })
    const { code, stdout, stderr } = await running.ended
    await chmod(join(foreign, 'secret'), 0o755)
    expect([code, stderr]).toEqual([1, ''])
    const report = backupMessage.parse(JSON.parse(stdout.toString()))
    expect(report.problems.map(({ path }) => path.slice(foreign.length)).sort()).toEqual([
      '/closed\n',
      '/secret',
    ])
    expect(report.totals).toMatchObject({ newFiles: 1 })
    const listed = await run('ls', '-R', '--snapshot', report.id ?? '', foreign)
    expect(listed.stdout.toString()).toContain(`${foreign}/open\n`)
  })

  test('paths that are not there, and options that make no sense', async () => {
    expect((await run('backup', join(folder, 'nothing'))).code).toBe(2)
    const partly = await backup(join(folder, 'nothing'), join(source, 'letters'))
    expect(partly).toMatchObject({ exitCode: 1, problemCount: 1 })
    expect((await run('backup', source, '--tag', 'x'.repeat(300))).code).toBe(2)
    expect((await run('backup', source, '--exclude-file', join(folder, 'none'))).code).toBe(2)
    expect((await run('backup', source, '--create', '-r', 'backup:')).code).toBe(9)
    expect((await run('snapshots', '-r', './here')).code).toBe(2)
    await run('alias', 'create', 'plain')
    expect((await run('snapshots', '-r', 'plain:')).code).toBe(4)
    expect((await run('recovery-kit', '-r', 'plain:')).code).toBe(4)
  })
})

async function allBelow(...folders: readonly string[]): Promise<readonly string[]> {
  const lists = folders.map(async (root) => {
    const entries = await readdir(root, { recursive: true, withFileTypes: true })
    return [root, ...entries.map((entry) => join(entry.parentPath, entry.name))]
  })
  return (await Promise.all(lists)).flat()
}
