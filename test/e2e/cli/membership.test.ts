/** A grid of members made by commands: three machines from nothing, and everybody who must stay outside. */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  findNodeKey,
  issueChain,
  loadOwnChain,
  type NodeKey,
  nodeDisk,
  publicKeyOf,
  saveOwnChain,
  signerOf,
} from '#node'
import { findFreePorts } from '../../../cli/free-ports.ts'
import {
  atEnd,
  CairnProcess,
  cairn,
  cairnJson,
  cleanUp,
  type Ended,
  errorMessage,
  invite,
  makeFile,
  sha256Of,
  temporaryFolder,
  until,
} from '../../support/cairn-process.ts'

const NUMBERS = ['--needed', '1', '--happy', '2', '--total', '3']
const NOT_ADMITTED = 14
const SERVERS = ['ann', 'bob', 'carol', 'old']

const membersMessage = z.object({
  members: z.array(
    z.object({ name: z.string(), peerId: z.string(), invitedBy: z.object({ name: z.string() }).optional() }),
  ),
  expelled: z.array(z.object({ name: z.string() })),
})
const expelMessage = z.object({ name: z.string(), told: z.number(), missed: z.array(z.string()) })
const statusMessage = z.object({
  servers: z.array(z.object({ peerId: z.string(), problem: z.string().optional() })),
  bootstrapProblems: z.array(z.string()),
  membership: z.object({ name: z.string(), problem: z.string().optional() }).optional(),
})

let folder: string
let file: string
/** A port for each home, so that it is found again after a restart. */
const ports = new Map<string, number>()
/** Running daemons by the name of their homes. */
const daemons = new Map<string, CairnProcess>()

const homeOf = (name: string) => join(folder, name)
const at = (name: string) => ['--home', homeOf(name)]
const lends = (name: string) => ['--lend', '50 MB', '--listen', `/ip4/127.0.0.1/tcp/${ports.get(name)}`]

afterAll(cleanUp)

beforeAll(async () => {
  folder = await temporaryFolder()
  file = await makeFile(join(folder, 'file'), 100_000)
  const free = await findFreePorts(SERVERS.length)
  for (const [index, name] of SERVERS.entries()) ports.set(name, free[index] ?? 0)
})

/** A command that goes on running, until its node is ready. */
async function begin(name: string, args: readonly string[]): Promise<CairnProcess> {
  const running = new CairnProcess([...args, ...at(name)])
  daemons.set(name, running)
  atEnd(() => stop(name))
  // Init says `HOME is ready: …` before the daemon does.
  const isReady = (): boolean => /^ready: /m.test(running.stdout)
  await until(() => isReady() || running.child.exitCode !== null)
  if (!isReady()) throw new Error(`${name} did not start: ${running.stderr}`)
  return running
}

async function stop(name: string): Promise<void> {
  const running = daemons.get(name)
  daemons.delete(name)
  running?.child.kill('SIGTERM')
  await running?.ended
}

async function restart(name: string): Promise<void> {
  await stop(name)
  await begin(name, ['run'])
}

async function put(name: string, path = file): Promise<Ended> {
  return await cairn(['put', path, ...NUMBERS, ...at(name)])
}

/** What each other server says to a home. */
async function problemsOf(name: string): Promise<readonly string[]> {
  const { servers } = await cairnJson(statusMessage, ['status', ...at(name)])
  return servers.flatMap(({ problem }) => problem ?? [])
}

describe('three machines', () => {
  let link: string
  let capability: string

  test('become a grid with five commands', async () => {
    await begin('ann', ['init', '--name', 'ann', ...lends('ann'), '--run'])
    const [bob = '', carol = ''] = await invite(homeOf('ann'), ['bob', 'carol'])
    link = bob
    await writeFile(join(folder, 'bob.link'), `${bob}\n`)
    await begin('bob', ['join', `@${join(folder, 'bob.link')}`, ...lends('bob'), '--run'])
    await begin('carol', ['join', carol, ...lends('carol'), '--run'])
    const stored = await put('carol')
    expect(stored).toMatchObject({ code: 0 })
    capability = stored.stdout.toString().trim()

    const back = join(folder, 'back')
    expect((await cairn(['get', capability, back, ...at('bob')])).code).toBe(0)
    expect(await sha256Of(back)).toBe(await sha256Of(file))
    for (const name of ['ann', 'bob', 'carol']) {
      const { members } = await cairnJson(membersMessage, ['members', ...at(name)])
      expect(members.map((member) => [member.name, member.invitedBy?.name])).toEqual([
        ['ann', undefined],
        ['bob', 'ann'],
        ['carol', 'ann'],
      ])
    }
  })

  test('keep their secrets for themselves: modes, logs, and the founder told to keep a copy', async () => {
    const names = await readdir(homeOf('ann'))
    expect(names).toContain('founder.key')
    expect(await readdir(homeOf('bob'))).not.toContain('founder.key')
    const { mode } = await (await import('node:fs/promises')).stat(join(homeOf('ann'), 'founder.key'))
    expect(mode & 0o777).toBe(0o600)
    expect(daemons.get('ann')?.stderr).toContain('Copy it to a safe place')
    const token = link.slice(-60)
    for (const running of daemons.values()) {
      expect(running.stderr).not.toContain(token)
      expect(running.stdout).not.toContain(token)
    }
    const book = await readFile(join(homeOf('ann'), 'invitations.cbor'), 'latin1')
    expect(book).not.toContain(token)
  })

  test('an invitation that was used is refused, and makes no home', async () => {
    const ended = await cairn(['join', link, ...at('thief')])
    expect(ended.code).toBe(NOT_ADMITTED)
    expect(ended.stderr).toMatch(/this invitation was used already, on .* UTC by 12D3KooW/)
    expect(ended.stderr).not.toContain(link.slice(20, 60))
    expect((await cairn(['status', ...at('thief')])).code).toBe(4)
    const mistyped = await cairn(['join', `${link}a`, ...at('thief')])
    expect(mistyped.code).toBe(2)
    expect(mistyped.stderr).not.toContain(link.slice(20, 60))
    // The one who used it may do so again, as after a crash.
    await stop('bob')
    expect((await cairn(['join', link, ...at('bob')])).code).toBe(0)
    await begin('bob', ['run'])
  })

  test('a stranger with an address gets nothing, and is told why', async () => {
    const [address = ''] = addressesOf('ann')
    await cairn(['init', '--open', '--bootstrap', address, ...at('stranger')])
    for (const args of [
      ['get', capability],
      ['check', capability],
      ['put', file, ...NUMBERS],
    ]) {
      const ended = await cairn([...args, ...at('stranger')])
      expect(ended.code).toBe(NOT_ADMITTED)
      expect(ended.stderr).toContain('no certificate was shown')
      expect(ended.stderr).toContain('cairn join')
    }
    const status = await cairnJson(statusMessage, ['status', ...at('stranger')])
    expect(status.servers).toEqual([])
    expect(status.membership).toBeUndefined()
  })

  test('a member of another grid is told that it is of another', async () => {
    const [address = ''] = addressesOf('ann')
    await cairn(['init', ...at('other')])
    const config = join(homeOf('other'), 'cairn.toml')
    const text = await readFile(config, 'utf8')
    await writeFile(config, text.replace('# bootstrap = []', `bootstrap = ["${address}"]`))
    const ended = await put('other')
    expect(ended.code).toBe(NOT_ADMITTED)
    expect(ended.stderr).toContain('of another grid')
    // And is not made one of this grid by accident.
    const [invitation = ''] = await invite(homeOf('ann'), ['late'])
    const joined = await cairn(['join', invitation, ...at('other')])
    expect(joined.code).toBe(9)
    expect(joined.stderr).toContain('a member of another grid')
  })

  test('the owner of a server says how much a member may store, by its name', async () => {
    await writeFile(join(folder, 'large'), Buffer.alloc(900_000, 7))
    for (const name of ['ann', 'bob']) {
      const config = join(homeOf(name), 'cairn.toml')
      const text = await readFile(config, 'utf8')
      await writeFile(config, text.replace('[members.quota]', '[members.quota]\ncarol = "500 kB"'))
      await restart(name)
    }
    const ended = await put('carol', join(folder, 'large'))
    expect(ended.code).toBe(6)
    const failed = await cairnJson(errorMessage, ['put', join(folder, 'large'), ...NUMBERS, ...at('carol')])
    expect(JSON.stringify(failed.error)).toContain('of the 500000 that this server grants it')
    expect((await put('carol')).code).toBe(0)
    expect((await put('bob', join(folder, 'large'))).code).toBe(0)
  })

  test('a certificate that has run out is refused, and says on which day it did', async () => {
    const [invitation = ''] = await invite(homeOf('ann'), ['eve'])
    expect((await cairn(['join', invitation, ...at('eve')])).code).toBe(0)
    expect((await put('eve')).code).toBe(0)
    await expire('eve')
    const ended = await put('eve')
    expect(ended.code).toBe(NOT_ADMITTED)
    expect(ended.stderr).toMatch(/the certificate of eve \(12D3KooW\w+\) expired on 2020-01-01 00:00 UTC/)
    const status = await cairnJson(statusMessage, ['status', ...at('eve')])
    expect(status.membership?.problem).toContain('expired on 2020-01-01')
    // A new invitation mends it, and the home stays what it was.
    const [again = ''] = await invite(homeOf('ann'), ['eve'])
    expect((await cairn(['join', again, ...at('eve')])).code).toBe(0)
    expect((await put('eve')).code).toBe(0)
  })

  test('an expelled member can store, read and list nothing, on no server, and so it stays', async () => {
    expect(await problemsOf('bob')).toEqual([])
    const denied = await cairnJson(errorMessage, ['expel', 'bob', ...at('carol')])
    expect(denied).toMatchObject({ exitCode: NOT_ADMITTED })
    expect(denied.error.message).toContain('only the founder, or whoever stands above bob')
    const report = await cairnJson(expelMessage, ['expel', 'bob', ...at('ann')])
    expect(report).toMatchObject({ exitCode: 0, name: 'bob', told: 1, missed: [] })
    const checkOut = async () => {
      const problems = await problemsOf('bob')
      expect(problems).toHaveLength(2)
      for (const problem of problems)
        expect(problem).toMatch(/^bob \(.*\) was expelled on .* UTC by the founder$/)
      for (const args of [
        ['put', file, ...NUMBERS],
        ['check', capability],
      ]) {
        const ended = await cairn([...args, '--json', ...at('bob')])
        expect(`${ended.stdout}${ended.stderr}`).toContain('was expelled on')
      }
    }
    await checkOut()
    for (const name of ['ann', 'carol', 'bob']) await restart(name)
    await checkOut()
    // Not by another address, nor from a home that has its key and knows nothing yet.
    await stop('bob')
    await rm(join(homeOf('bob'), 'roster.cbor'))
    const alone = await put('bob')
    expect(alone.code).toBe(NOT_ADMITTED)
    expect(alone.stderr).toContain('was expelled on')
    const [invitation = ''] = await invite(homeOf('ann'), ['bob'])
    const joined = await cairn(['join', invitation, ...at('bob')])
    expect(joined.code).toBe(NOT_ADMITTED)
    expect(joined.stderr).toContain('a new home can be invited, this key cannot')
    const { members, expelled } = await cairnJson(membersMessage, ['members', ...at('carol')])
    expect(members.map(({ name }) => name)).toEqual(['ann', 'carol', 'eve'])
    expect(expelled.map(({ name }) => name)).toEqual(['bob'])
    expect((await put('carol')).code).toBe(0)
  })
})

describe('a home from before there were members', () => {
  test('goes on as an open grid, and becomes a member by an invitation, with its key and its shares', async () => {
    // As cairn init wrote it then: nothing about membership.
    await cairn(['init', '--open', ...lends('old'), ...at('old')])
    const config = join(homeOf('old'), 'cairn.toml')
    const text = (await readFile(config, 'utf8')).replace(/^.*[Mm]ember.*\n/gm, '')
    expect(text).not.toContain('membership')
    await writeFile(config, text)
    const one = ['--needed', '1', '--happy', '1', '--total', '1']
    await begin('old', ['run'])
    const stored = await cairn(['put', file, ...one, ...at('old')])
    expect(stored.code).toBe(0)
    for (const args of [['invite'], ['members'], ['expel', 'bob']]) {
      const ended = await cairn([...args, ...at('old')])
      expect(ended.code).toBe(2)
      expect(ended.stderr).toContain('open grid')
    }
    const [invitation = ''] = await invite(homeOf('ann'), ['old'])
    expect((await cairn(['join', invitation, ...at('old')])).code).toBe(9)
    await stop('old')
    const key = await readFile(join(homeOf('old'), 'node.key'))
    expect((await cairn(['join', invitation, ...at('old')])).code).toBe(0)
    expect(await readFile(join(homeOf('old'), 'node.key'))).toEqual(key)
    await begin('old', ['run'])
    await until(async () => (await cairnJson(statusMessage, ['status', ...at('old')])).servers.length >= 3)
    const back = join(folder, 'old-back')
    expect((await cairn(['get', stored.stdout.toString().trim(), back, ...at('old')])).code).toBe(0)
    expect(await sha256Of(back)).toBe(await sha256Of(file))
  })
})

function addressesOf(name: string): readonly string[] {
  const [, addresses = ''] = /ready: \S+ on (.*)/.exec(daemons.get(name)?.stdout ?? '') ?? []
  return addresses.split(', ')
}

/** Sign a home a certificate of long ago, with the key of its inviter. */
async function expire(name: string): Promise<void> {
  const parent = await loadOwnChain(nodeDisk, homeOf('ann'))
  const own = await loadOwnChain(nodeDisk, homeOf(name))
  const key: NodeKey | undefined = await findNodeKey(join(homeOf('ann'), 'node.key'))
  if (parent === undefined || own === undefined || key === undefined)
    throw new Error('a home is not what it was')
  expect(publicKeyOf(key)).toEqual(new Uint8Array(parent.own.subject))
  const expiresAtSeconds = Date.UTC(2020, 0, 1) / 1000
  const grant = { ...own.own, expiresAtSeconds }
  const chain = await issueChain(signerOf(key), { ...own.own, parent, grant, serial: own.own.serial + 1 })
  await saveOwnChain(nodeDisk, homeOf(name), chain)
}
