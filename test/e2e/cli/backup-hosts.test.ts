/** Backups of several hosts and homes: at once, through a daemon, and from nothing but a recovery kit. */
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  atEnd,
  CairnProcess,
  cairn,
  cleanUp,
  type Ended,
  GridProcess,
  holdsNone,
  makeFile,
  temporaryFolder,
} from '../../support/cairn-process.ts'
import { compareTrees } from '../../support/compare-trees.ts'

afterAll(cleanUp)

let folder: string
let grid: GridProcess
let source: string

beforeAll(async () => {
  folder = await temporaryFolder()
  grid = await GridProcess.start(join(folder, 'grid'), ['--servers', '5'])
  atEnd(() => grid.stop())
  source = join(folder, 'source')
  await mkdir(join(source, 'letters'), { recursive: true })
  await makeFile(join(source, 'film.mkv'), 3_000_000)
  for (let number = 0; number < 10; number += 1) {
    await writeFile(join(source, 'letters', `${number}.txt`), `dear ${number}\n`)
  }
})

const at = (home: string, ...args: string[]): Promise<Ended> => cairn([...args, '--home', home])
const own = (...args: string[]): Promise<Ended> => at(grid.client, ...args)

async function done(ended: Promise<Ended>): Promise<string> {
  const { code, stdout, stderr } = await ended
  expect([code, code === 0 ? '' : stderr]).toEqual([0, ''])
  return stdout.toString()
}

async function hostsOf(home: string): Promise<readonly string[]> {
  const lines = (await done(at(home, 'snapshots', '--json'))).trim().split('\n')
  return lines.map((line) => JSON.parse(line).host)
}

async function expectRestored(home: string, original: string, ...args: string[]): Promise<void> {
  const target = join(folder, `restored-${Math.random()}`)
  await done(at(home, 'restore', ...args, '--target', target, '--verify'))
  expect((await compareTrees(original, join(target, original))).differences).toEqual([])
}

describe('a recovery kit', () => {
  let reading: string

  test('is all that a bare machine needs to restore', async () => {
    await done(own('backup', source, '--host', 'first'))
    const page = join(folder, 'kit.html')
    const made = await own('recovery-kit', '--output', page)
    expect([made.code, made.stderr]).toEqual([0, expect.stringContaining('remove the file')])
    expect((await stat(page)).mode & 0o777).toBe(0o600)
    expect((await own('recovery-kit', '--output', page)).code).toBe(9)
    reading = join(folder, 'bare')
    const made2 = await at(reading, 'init', '--kit', page)
    expect([made2.code, made2.stderr]).toEqual([0, expect.stringContaining('Next: cairn snapshots')])
    expect((await stat(join(reading, 'aliases'))).mode & 0o777).toBe(0o600)
    expect(await hostsOf(reading)).toEqual(['first'])
    await expectRestored(reading, source, 'latest')
    expect((await at(reading, 'drill', '--files', '3')).code).toBe(0)
  })

  test('only reads, unless it is made to write', async () => {
    for (const args of [
      ['backup', source],
      ['forget', '--keep-last', '1'],
      ['prune'],
      ['recovery-kit', '--write'],
    ]) {
      expect((await at(reading, ...args)).code).toBe(3)
    }
    const { stdout } = await own('recovery-kit', '--write')
    const writing = join(folder, 'writing')
    const init = await cairn(['init', '--kit', '-', '--home', writing], { stdin: stdout })
    expect(init.code).toBe(0)
    const sent = JSON.parse(await done(at(writing, 'backup', source, '--host', 'second', '--json')))
    // All that is in the files was there.
    expect(sent.packBytesSent).toBeLessThan(100_000)
    expect(await hostsOf(grid.client)).toEqual(['first', 'second'])
    const again = await cairn(['init', '--kit', '-', '--home', writing], { stdin: stdout })
    expect([again.code, again.stderr]).toEqual([0, expect.stringContaining('left as it is')])
    const other = await cairn(['init', '--kit', join(folder, 'kit.html'), '--home', writing])
    expect([other.code, other.stderr]).toEqual([9, expect.stringContaining('for another repository')])
  })

  test('that is lost is expelled, and then reads nothing', async () => {
    const { peerId } = JSON.parse(await done(at(reading, 'status', '--json')))
    const [server] = grid.servers
    await done(at(server?.dir ?? '', 'expel', peerId))
    const refused = await at(reading, 'snapshots')
    expect(refused.code).toBe(14)
  })

  test('is refused if it is none, and names the members that it is told to', async () => {
    const none = join(folder, 'none')
    await writeFile(join(folder, 'letter'), 'dear bob')
    expect((await at(none, 'init', '--kit', join(folder, 'letter'))).code).toBe(2)
    expect((await at(none, 'init', '--kit', join(folder, 'nothing'))).code).toBe(2)
    await expect(stat(none)).rejects.toThrow('ENOENT')
    const elsewhere = await own('recovery-kit', '--member', '/dns4/grid.example/tcp/4001')
    expect([elsewhere.code, elsewhere.stderr]).toEqual([
      1,
      expect.stringContaining('does not work from here'),
    ])
    expect(elsewhere.stdout.toString()).toContain('\nmember:\n  /dns4/grid.example/tcp/4001\nshares: 2 4 5\n')
  })
})

describe('a drop-box', () => {
  let host: string
  let kept: string
  const file = () => join(folder, 'cellar.drop')

  test('is made by the owner, shown once, and accepted by a host that may do nothing else', async () => {
    const made = await own('drop', 'create', 'cellar', '--output', file())
    expect([made.code, made.stdout.length]).toEqual([0, 0])
    expect((await stat(file())).mode & 0o777).toBe(0o600)
    expect(await readFile(file(), 'utf8')).toMatch(/^cairn:drop:[a-z2-7]+\n$/)
    expect((await own('drop', 'create', 'cellar', '--output', join(folder, 'x'))).code).toBe(9)
    expect((await own('drop', 'create', 'attic', '--output', file())).code).toBe(9)
    host = join(folder, 'cellar')
    const [server] = grid.servers
    const link = await done(at(server?.dir ?? '', 'invite', '--name', 'cellar', '--role', 'client'))
    const numbers = ['--needed', '2', '--happy', '4', '--total', '5']
    await cairn(['join', '-', ...numbers, '--home', host], { stdin: link })
    expect((await at(host, 'drop', 'accept', `@${join(folder, 'kit.html')}`)).code).toBe(2)
    await done(at(host, 'drop', 'accept', `@${file()}`))
    expect((await stat(join(host, 'drop-box'))).mode & 0o777).toBe(0o600)
    expect((await at(host, 'drop', 'accept', `@${file()}`)).code).toBe(9)
  })

  test('takes backups, which the owner collects, restores and forgets, and the host cannot', async () => {
    kept = join(folder, 'kept')
    await mkdir(kept)
    await makeFile(join(kept, 'film.mkv'), 3_000_000)
    expect((await at(host, 'backup', kept)).stderr).toContain('is in the drop-box')
    await writeFile(join(kept, 'late.txt'), 'late')
    await done(at(host, 'backup', kept))
    const sent = JSON.parse(await done(at(host, 'backup', kept, '--json')))
    expect(sent.packBytesSent).toBeLessThan(1000)
    expect(sent).toMatchObject({ totals: { newFiles: 0, changedFiles: 0 } })
    for (const args of [
      ['snapshots'],
      ['restore', 'latest', '--target', join(folder, 'y')],
      ['prune'],
      ['drill'],
    ]) {
      const refused = await at(host, ...args)
      expect([refused.code, refused.stderr]).toEqual([
        3,
        expect.stringContaining('can neither read nor change'),
      ])
    }
    const listed = await own('snapshots', '-r', 'cellar:', '--json')
    expect(listed.stderr).toBe('')
    expect(listed.stdout.toString().trim().split('\n').length).toBe(3)
    await expectRestored(grid.client, kept, 'latest', '-r', 'cellar:')
    await done(own('forget', '-r', 'cellar:', '--keep-last', '1', '--prune'))
    await done(own('check', '-r', 'cellar:', '--read-data'))
    await expectRestored(grid.client, kept, 'latest', '-r', 'cellar:')
    const direct = await own('backup', kept, '-r', 'cellar:')
    expect([direct.code, direct.stderr]).toEqual([2, expect.stringContaining('through its drop-box alone')])
  })
})

describe('several hosts', () => {
  test('back up at once, and everything of each is there', async () => {
    const other = join(folder, 'writing')
    const mine = join(folder, 'mine')
    const theirs = join(folder, 'theirs')
    for (const [place, seed] of [
      [mine, 7],
      [theirs, 8],
    ] as const) {
      await mkdir(place)
      await makeFile(join(place, 'own'), 20_000_000, seed)
      await makeFile(join(place, 'both'), 10_000_000, 9)
    }
    await Promise.all([
      done(own('backup', mine, '--host', 'one')),
      done(at(other, 'backup', theirs, '--host', 'two')),
    ])
    expect((await hostsOf(other)).slice(-2).sort()).toEqual(['one', 'two'])
    await done(own('check', '--read-data'))
    for (const [place, host] of [
      [mine, 'one'],
      [theirs, 'two'],
    ] as const) {
      const target = join(folder, `back-${host}`)
      await done(own('restore', 'latest', '--host', host, '--target', target))
      expect((await compareTrees(place, join(target, place))).differences).toEqual([])
    }
  })

  test('are told apart by the rules of a forget, and a prune runs beside a backup', async () => {
    const other = join(folder, 'writing')
    await makeFile(join(folder, 'mine', 'own'), 20_000_000, 10)
    const [forgotten] = await Promise.all([
      done(own('forget', '--keep-last', '1', '--prune', '--json')),
      done(at(other, 'backup', join(folder, 'mine'), '--host', 'one')),
    ])
    expect(JSON.parse(forgotten).groups.length).toBeGreaterThanOrEqual(4)
    await done(own('check', '--read-data'))
    await expectRestored(other, source, 'latest', '--host', 'first')
  })
})

describe('through a daemon', () => {
  beforeAll(async () => {
    const daemon = new CairnProcess(['run', '--home', grid.client, '--json'])
    await daemon.firstLine()
    return async () => {
      daemon.child.kill('SIGTERM')
      expect((await daemon.ended).code).toBe(0)
    }
  })

  test('backups and restores are the same', async () => {
    await done(own('backup', source, '--host', 'first', '--force'))
    await expectRestored(grid.client, source, 'latest', '--host', 'first')
    await done(own('forget', '--keep-last', '1', '--prune'))
    await done(own('check', '--read-data'))
  })

  test('two commands of one home do not disturb each other', async () => {
    const [one, other] = await Promise.all([own('backup', source), own('backup', source)])
    expect([one.code, other.code].sort()).toEqual([0, 13])
    const both = await Promise.all([own('snapshots'), own('find', '*.txt')])
    expect(both.map(({ code }) => code)).toEqual([0, 0])
  })
})

describe('another repository', () => {
  test('is made if it is asked for, and is another', async () => {
    const missing = await own('backup', source, '--repository', 'work:')
    expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining('no alias work')])
    const made = await own('backup', source, '--repository', 'work:', '--create')
    expect([made.code, made.stderr]).toEqual([0, expect.stringContaining('recovery-kit --repository work:')])
    const listed = await done(own('snapshots', '-r', 'work:', '--json'))
    expect(listed.trim().split('\n').length).toBe(1)
    const shared = join(folder, 'work.cap')
    await writeFile(shared, await done(own('share', 'work:')))
    await done(own('restore', 'latest', '-r', `@${shared}`, '--target', join(folder, 'from-cap')))
    expect((await own('prune', '-r', `@${shared}`)).code).toBe(3)
  })

  test('is named by an alias in a unit, which tells no secrets and is only shown', async () => {
    const args = ['backup', source, '--exclude', '*.o', '--install-timer=03:30', '--print']
    const shown = await own(...args, '-r', 'work:')
    expect(shown.code).toBe(0)
    expect(shown.stderr).toContain('OnCalendar=03:30\n')
    expect(shown.stderr).toContain(`"--repository=work:" "--exclude=*.o" "--" "${source}"`)
    const secret = await own(...args, '-r', `@${join(folder, 'work.cap')}`)
    expect([secret.code, secret.stderr]).toEqual([2, expect.stringContaining('by an alias')])
  })
})

test('no server and no log has heard of a capability', async () => {
  const aliases = await readFile(join(grid.client, 'aliases'), 'utf8')
  const secrets = [...aliases.matchAll(/cairn:dir:(\S+)/g)].map(([, secret = '']) => secret.slice(2, 40))
  expect(secrets.length).toBeGreaterThanOrEqual(2)
  expect(
    await holdsNone(
      grid.servers.map(({ dir }) => join(dir, 'daemon.log')),
      secrets,
    ),
  ).toBe(true)
  expect((await stat(join(grid.client, 'backup'))).mode & 0o777).toBe(0o700)
})
