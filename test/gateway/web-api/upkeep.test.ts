/** Check, verify and repair through the web API, at once, in lines, and under handles. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { asSlotSeed, formatCapability, slotWriteCapability } from '#crypto'
import { systemClock } from '#node'
import { HANDLES_MAX, RETAIN_DEFAULT_SECONDS, RUNNING_MAX } from '../../../gateway/web-api/operations.ts'
import { fakeFiles } from '../../support/fake-files.ts'
import { closeStages } from '../../support/grid-stages.ts'
import { contentOf } from '../../support/memory-grid.ts'
import { type WebClient, type WebStage, webStage } from '../../support/web-client.ts'

const LARGE = Buffer.from(contentOf(100_000))
afterAll(closeStages)

interface Tree extends WebStage {
  readonly root: string
  readonly file: string
  readonly slot: string
}

async function treeStage(serverCount = 5): Promise<Tree> {
  const stage = await webStage({}, serverCount)
  const { client } = stage
  const root = await client.text('PUT', '/uri?t=mkdir')
  const file = await client.text('PUT', `/uri/${root}/sub/file`, { body: LARGE })
  const slot = await client.text('PUT', `/uri/${root}/slot?mutable=true`, { body: 'value' })
  await client.text('PUT', `/uri/${root}/literal`, { body: 'seven b' })
  return { ...stage, root, file, slot }
}

async function linesOf(client: WebClient, path: string): Promise<readonly Record<string, unknown>[]> {
  const answer = await client.ask('POST', path)
  expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/x-ndjson'])
  return answer.text
    .trim()
    .split('\n')
    .map((line) => Object(JSON.parse(line)))
}

describe('t=check', () => {
  test('of a file, a slot, a directory and a tree; a verify capability is enough', async () => {
    const { client, root, file, slot } = await treeStage()
    const children = JSON.stringify({ file: ['filenode', { ro_uri: file }] })
    const tree = await client.text('POST', '/uri?t=mkdir-immutable', { body: children })
    for (const one of [file, slot, root, tree]) {
      const [, { verify_uri }] = Object.values(Object(await client.json('GET', `/uri/${one}?t=json`))).map(
        Object,
      )
      for (const query of ['output=JSON', 'verify=true', 'add-lease=true']) {
        expect(await client.json('POST', `/uri/${verify_uri}?t=check&${query}`)).toMatchObject({
          'storage-index': expect.stringMatching(/^[a-z2-7]{52}$/),
          summary: expect.stringContaining('Healthy: found 5 of 5'),
          results: { healthy: true, recoverable: true, 'count-shares-good': 5, 'count-corrupt-shares': 0 },
        })
      }
    }
    const literal = await client.json('POST', `/uri/${root}/literal?t=check`)
    expect(literal).toMatchObject({ 'storage-index': '', results: { healthy: true } })
  })

  test('with verify finds a damaged share, and with repair makes it again', async () => {
    const { client, file, grid } = await treeStage()
    await grid.damageShare(2)
    const verified = await client.json('POST', `/uri/${file}?t=check&verify=true`)
    expect(verified).toMatchObject({
      results: {
        healthy: false,
        recoverable: true,
        'list-corrupt-shares': [[grid.serverId(2), expect.any(Number)]],
      },
    })
    expect(await client.json('POST', `/uri/${file}?t=check&repair=true`)).toMatchObject({
      'repair-attempted': true,
      'repair-successful': true,
      'pre-repair-results': { results: { healthy: false } },
      'post-repair-results': { results: { healthy: true } },
    })
    expect(await client.json('POST', `/uri/${file}?t=check&repair=true`)).toMatchObject({
      'repair-attempted': false,
    })
  })
})

describe('streams', () => {
  test('tell all below a directory, with names', async () => {
    const { client, root, file, slot } = await treeStage()
    const lines = await linesOf(client, `/uri/${root}?t=stream-manifest`)
    expect(lines.slice(0, -1).map(({ type, path, cap }) => [type, path, cap])).toEqual([
      ['directory', [], root],
      ['file', ['literal'], expect.stringMatching(/^cairn:lit:/)],
      ['file', ['slot'], slot],
      ['directory', ['sub'], expect.stringMatching(/^cairn:dir:/)],
      ['file', ['sub', 'file'], file],
    ])
    expect(lines.at(-1)).toEqual({
      type: 'stats',
      stats: {
        'count-immutable-files': 1,
        'count-mutable-files': 1,
        'count-literal-files': 1,
        'count-files': 3,
        'count-directories': 2,
        'count-unknown': 0,
        'size-immutable-files': LARGE.length,
        'size-mutable-files': 5,
        'size-literal-files': 7,
        'largest-immutable-file': LARGE.length,
      },
    })
  })

  test('check and repair all below it', async () => {
    const { client, root, grid, lose } = await treeStage(6)
    const whole = await linesOf(client, `/uri/${root}?t=stream-deep-check`)
    expect(
      whole
        .slice(0, -1)
        .map(({ type }) => type)
        .toSorted(),
    ).toEqual(['directory', 'directory', 'file', 'slot'])
    expect(whole.at(-1)).toMatchObject({
      type: 'stats',
      stats: { 'count-objects-checked': 4, 'count-objects-healthy': 4 },
    })
    lose(0)
    const less = await linesOf(client, `/uri/${root}?t=stream-deep-check&verify=true`)
    const [first] = less.filter(({ type }) => type === 'file')
    expect(first).toMatchObject({ 'check-results': { summary: 'Not healthy: found 4 of 5' } })
    const repaired = await linesOf(client, `/uri/${root}?t=stream-deep-check&repair=true`)
    expect(repaired.at(-1)).toMatchObject({
      stats: { 'count-objects-healthy': 4, 'count-objects-unhealthy': 0, 'count-shares-made': 4 },
    })
    for (const number of [0, 1, 2, 3, 4, 5]) grid.fault(number, { kind: 'down' })
    const gone = await client.ask('POST', `/uri/${root}?t=stream-manifest`)
    expect([gone.status, JSON.parse(gone.text).code]).toEqual([503, 'NOT_ENOUGH_SHARES'])
  })

  test('that break off say why in their last line', async () => {
    const root = formatCapability(slotWriteCapability('dir', asSlotSeed(new Uint8Array(32).fill(9))))
    const files = fakeFiles({
      async *walk() {
        for (let one = 0; one < 20; one += 1) {
          yield { path: ['a'], child: { name: 'a', capability: literal(), metadata: {} } }
        }
        throw new Error('a secret of ours')
      },
    })
    const { client } = await webStage({ files })
    const lines = await linesOf(client, `/uri/${root}?t=stream-manifest`)
    expect(lines.at(-1)).toMatchObject({ type: 'error', error: { code: 'INTERNAL' } })
    expect(JSON.stringify(lines)).not.toContain('secret of ours')
  })
})

function literal() {
  return slotWriteCapability('dir', asSlotSeed(new Uint8Array(32).fill(8)))
}

describe('operations', () => {
  let tree: Tree
  beforeAll(async () => {
    tree = await treeStage()
  })

  async function finished(client: WebClient, handle: string): Promise<Record<string, unknown>> {
    let last: Record<string, unknown> = {}
    await expect
      .poll(async () => {
        last = Object(await client.json('GET', `/operations/${handle}?t=status&output=JSON`))
        return last.finished
      })
      .toBe(true)
    return last
  }

  test.each([
    [
      'start-deep-check',
      { 'count-objects-checked': 4, 'count-objects-unhealthy': 0, 'list-unhealthy-files': [] },
    ],
    ['start-deep-size', { size: LARGE.length + 5 + 7 }],
    ['start-deep-stats', { 'count-files': 3, 'count-directories': 2, 'size-immutable-files': LARGE.length }],
  ])('go on after the answer of %s', async (form, outcome) => {
    const { client, root } = tree
    const started = await client.ask('POST', `/uri/${root}?t=${form}&ophandle=${form}.1`)
    expect(started.status).toBe(302)
    expect(started.headers.location).toBe(`/operations/${form}.1?t=status&output=JSON`)
    expect(await finished(client, `${form}.1`)).toMatchObject(outcome)
    const again = await client.ask('POST', `/uri/${root}?t=${form}&ophandle=${form}.1`)
    expect([again.status, JSON.parse(again.text).code]).toEqual([409, 'CONFLICT'])
    await client.json('GET', `/operations/${form}.1?release-after-complete=true`)
    expect((await client.ask('GET', `/operations/${form}.1?t=status`)).status).toBe(404)
  })

  test('give a manifest', async () => {
    const { client, root, file } = tree
    await client.ask('POST', `/uri/${root}?t=start-manifest&ophandle=m`)
    const { manifest, origin } = await finished(client, 'm')
    expect(origin).toBe(root)
    expect(manifest).toContainEqual([['sub', 'file'], file])
  })

  test.each(['', 'a b', '..', 'a%2fb', 'x'.repeat(129)])('have no handle %j', async (handle) => {
    const answer = await tree.client.ask(
      'POST',
      `/uri/${tree.root}?t=start-deep-size&ophandle=${encodeURIComponent(handle)}`,
    )
    expect([answer.status, JSON.parse(answer.text).code]).toEqual([400, 'INVALID_INPUT'])
  })

  test('are few, stop when they are cancelled, and end with the daemon', async () => {
    const stopped: unknown[] = []
    const root = formatCapability(literal())
    const files = fakeFiles({
      async *checkDeep(_, options) {
        await new Promise((_resolve, reject) => {
          options?.signal?.addEventListener('abort', () => reject(options.signal?.reason))
        }).catch((reason) => {
          stopped.push(reason)
          throw reason
        })
      },
    })
    const { client } = await webStage({ files })
    const start = (handle: string) => client.ask('POST', `/uri/${root}?t=start-deep-check&ophandle=${handle}`)
    for (let one = 0; one < RUNNING_MAX; one += 1) expect((await start(`h${one}`)).status).toBe(302)
    const more = await start('more')
    expect([more.status, JSON.parse(more.text).code]).toEqual([429, 'TOO_MANY_OPERATIONS'])
    expect(await client.json('GET', '/operations/h0')).toMatchObject({ finished: false })
    await client.json('POST', '/operations/h0?t=cancel')
    expect((await client.ask('GET', '/operations/h0')).status).toBe(404)
    await expect.poll(() => stopped.length).toBe(1)
    expect((await start('more')).status).toBe(302)
    await client.gateway[Symbol.asyncDispose]()
    await expect.poll(() => stopped.length).toBe(RUNNING_MAX + 1)
  })

  test('are kept for a time, and no more of them than fit', async () => {
    let elapsed = 0
    const clock = { ...systemClock, elapsed: () => elapsed }
    const files = fakeFiles({ async *checkDeep() {} })
    const { client } = await webStage({ files, clock })
    const root = formatCapability(literal())
    const start = (handle: string, query = '') =>
      client.ask('POST', `/uri/${root}?t=start-deep-check&ophandle=${handle}${query}`)
    const isKept = async (handle: string) => (await client.ask('GET', `/operations/${handle}`)).status === 200
    await start('short', '&retain-for=10')
    for (let one = 1; one < HANDLES_MAX; one += 1) expect((await start(`h${one}`)).status).toBe(302)
    expect((await start('more')).status).toBe(429)
    elapsed = 10_001
    expect(await isKept('short')).toBe(false)
    expect((await start('more')).status).toBe(302)
    elapsed = RETAIN_DEFAULT_SECONDS * 1000 + 1
    expect(await isKept('h1')).toBe(false)
    expect(await isKept('more')).toBe(true)
    expect((await start('other', '&retain-for=999999999')).status).toBe(400)
  })
})
