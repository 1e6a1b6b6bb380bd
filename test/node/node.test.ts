/** A whole node over the real platform: loopback, and folders of its own. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { concat, ENCODING_DEFAULT } from '#crypto'
import {
  ConflictError,
  createNode,
  downloadFile,
  loadOrCreateNodeKey,
  type Node,
  parseConfig,
  silentLog,
  systemPlatform,
  uploadFile,
} from '#node'
import { contentOf, fileSource } from '../support/memory-grid.ts'

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'cairn-node-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

async function open(home: string, config: object, lends = true): Promise<Node> {
  const node = await createNode(parseConfig(config, 'test'), systemPlatform(silentLog), {
    home,
    key: await loadOrCreateNodeKey(join(home, 'node.key')),
    version: 'test',
    lends,
  })
  onTestFinished(() => node[Symbol.asyncDispose]())
  return node
}

const SERVER = { storage: { lend: '1 GiB', reserve: 0 }, failure_domain: { owner: 'ann', site: 'cellar' } }
const ENCODING = { ...ENCODING_DEFAULT, neededShares: 1, totalShares: 2 }

describe('createNode', () => {
  test('makes members that find each other, hold files, and are found again without bootstrap', async () => {
    const first = await open(await folder(), SERVER)
    const second = await open(await folder(), { ...SERVER, network: { bootstrap: first.addresses() } })
    const home = await folder()
    const client = await open(home, { network: { bootstrap: first.addresses() } }, false)
    expect(client.addresses()).toEqual([])
    await client.waitForServers(2)
    const content = contentOf(100_000)
    const { capability, placements } = await uploadFile(client.grid, fileSource(content), {
      encoding: ENCODING,
      happyServers: 2,
    })
    expect(new Set(placements.map(({ serverId }) => serverId))).toEqual(
      new Set([first.peerId, second.peerId]),
    )
    await client[Symbol.asyncDispose]()

    const again = await open(home, {}, false)
    expect(again.serverCount).toBe(2)
    const parts: Uint8Array[] = []
    for await (const bytes of (await downloadFile(again.grid, capability)).content) parts.push(bytes)
    expect(concat(...parts)).toEqual(content)
    const status = await again.status()
    expect(status).toMatchObject({ lent: undefined, bootstrapProblems: [], addresses: [] })
    expect(status.servers.map(({ owner, status: answer }) => [owner, answer?.shareCount])).toEqual([
      ['ann', 1],
      ['ann', 1],
    ])
  })

  test('stores on itself, and not over the network', async () => {
    const node = await open(await folder(), SERVER)
    expect(node.serverCount).toBe(1)
    const options = { encoding: { ...ENCODING, totalShares: 1 }, happyServers: 1 }
    const { placements } = await uploadFile(node.grid, fileSource(contentOf(1000)), options)
    expect(placements).toEqual([{ shareNumber: 0, serverId: node.peerId }])
    expect((await node.status()).lent).toMatchObject({ shareCount: 1 })
  })

  test('says why it knows nobody', async () => {
    const node = await open(await folder(), { network: { bootstrap: ['/ip4/127.0.0.1/tcp/1'] } }, false)
    expect(node.serverCount).toBe(0)
    expect((await node.diagnoseBootstrap()).join()).toContain('ECONNREFUSED')
    expect((await node.status()).bootstrapProblems).toHaveLength(1)
  })

  test('refuses a port or a storage that is taken, and lets go of the rest', async () => {
    const home = await folder()
    const node = await open(home, SERVER)
    const port = /tcp\/\d+/.exec(node.addresses()[0] ?? '')?.[0]
    const same = { network: { listen: [`/ip4/127.0.0.1/${port}`] } }
    await expect(open(await folder(), same)).rejects.toThrow(ConflictError)
    await expect(open(home, SERVER)).rejects.toThrow(ConflictError)
    await node[Symbol.asyncDispose]()
    await open(home, { ...SERVER, ...same })
  })
})
