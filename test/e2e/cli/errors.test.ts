/** What goes wrong, as a user meets it: one line that says what, a next step, the exit code, and nothing lost. */
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  atEnd,
  CairnProcess,
  cairn,
  cairnJson,
  cleanUp,
  errorMessage,
  GridProcess,
  invite,
  makeFile,
  temporaryFolder,
} from '../../support/cairn-process.ts'

afterAll(cleanUp)

let folder: string
let grid: GridProcess
let path: string

beforeAll(async () => {
  folder = await temporaryFolder()
  grid = await GridProcess.start(join(folder, 'grid'), ['--servers', '3', '--lend', '4 MiB'])
  atEnd(() => grid.stop())
  path = await makeFile(join(folder, 'file'), 1_000_000)
})

const home = () => ['--home', grid.client]

describe('capabilities', () => {
  let good: string
  beforeAll(async () => {
    good = (await cairn(['put', path, ...home()])).stdout.toString().trim()
    expect(good).toMatch(/^cairn:file:/)
  })

  test.each([
    ['malformed', () => 'cairn:hello', 2, 'looks like cairn:<kind>:'],
    ['truncated', () => good.slice(0, -5), 2, 'mistyped or cut short'],
    ['mistyped', () => good.replace(/.$/, (last) => (last === 'a' ? 'b' : 'a')), 2, 'mistyped or cut short'],
    ['of no kind', () => good.replace(':file:', ':fyle:'), 2, 'unknown kind'],
    ['of a kind that it is not', () => good.replace(':file:', ':dir:'), 2, 'checksum'],
    ['too long', () => `${good}${good}`, 2, 'at most'],
    ['of another kind than it says', () => good.replace(':file:', ':file-verify:'), 2, 'checksum'],
    ['in no file', () => '@/no/such/file', 2, 'no such file'],
  ])('one that is %s is refused', async (_what, capability, code, why) => {
    for (const verb of ['get', 'check']) {
      const ended = await cairn([verb, capability(), ...home()])
      expect(ended.code).toBe(code)
      expect(ended.stderr).toMatch(/^cairn: .*\n$/)
      expect(ended.stderr).toContain(why)
      expect(ended.stderr).not.toContain(good.slice(12, 40))
      expect(ended.stdout).toHaveLength(0)
    }
  })

  test('one that only verifies does not read, and a literal has nothing to check', async () => {
    const verify = (await cairnJson(errorMessage.partial().loose(), ['check', good, ...home()]))
      .verifyCapability
    const read = await cairn(['get', String(verify), ...home()])
    expect(read).toMatchObject({ code: 3 })
    expect(read.stderr).toContain('a read capability')
    const literal = (await cairn(['put', '-', ...home()], { stdin: 'x' })).stdout.toString().trim()
    expect(await cairnJson(errorMessage, ['verify', literal, ...home()])).toMatchObject({
      exitCode: 3,
      error: { code: 'WEAK_CAPABILITY' },
    })
  })
})

describe('a put', () => {
  test('of a file that is not there, or a folder', async () => {
    expect(await cairn(['put', '/no/such', ...home()])).toMatchObject({ code: 2 })
    const ended = await cairn(['put', folder, ...home()])
    expect(ended).toMatchObject({ code: 2 })
    expect(ended.stderr).toContain('it is a folder')
  })

  test('on a grid too small for the numbers proposes ones that fit', async () => {
    const args = ['put', path, '--needed', '3', '--happy', '7', '--total', '10', ...home()]
    const ended = await cairn(args)
    expect(ended.code).toBe(6)
    expect(ended.stderr).toContain('nothing was promised')
    expect(ended.stderr).toContain('any 2 of 3 servers may be lost')
    expect(ended.stderr).toContain('--needed 1 --happy 2 --total 3')
    expect(await cairnJson(errorMessage, args)).toMatchObject({
      exitCode: 6,
      error: { code: 'UNHAPPY', details: { proposal: { neededShares: 1, happyServers: 2, totalShares: 3 } } },
    })
  })

  test('of more than the servers lend fails, and takes no space', async () => {
    const large = await makeFile(join(folder, 'large'), 6_000_000, 3)
    const ended = await cairn(['put', large, ...home()])
    expect(ended.code).toBe(6)
    expect(ended.stderr).toContain('3 full')
    const again = await cairn(['put', path, ...home()])
    expect(again.code).toBe(0)
    const back = await cairn(['get', again.stdout.toString().trim(), ...home()])
    expect(back.stdout.equals(await readFile(path))).toBe(true)
  })
})

describe('a home', () => {
  test('that nobody has made', async () => {
    const ended = await cairn(['status', '--home', join(folder, 'nothing')])
    expect(ended.code).toBe(4)
    expect(ended.stderr).toMatch(/is not a home: it has no cairn\.toml\n {2}Make one: cairn init/)
  })

  test('is made once, and never overwritten', async () => {
    const place = ['--home', join(folder, 'once')]
    expect((await cairn(['init', ...place, '--lend', '1 GiB'])).code).toBe(0)
    const before = await readFile(join(folder, 'once', 'cairn.toml'), 'utf8')
    expect((await cairn(['init', ...place])).code).toBe(9)
    expect(await readFile(join(folder, 'once', 'cairn.toml'), 'utf8')).toBe(before)
    expect((await cairn(['init', '--home', join(folder, 'bad'), '--lend', 'much'])).code).toBe(2)
  })

  test('with a broken configuration', async () => {
    const place = join(folder, 'broken')
    await cairn(['init', '--home', place])
    await writeFile(
      join(place, 'cairn.toml'),
      '[storage]\nlend = "much"\ncolour = 1\n[encoding]\nneeded = 900\n',
    )
    const ended = await cairn(['status', '--home', place])
    expect(ended.code).toBe(2)
    for (const part of ['4 problems', 'storage.lend', 'storage', 'encoding.needed'])
      expect(ended.stderr).toContain(part)
    await writeFile(join(place, 'cairn.toml'), '[storage\n')
    expect((await cairn(['run', '--home', place])).stderr).toContain('line 1')
  })

  test('whose bootstrap addresses do not answer', async () => {
    const place = join(folder, 'alone')
    await cairn(['init', '--home', place, '--bootstrap', '/ip4/127.0.0.1/tcp/1'])
    const small = await makeFile(join(folder, 'small'), 1000, 4)
    await writeFile(join(folder, 'cap'), (await cairn(['put', small, ...home()])).stdout)
    for (const args of [
      ['put', path],
      ['get', `@${join(folder, 'cap')}`],
      ['check', `@${join(folder, 'cap')}`],
    ]) {
      const ended = await cairn([...args, '--home', place])
      expect(ended.code).toBe(12)
      expect(ended.stderr).toContain('/ip4/127.0.0.1/tcp/1')
      expect(ended.stderr).toContain('ECONNREFUSED')
      expect(ended.stderr).toContain('network.bootstrap')
    }
    const status = await cairn(['status', '--home', place])
    expect(status.code).toBe(0)
    expect(status.stdout.toString()).toContain('ECONNREFUSED')
  })
})

describe('a daemon', () => {
  test('is alone on its home', async () => {
    const [server] = grid.servers
    const ended = await cairn(['run', '--home', server?.dir ?? ''])
    expect(ended.code).toBe(9)
    expect(ended.stderr).toContain(`another daemon runs on ${server?.dir} (process ${server?.pid})`)
    const status = await cairn(['status', '--home', server?.dir ?? ''])
    expect(status.stdout.toString()).toContain('(this one)')
  })

  test('says which port is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    atEnd(async () => taken.close())
    const address = taken.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const place = join(folder, 'port')
    await cairn(['init', '--home', place, '--listen', `/ip4/127.0.0.1/tcp/${port}`, '--lend', '1 GiB'])
    const ended = await cairnJson(errorMessage, ['run', '--home', place])
    expect(ended).toMatchObject({ exitCode: 9, error: { code: 'CONFLICT' } })
    expect(ended.error.message).toContain(`${port}`)
    await writeFile(join(place, 'cairn.toml'), `[gateway]\nport = ${port}\n`)
    const gateway = await cairn(['run', '--home', place])
    expect(gateway.code).toBe(9)
    expect(gateway.stderr).toContain('another process holds the port')
  })

  test('that was killed is not in the way of commands, nor of the next', async () => {
    const place = join(folder, 'killed')
    const [server] = grid.servers
    const [link = ''] = await invite(server?.dir ?? '', ['killed'])
    expect((await cairn(['join', link, '--home', place])).code).toBe(0)
    const daemon = new CairnProcess(['run', '--home', place])
    await daemon.firstLine()
    daemon.child.kill('SIGKILL')
    await daemon.ended
    expect((await cairn(['status', '--home', place])).stdout.toString()).toContain('3 of 3 answer')
    const next = new CairnProcess(['run', '--home', place, '--json'])
    expect(JSON.parse(await next.firstLine())).toMatchObject({ ready: true })
    next.child.kill('SIGINT')
    expect((await next.ended).code).toBe(0)
  })
})

test('a wrong command line ends with 2 and says where help is', async () => {
  const ended = await cairn(['put'])
  expect(ended).toMatchObject({ code: 2 })
  expect(ended.stderr).toBe(
    "cairn: missing required argument 'file'\n  cairn --help lists the commands; cairn VERB --help has examples.\n",
  )
})
