/** How safe files are, as `cairn status` tells it of a grid of real daemons. */
import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  atEnd,
  CairnProcess,
  cairn,
  cairnJson,
  cleanUp,
  makeFile,
  temporaryFolder,
  until,
} from '../../support/cairn-process.ts'

const chance = z.object({ expected: z.number(), atMost: z.number() })
const durability = z.object({
  fileCount: z.number(),
  unreadableCount: z.number(),
  worst: z.object({ foundShares: z.number(), serverCount: z.number(), siteCount: z.number() }),
  lossInYear: chance,
  lossUnrepaired: chance,
  isRepaired: z.boolean(),
  isMeasured: z.boolean(),
  weakest: z
    .object({ places: z.array(z.object({ kind: z.string(), owner: z.string(), site: z.string() })) })
    .optional(),
  evidence: z.object({ serverCount: z.number() }),
  advice: z.array(z.object({ change: z.object({ kind: z.string() }), lossInYear: z.number() })),
})
const statusMessage = z.object({
  servers: z.array(z.object({ peerId: z.string(), status: z.unknown().optional() })),
  durability: z.object({ put: durability.optional() }),
})
const readyMessage = z.object({ addresses: z.array(z.string()).min(1) })

/** Two of three servers are anna's, in her attic. */
const SERVERS = [
  { name: 'one', owner: 'anna', site: 'attic' },
  { name: 'two', owner: 'anna', site: 'attic' },
  { name: 'three', owner: 'bert', site: 'cellar' },
] as const
const NUMBERS = ['--needed', '2', '--happy', '3', '--total', '3']

let folder: string
/** Running daemons by the name of their homes. */
const daemons = new Map<string, CairnProcess>()
const homeOf = (name: string) => join(folder, name)

beforeAll(async () => {
  folder = await temporaryFolder()
  let bootstrap: readonly string[] = []
  for (const { name, owner, site } of SERVERS) {
    const home = homeOf(name)
    await cairn([
      'init',
      '--open',
      '--home',
      home,
      '--lend',
      '50 MB',
      '--reserve',
      '0',
      ...bootstrap,
      ...NUMBERS,
    ])
    const config = join(home, 'cairn.toml')
    const text = await readFile(config, 'utf8')
    const domain = `[failure_domain]\nowner = "${owner}"\nsite = "${site}"`
    if (text.includes('[failure_domain]')) await writeFile(config, text.replace('[failure_domain]', domain))
    else await appendFile(config, `\n${domain}\n`)
    const daemon = new CairnProcess(['run', '--home', home, '--json'])
    atEnd(async () => daemon.child.kill('SIGKILL'))
    daemons.set(name, daemon)
    const [address = ''] = readyMessage.parse(JSON.parse(await daemon.firstLine())).addresses
    if (bootstrap.length === 0) bootstrap = ['--bootstrap', address]
  }
})
afterAll(cleanUp)

const statusOf = (name: string) => cairnJson(statusMessage, ['status', '--home', homeOf(name)])

describe('cairn status', () => {
  test('says how safe a file is that is put now, what would lose it, and what would help', async () => {
    await until(async () => (await statusOf('three')).servers.filter(({ status }) => status).length === 3)
    const { put } = (await statusOf('three')).durability
    if (put === undefined) throw new Error('nothing said of a put')
    expect(put.worst).toEqual({ foundShares: 3, serverCount: 3, siteCount: 2 })
    expect(put.weakest?.places).toEqual([{ kind: 'site', owner: 'anna', site: 'attic' }])
    expect(put.isMeasured).toBe(false)
    expect(put.lossInYear.expected).toBeLessThan(put.lossInYear.atMost)
    expect(put.lossInYear.atMost).toBeLessThanOrEqual(put.lossUnrepaired.atMost)

    const stdout = (await cairn(['status', '--home', homeOf('three')])).stdout.toString()
    expect(stdout).toContain('1 file with 3 of 3 shares on 3 servers in 2 failure domains, 2 needed')
    expect(stdout).toMatch(
      /chance of losing it in a year.*not enough measured yet \(0 days of records of 2 servers/,
    )
    expect(stdout).toContain("would lose data: anna's at attic gone for good")
  })
})

describe('cairn check --safety', () => {
  const at = () => ['--home', homeOf('three')]
  const safety = () => cairnJson(durability, ['check', '--safety', 'home:', ...at()])

  test('says how safe all files below a directory are, while servers go', async () => {
    await cairn(['alias', 'create', 'home', ...at()])
    for (const name of ['a', 'b']) {
      await cairn(['put', await makeFile(join(folder, name), 100_000), `home:${name}`, ...at()])
    }
    expect(await safety()).toMatchObject({
      exitCode: 0,
      fileCount: 2,
      unreadableCount: 0,
      worst: { foundShares: 3, serverCount: 3, siteCount: 2 },
      weakest: { places: [{ kind: 'site', owner: 'anna', site: 'attic' }] },
      // The daemon has looked at the two others, and remembers.
      evidence: { serverCount: 2 },
    })
    const lines = (await cairn(['check', '--safety', 'home:a', ...at()])).stdout.toString()
    expect(lines).toContain('1 file with 3 of 3 shares on 3 servers in 2 failure domains, 2 needed')

    const roots = z.object({ roots: z.array(z.object({ name: z.string(), durability })) })
    expect(await cairnJson(roots, ['status', '--roots', ...at()])).toMatchObject({
      roots: [{ name: 'home', durability: { fileCount: 2, worst: { foundShares: 3 } } }],
    })
    const text = (await cairn(['status', '--roots', ...at()])).stdout.toString()
    expect(text).toContain(
      'root      home: 2 files with 3 of 3 shares on 3 servers in 2 failure domains, 2 needed',
    )

    daemons.get('one')?.child.kill('SIGKILL')
    expect(await safety()).toMatchObject({ unreadableCount: 0, worst: { foundShares: 2 } })
    daemons.get('two')?.child.kill('SIGKILL')
    expect(await safety()).toMatchObject({ exitCode: 5, fileCount: 2, unreadableCount: 2 })
  })
})
