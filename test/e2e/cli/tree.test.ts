/** The tree people work in: directories, copies, aliases and shares, over a grid of five processes. */
import { mkdir, readdir, readFile, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises'
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
  holdsNone,
  makeFile,
  sha256Of,
  temporaryFolder,
  until,
} from '../../support/cairn-process.ts'

afterAll(cleanUp)

const copyMessage = z.object({
  files: z.number(),
  bytes: z.number(),
  directories: z.number(),
  unchanged: z.number(),
  skipped: z.number(),
  failed: z.number(),
  failures: z.array(z.object({ path: z.string(), code: z.string(), message: z.string() })),
})
const listMessage = z.array(
  z.object({
    path: z.string(),
    type: z.string(),
    isWritable: z.boolean(),
    sizeBytes: z.number().nullable(),
    modifiedAt: z.string().nullable(),
  }),
)
const deepMessage = z.object({
  verifyCapability: z.string(),
  things: z.number(),
  healthy: z.number(),
  missing: z.number(),
  unrecoverable: z.number(),
  repaired: z.number(),
  notHealthy: z.array(z.object({ kind: z.string(), path: z.string().optional() })),
})

let folder: string
let grid: GridProcess
let source: string

beforeAll(async () => {
  folder = await temporaryFolder()
  grid = await GridProcess.start(join(folder, 'grid'), ['--servers', '5'])
  atEnd(() => grid.stop())
  source = join(folder, 'photos')
  await mkdir(join(source, '2026', 'may'), { recursive: true })
  await mkdir(join(source, 'empty'))
  await makeFile(join(source, '2026', 'film.mkv'), 3_000_000)
  for (let number = 0; number < 30; number += 1) {
    await writeFile(join(source, '2026', 'may', `${number}.jpg`), `picture ${number} `.repeat(200))
  }
  await writeFile(join(source, 'run.sh'), '#!/bin/sh\n', { mode: 0o755 })
  await utimes(join(source, 'run.sh'), 1_000_000_000, 1_000_000_000)
  await symlink('run.sh', join(source, 'link'))
})

const run = (...args: string[]) => cairn([...args, '--home', grid.client])
const list = async (place: string) =>
  listMessage.parse(JSON.parse((await run('ls', place, '--json')).stdout.toString()))
const copy = (...args: string[]) => cairnJson(copyMessage, ['cp', ...args, '--home', grid.client])

async function withDaemon(work: () => Promise<void>): Promise<void> {
  const daemon = new CairnProcess(['run', '--home', grid.client, '--json'])
  await daemon.firstLine()
  try {
    await work()
  } finally {
    daemon.child.kill('SIGTERM')
    expect((await daemon.ended).code).toBe(0)
  }
}

for (const name of ['alone', 'daemon']) {
  const home = (path = ''): string => `${name}:${path}`

  describe(name === 'alone' ? 'without a daemon' : 'through a daemon', () => {
    beforeAll(async () => {
      if (name === 'alone') return
      const daemon = new CairnProcess(['run', '--home', grid.client, '--json'])
      await daemon.firstLine()
      return async () => {
        daemon.child.kill('SIGTERM')
        expect((await daemon.ended).code).toBe(0)
      }
    })

    test('an alias for a new directory, and directories in it', async () => {
      const created = await run('alias', 'create', name)
      expect(created).toMatchObject({ code: 0, stdout: Buffer.alloc(0) })
      expect(created.stderr).not.toContain('cairn:dir:')
      expect((await stat(join(grid.client, 'aliases'))).mode & 0o777).toBe(0o600)
      expect((await run('mkdir', '-p', home('a/b/c'), home('a'))).code).toBe(0)
      expect((await run('mkdir', home('a/b'))).code).toBe(9)
      const refused = await run('mkdir', home('x/y'))
      expect(refused.code).toBe(4)
      expect(refused.stderr).toContain('-p makes the directories above too')
      expect((await run('ls', '-R', home())).stdout.toString()).toBe('a/\na/b/\na/b/c/\n')
    })

    test('a copy onto the grid, listed, copied again, and back', async () => {
      const first = await copy('-r', source, home())
      expect(first).toMatchObject({ exitCode: 0, files: 32, directories: 4, skipped: 1, failed: 0 })
      const again = await copy('-r', source, home())
      expect(again).toMatchObject({ exitCode: 0, files: 0, bytes: 0, unchanged: 32 })
      const long = (await run('ls', '-l', home('photos'))).stdout.toString()
      expect(long).toMatch(/^dw {2}.* 2026\/\ndw .* empty\/\nf- {6}10 B {2}2001-09-09 \d\d:46 {2}run\.sh\n$/)
      const back = join(folder, `back-${name}`)
      expect(await copy('-r', home('photos'), back)).toMatchObject({ exitCode: 0, files: 32 })
      expect(await sha256Of(join(back, '2026', 'film.mkv'))).toBe(
        await sha256Of(join(source, '2026', 'film.mkv')),
      )
      const { mode, mtimeMs } = await stat(join(back, 'run.sh'))
      expect([mode & 0o777, mtimeMs]).toEqual([0o755, 1e12])
      expect(await readdir(join(back, 'empty'))).toEqual([])
      expect(await copy('-r', `${home('photos')}/.`, back)).toMatchObject({ files: 32 })
    })

    test('mv, ln and rm', async () => {
      expect((await run('mv', home('photos/run.sh'), home('a/b'))).code).toBe(0)
      expect((await run('mv', home('a/b/run.sh'), home('a/b/renamed'))).code).toBe(0)
      expect((await run('mv', home('a'), home('a/b'))).code).toBe(2)
      expect((await run('ls', home('a/b'))).stdout.toString()).toBe('c/\nrenamed\n')
      expect((await run('ln', home('a/b/renamed'), home('again'))).code).toBe(0)
      expect((await run('ln', home('a/b/renamed'), home('again'))).code).toBe(9)
      expect((await run('ln', '--read-only', home('photos'), home('shown'))).code).toBe(0)
      expect((await run('mkdir', home('shown/no'))).code).toBe(3)
      const refused = await run('rm', home('photos'))
      expect(refused.code).toBe(2)
      expect(refused.stderr).toContain('not empty')
      expect((await run('rm', home('again'), home('a/b/c'))).code).toBe(0)
      expect((await run('rm', home('again'))).code).toBe(4)
      expect((await run('rm', '-f', home('again'))).code).toBe(0)
      expect((await run('ls', home('a/b'))).stdout.toString()).toBe('renamed\n')
      expect((await run('get', home('a/b/renamed'))).stdout.toString()).toBe('#!/bin/sh\n')
    })

    test('a copy within the grid sends nothing, and is a directory of its own', async () => {
      const copied = await copy('-r', home('photos'), home('other'))
      expect(copied).toMatchObject({ exitCode: 0, files: 31, bytes: 0, directories: 4 })
      expect((await run('rm', '-r', home('other/2026'))).code).toBe(0)
      expect((await list(home('photos/2026'))).map(({ path }) => path)).toEqual(['film.mkv', 'may'])
    })

    test('files that can be replaced keep their capabilities', async () => {
      const put = await cairn(['put', '-', home('notes'), '--mutable', '--home', grid.client], {
        stdin: 'first',
      })
      expect(put).toMatchObject({ code: 0, stdout: Buffer.alloc(0) })
      const shared = (await run('share', home('notes'))).stdout.toString().trim()
      expect(shared).toMatch(/^cairn:slot-read:/)
      expect(
        (await cairn(['put', '-', home('notes'), '--home', grid.client], { stdin: 'second' })).code,
      ).toBe(0)
      expect((await run('get', shared)).stdout.toString()).toBe('second')
      expect(await list(home('notes'))).toMatchObject([
        { path: 'notes', type: 'slot', isWritable: true, sizeBytes: 6 },
      ])
    })

    test('what is shared does the job and no more', async () => {
      const share = async (...args: string[]) => (await run('share', ...args)).stdout.toString().trim()
      const read = await share(home('photos'))
      expect(read).toMatch(/^cairn:dir-read:/)
      expect((await run('ls', `${read}/2026`)).stdout.toString()).toBe('film.mkv\nmay/\n')
      expect((await run('mkdir', `${read}/new`)).code).toBe(3)
      const verify = await share('--verify', home('photos'))
      expect(verify).toMatch(/^cairn:dir-verify:/)
      expect((await run('ls', verify)).code).toBe(3)
      const checked = await cairnJson(deepMessage, ['check', '--deep', verify, '--home', grid.client])
      expect(checked).toMatchObject({ exitCode: 0, things: 35, healthy: 35, unrecoverable: 0 })
      expect(await share('--write', home('photos'))).toMatch(/^cairn:dir:/)
      expect((await run('share', '--write', home('photos/2026/film.mkv'))).code).toBe(3)
      const drawn = await run('share', '--qr', home('photos'))
      expect(drawn.stdout.toString()).toContain('▄')
      expect(drawn.stderr).toMatch(/^Whoever has it can read this directory/)
    })

    test('progress comes as JSON lines when asked for', async () => {
      const copied = await run('cp', '-r', source, home('progress'), '--json', '--progress')
      const lines = copied.stdout.toString().trim().split('\n')
      expect(JSON.parse(lines[0] ?? '')).toMatchObject({ progress: { stage: 'copying' } })
      expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ files: 32, failed: 0 })
    })

    test('a copy that was broken off goes on where it was', async () => {
      const many = join(folder, `many-${name}`)
      await mkdir(many)
      for (let number = 0; number < 400; number += 1) {
        await writeFile(join(many, `${number}`), `${number} `.repeat(300))
      }
      const copying = new CairnProcess([
        'cp',
        '-r',
        many,
        home('many'),
        '--json',
        '--progress',
        '--home',
        grid.client,
      ])
      await until(async () => (await run('ls', home('many'))).code === 0)
      copying.child.kill('SIGKILL')
      await copying.ended
      const linked = (await list(home('many'))).length
      expect(linked).toBeGreaterThan(0)
      const rest = await copy('-r', `${many}/.`, home('many'))
      expect(rest).toMatchObject({ exitCode: 0, files: 400 - linked, unchanged: linked, failed: 0 })
      expect((await list(home('many'))).length).toBe(400)
    })

    test('Ctrl-C in the middle of a copy ends it with 130 and keeps what was sent', async () => {
      const copying = new CairnProcess([
        'cp',
        '-r',
        join(folder, `many-${name}`),
        home('again'),
        '--json',
        '--progress',
        '--home',
        grid.client,
      ])
      await copying.firstLine()
      copying.child.kill('SIGINT')
      const ended = await copying.ended
      if (ended.code === 0) return
      expect([ended.code, ended.stderr]).toEqual([130, 'cairn: interrupted\n'])
      const rest = await copy('-r', join(folder, `many-${name}`), home())
      expect(rest).toMatchObject({ exitCode: 0, failed: 0 })
    })
  })
}

test('two processes add 500 names each to one directory at once, and all 1,000 are there', async () => {
  const sides = ['left', 'right']
  for (const side of sides) {
    await mkdir(join(folder, side))
    for (let number = 0; number < 500; number += 1) {
      await writeFile(join(folder, side, `${side}-${number}`), `${side} ${number}`)
    }
  }
  const both = (target: string) =>
    Promise.all(sides.map((side) => copy('-r', `${join(folder, side)}/.`, target)))
  const expectAll = async (target: string, copied: Awaited<ReturnType<typeof both>>) => {
    for (const each of copied) expect(each).toMatchObject({ exitCode: 0, files: 500, failed: 0 })
    const names = (await list(target)).map(({ path }) => path)
    const wanted = sides.flatMap((side) => Array.from({ length: 500 }, (_, number) => `${side}-${number}`))
    expect(names).toEqual(wanted.sort())
  }
  await run('mkdir', 'alone:both')
  await expectAll('alone:both', await both('alone:both'))
  await withDaemon(async () => {
    await run('mkdir', 'alone:both-daemon')
    await expectAll('alone:both-daemon', await both('alone:both-daemon'))
  })
})

test('aliases are kept, told apart and taken away with care', async () => {
  const shared = join(folder, 'shared.cap')
  await writeFile(shared, (await run('share', 'alone:photos')).stdout)
  expect((await run('alias', 'add', 'photos', `@${shared}`)).code).toBe(0)
  expect((await run('alias', 'add', 'photos', `@${shared}`)).code).toBe(9)
  expect((await run('alias', 'list')).stdout.toString()).toBe(
    'alone:   dir\ndaemon:  dir\nphotos:  dir-read\n',
  )
  expect((await run('alias', 'list', '--show')).stdout.toString()).toContain('alone:   cairn:dir:')
  const kept = await run('alias', 'rm', 'daemon')
  expect([kept.code, kept.stderr]).toEqual([9, expect.stringContaining('ever again')])
  expect((await run('alias', 'rm', 'photos')).code).toBe(0)
  expect((await run('alias', 'rm', '--force', 'daemon')).code).toBe(0)
  const unknown = await cairnJson(errorMessage, ['ls', 'daemon:', '--home', grid.client])
  expect(unknown).toMatchObject({
    exitCode: 2,
    error: { message: expect.stringContaining('there are: alone') },
  })
})

test('calls that make no sense are refused with a hint', async () => {
  const both = await run('cp', source, folder)
  expect([both.code, both.stderr]).toEqual([2, expect.stringContaining('both are paths of this machine')])
  expect((await run('cp', source, 'alone:x')).stderr).toContain('-r copies it')
  expect((await run('get', 'alone:photos')).stderr).toContain('cairn cp -r')
  expect((await run('ls', './alone:')).stderr).toContain('one of the grid is wanted')
  expect((await run('ls', 'alone:..')).code).toBe(2)
  expect((await run('cp', join(folder, 'nothing'), 'alone:')).code).toBe(2)
  expect((await run('put', join(source, 'run.sh'), 'alone:nowhere/x')).code).toBe(4)
})

test('what servers lose is told by name, and mended by whoever may only verify', async () => {
  const [lost] = grid.servers
  if (lost === undefined) throw new Error('a server wanted')
  const verify = (await run('share', '--verify', 'alone:photos')).stdout.toString().trim()
  const healthy = await cairnJson(deepMessage, ['check', '--deep', 'alone:photos', '--home', grid.client])
  expect(healthy).toMatchObject({ exitCode: 0, unrecoverable: 0 })
  await grid.kill([lost])
  const checked = await cairnJson(deepMessage, ['check', '--deep', 'alone:photos', '--home', grid.client])
  expect(checked.exitCode).toBe(0)
  expect(checked.healthy).toBeLessThan(checked.things)
  expect(checked.notHealthy.map(({ path }) => path)).toContain('2026/film.mkv')
  const repaired = await cairnJson(deepMessage, ['repair', '--deep', verify, '--home', grid.client])
  expect(repaired).toMatchObject({ exitCode: 0, unrecoverable: 0 })
  expect(repaired.repaired).toBeGreaterThan(0)
  const again = await cairnJson(deepMessage, ['verify', '--deep', verify, '--home', grid.client])
  expect(again.exitCode).toBe(0)
})

test('a directory that only a minority of servers answers for is listed with a warning', async () => {
  await grid.kill(grid.servers.slice(1, 3))
  const listed = await run('ls', 'alone:photos')
  expect(listed.code).toBe(0)
  expect(listed.stderr).toContain('warning (partial)')
  const { client } = grid
  const capability = /alone: (cairn:dir:\S+)/.exec(await readFile(join(client, 'aliases'), 'utf8'))?.[1] ?? ''
  const logs = grid.servers.map(({ dir }) => join(dir, 'daemon.log'))
  expect(await holdsNone(logs, [capability.slice(10, 40)])).toBe(true)
  const broken = join(folder, 'broken')
  await writeFile(broken, capability)
  await truncate(broken, capability.length - 1)
  expect((await run('ls', `@${broken}`)).stderr).not.toContain(capability.slice(10, 30))
})
