/** Directories through the web API: made, filled, listed, changed and walked, in Tahoe's forms. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { closeStages } from '../../support/grid-stages.ts'
import { contentOf } from '../../support/memory-grid.ts'
import { multipart, type WebClient, type WebStage, webStage } from '../../support/web-client.ts'

const LARGE = Buffer.from(contentOf(100_000))
let stage: WebStage
let client: WebClient
beforeAll(async () => {
  stage = await webStage()
  client = stage.client
})
afterAll(closeStages)

const mkdir = () => client.text('PUT', '/uri?t=mkdir')

async function described(path: string): Promise<readonly [string, Record<string, unknown>]> {
  const [type, about] = Object.values(Object(await client.json('GET', `${path}?t=json`)))
  return [String(type), Object(about)]
}

async function namesAt(path: string): Promise<readonly string[]> {
  const [, { children }] = await described(path)
  return Object.keys(Object(children))
}

async function statusOf(method: string, path: string, request: object = {}) {
  const answer = await client.ask(method, path, request)
  const code: unknown = answer.status < 400 ? undefined : JSON.parse(answer.text).code
  return [answer.status, code]
}

describe('PUT below a directory', () => {
  test('stores and links, makes directories on the way, and says whether the name was new', async () => {
    const root = await mkdir()
    const first = await client.ask('PUT', `/uri/${root}/photos/2026/a%20%C3%A9.jpg`, { body: LARGE })
    expect(first.status).toBe(201)
    const got = await client.ask('GET', `/uri/${root}/photos/2026/a%20%C3%A9.jpg`)
    expect([got.headers['content-type'], got.bytes.equals(LARGE)]).toEqual(['image/jpeg', true])
    const second = await client.ask('PUT', `/uri/${root}/photos/2026/a%20%C3%A9.jpg`, { body: 'other' })
    expect([second.status, second.text === first.text]).toEqual([200, false])
    expect(await namesAt(`/uri/${root}/photos/2026/`)).toEqual(['a é.jpg'])
    expect(await client.text('GET', `/uri/${root}/photos/2026/a%20%C3%A9.jpg?t=uri`)).toBe(second.text)
  })

  test('replaces as the request says', async () => {
    const root = await mkdir()
    await client.text('PUT', `/uri/${root}/file`, { body: 'one' })
    await client.text('PUT', `/uri/${root}/folder?t=mkdir`)
    expect(await statusOf('PUT', `/uri/${root}/file?replace=false`, { body: 'two' })).toEqual([
      409,
      'CONFLICT',
    ])
    expect(await statusOf('PUT', `/uri/${root}/folder?replace=only-files`, { body: 'x' })).toEqual([
      409,
      'CONFLICT',
    ])
    expect(await statusOf('PUT', `/uri/${root}/file?replace=only-files`, { body: 'two' })).toEqual([
      200,
      undefined,
    ])
    expect(await client.text('GET', `/uri/${root}/file`)).toBe('two')
    expect(await statusOf('PUT', `/uri/${root}/file/below`, { body: 'x' })).toEqual([409, 'CONFLICT'])
    expect(await statusOf('PUT', `/uri/${root}/file?replac=false`, { body: 'x' })).toEqual([
      400,
      'INVALID_INPUT',
    ])
  })

  test('writes a slot that has the name, and leaves it linked', async () => {
    const root = await mkdir()
    const slot = await client.text('PUT', `/uri/${root}/notes?format=sdmf`, { body: 'one' })
    expect(await client.text('PUT', `/uri/${root}/notes`, { body: 'two' })).toBe(slot)
    expect(await client.text('GET', `/uri/${slot}`)).toBe('two')
  })

  test('keeps to conditions on what has the name', async () => {
    const root = await mkdir()
    const at = `/uri/${root}/file`
    const ifNew = { headers: { 'if-none-match': '*' } }
    expect(await statusOf('PUT', at, { ...ifNew, body: 'one' })).toEqual([201, undefined])
    expect(await statusOf('PUT', at, { ...ifNew, body: 'two' })).toEqual([412, 'PRECONDITION_FAILED'])
    const { headers } = await client.ask('HEAD', at)
    const ifSame = { headers: { 'if-match': headers.etag } }
    expect(await statusOf('PUT', at, { ...ifSame, body: 'two' })).toEqual([200, undefined])
    expect(await statusOf('PUT', at, { ...ifSame, body: 'three' })).toEqual([412, 'PRECONDITION_FAILED'])
    expect(await statusOf('DELETE', at, ifSame)).toEqual([412, 'PRECONDITION_FAILED'])
    expect(await client.text('GET', at)).toBe('two')
  })

  test('of what only reads is refused', async () => {
    const root = await mkdir()
    const readable = await client.text('GET', `/uri/${root}?t=readonly-uri`)
    expect(readable).toMatch(/^cairn:dir-read:/)
    expect(await statusOf('PUT', `/uri/${readable}/x`, { body: 'x' })).toEqual([403, 'WEAK_CAPABILITY'])
    expect(await statusOf('DELETE', `/uri/${readable}/x`)).toEqual([403, 'WEAK_CAPABILITY'])
  })
})

describe('POST below a directory', () => {
  test('takes a form: the file is named by its field, its own name, or the query', async () => {
    const root = await mkdir()
    await client.text('POST', `/uri/${root}/in?t=upload`, multipart([['file', LARGE, 'own name.bin']]))
    const named = multipart([
      ['file', 'short', 'own'],
      ['name', 'field'],
    ])
    await client.text('POST', `/uri/${root}/in`, named)
    await client.text('POST', `/uri/${root}/in?t=upload&name=query`, multipart([['file', 'x', 'own']]))
    expect(await namesAt(`/uri/${root}/in`)).toEqual(['field', 'own name.bin', 'query'])
    expect((await client.ask('GET', `/uri/${root}/in/own%20name.bin`)).bytes.equals(LARGE)).toBe(true)
    const [, about] = await described(`/uri/${root}/in/own%20name.bin`)
    expect(about).toMatchObject({ size: LARGE.length, mutable: false, format: 'CHK' })
  })

  test.each([
    ['no file', multipart([['name', 'x']])],
    ['a file in another field', multipart([['other', 'x', 'x']])],
    [
      'two files',
      multipart([
        ['file', 'x', 'x'],
        ['file', 'y', 'y'],
      ]),
    ],
    [
      'a field that nobody knows',
      multipart([
        ['colour', 'blue'],
        ['file', 'x', 'x'],
      ]),
    ],
    [
      'more parts than there are arguments',
      multipart(Array.from({ length: 40 }, (_, at) => [`f${at}`, 'x'] as const)),
    ],
    [
      'fields that are too long',
      multipart([
        ['name', 'x'.repeat(70_000)],
        ['file', 'x', 'x'],
      ]),
    ],
    [
      'a format behind the file',
      multipart([
        ['name', 'x'],
        ['file', 'x', 'x'],
        ['format', 'sdmf'],
      ]),
    ],
    ['no name', multipart([['file', 'x', '']])],
    [
      'no end',
      { ...multipart([['file', 'x', 'x']]), body: multipart([['file', 'x', 'x']]).body.slice(0, -20) },
    ],
    ['no boundary', { headers: { 'content-type': 'multipart/form-data; x=y' }, body: 'x' }],
  ])('refuses a form with %s, and links nothing', async (_, form) => {
    const root = await mkdir()
    expect(await statusOf('POST', `/uri/${root}?t=upload`, form)).toEqual([400, 'INVALID_INPUT'])
    expect(await namesAt(`/uri/${root}`)).toEqual([])
  })

  test('keeps to conditions, where the name is known before the file', async () => {
    const root = await mkdir()
    const at = `/uri/${root}?t=upload&name=a`
    const form = multipart([['file', 'x', 'own']])
    const ifNew = { ...form, headers: { ...form.headers, 'if-none-match': '*' } }
    expect(await statusOf('POST', at, ifNew)).toEqual([200, undefined])
    expect(await statusOf('POST', at, ifNew)).toEqual([412, 'PRECONDITION_FAILED'])
    expect(await statusOf('POST', `/uri/${root}?t=upload`, ifNew)).toEqual([400, 'INVALID_INPUT'])
    expect(await namesAt(`/uri/${root}`)).toEqual(['a'])
  })

  test('takes arguments as a form, where the query goes first', async () => {
    const root = await mkdir()
    await client.text('PUT', `/uri/${root}/a`, { body: 'x' })
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    await client.text('POST', `/uri/${root}`, { headers, body: 't=rename&from_name=a&to_name=b+c' })
    expect(await namesAt(`/uri/${root}`)).toEqual(['b c'])
    await client.text('POST', `/uri/${root}?t=unlink`, { headers, body: 't=rename&name=b%20c' })
    expect(await namesAt(`/uri/${root}`)).toEqual([])
  })
})

describe('directories', () => {
  test('are made with children, in a slot and for good', async () => {
    const root = await mkdir()
    const file = await client.text('PUT', '/uri', { body: LARGE })
    const metadata = { colour: 'blue', tahoe: { linkmotime: 1_700_000_000.5 } }
    const body = JSON.stringify({
      file: ['filenode', { ro_uri: file, size: LARGE.length, metadata }],
      folder: ['dirnode', { rw_uri: root, ro_uri: 'passed over' }],
    })
    for (const [form, kind] of [
      ['mkdir-with-children', 'dir'],
      ['mkdir-immutable', 'tree'],
    ] as const) {
      const made = await client.text('POST', `/uri?t=${form}`, { body })
      expect(made.split(':')[1]).toBe(kind)
      const [type, { children, mutable }] = await described(`/uri/${made}`)
      expect([type, mutable]).toEqual(['dirnode', kind === 'dir'])
      expect(children).toMatchObject({
        file: ['filenode', { ro_uri: file, size: LARGE.length, metadata }],
        folder: ['dirnode', { mutable: true, ...(kind === 'dir' ? { rw_uri: root } : {}) }],
      })
      expect(JSON.stringify(children).includes(root)).toBe(kind === 'dir')
      expect(await client.text('POST', `/uri/${root}/${form}?t=${form}`, { body })).toMatch(`cairn:${kind}:`)
    }
    expect(await namesAt(`/uri/${root}`)).toEqual(['mkdir-immutable', 'mkdir-with-children'])
    expect(await statusOf('POST', `/uri/${root}/mkdir-immutable?t=mkdir-immutable`, { body })).toEqual([
      409,
      'CONFLICT',
    ])
  })

  test.each([
    ['[]'],
    ['{"a": 1}'],
    ['{"a": ["filenode", {}]}'],
    ['{"a": ["filenode", {"ro_uri": "cairn:file:abc"}]}'],
    ['{"a/b": ["filenode", {"ro_uri": "cairn:lit:aaba"}]}'],
    ['{"": ["filenode", {}]}'],
    ['{'],
  ])('are not made from %s', async (body) => {
    expect(await statusOf('POST', '/uri?t=mkdir-with-children', { body })).toEqual([400, 'INVALID_INPUT'])
  })

  test('are found again where they are made a second time', async () => {
    const root = await mkdir()
    const made = await client.text('POST', `/uri/${root}/a?t=mkdir&name=b`)
    expect(await client.text('PUT', `/uri/${root}/a/b?t=mkdir`)).toBe(made)
    await client.text('PUT', `/uri/${root}/file`, { body: 'x' })
    expect(await statusOf('PUT', `/uri/${root}/file?t=mkdir`)).toEqual([409, 'CONFLICT'])
  })

  test('have names taken, moved and given', async () => {
    const [root, other] = [await mkdir(), await mkdir()]
    const first = await client.text('PUT', `/uri/${root}/a`, { body: 'another' })
    const file = await client.text('PUT', '/uri', { body: LARGE })
    await client.text('POST', `/uri/${root}?t=uri&name=b&uri=${file}`)
    expect(await client.ask('PUT', `/uri/${root}/c?t=uri`, { body: `${file}\n` })).toMatchObject({
      status: 201,
      text: file,
    })
    await client.text('POST', `/uri/${root}?t=rename&from_name=b&to_name=d`)
    expect(await namesAt(`/uri/${root}`)).toEqual(['a', 'c', 'd'])
    expect(await statusOf('POST', `/uri/${root}?t=rename&from_name=d&to_name=a&replace=false`)).toEqual([
      409,
      'CONFLICT',
    ])
    await client.text('PUT', `/uri/${other}/sub?t=mkdir`)
    await client.text(
      'POST',
      `/uri/${root}?t=relink&from_name=d&to_dir=${encodeURIComponent(`${other}/sub`)}&to_name=e`,
    )
    expect(await namesAt(`/uri/${other}/sub`)).toEqual(['e'])
    expect(await client.text('DELETE', `/uri/${root}/c`)).toBe(file)
    expect(await client.text('POST', `/uri/${root}?t=delete&name=a`)).toBe(first)
    expect(await namesAt(`/uri/${root}`)).toEqual([])
    expect(await statusOf('DELETE', `/uri/${root}/c`)).toEqual([404, 'NOT_FOUND'])
    expect((await client.ask('GET', `/uri/${other}/sub/e`)).bytes.equals(LARGE)).toBe(true)
    await client.text('POST', `/uri/${other}/sub?t=relink&from_name=e&to_name=e`)
    expect(await namesAt(`/uri/${other}/sub`)).toEqual(['e'])
  })

  test('take many children at once, as curl sends them', async () => {
    const root = await mkdir()
    const cap = await client.text('PUT', '/uri', { body: 'x' })
    const body = JSON.stringify(
      Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`n${at}`, ['filenode', { ro_uri: cap }]])),
    )
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    for (const form of ['set_children', 'set-children']) {
      expect(await client.text('POST', `/uri/${root}/below?t=${form}`, { headers, body })).toMatch(
        /^cairn:dir:/,
      )
    }
    expect((await namesAt(`/uri/${root}/below`)).length).toBe(300)
    const again = `/uri/${root}/below?t=set_children&replace=false`
    expect(await statusOf('POST', again, { body })).toEqual([200, undefined])
    const other = await client.text('PUT', '/uri', { body: 'y' })
    const changed = JSON.stringify({
      new: ['filenode', { ro_uri: other }],
      n7: ['filenode', { ro_uri: other }],
    })
    expect(await statusOf('POST', again, { body: changed })).toEqual([409, 'CONFLICT'])
    expect((await namesAt(`/uri/${root}/below`)).length).toBe(300)
  })

  test('are shown as a page without scripts, and as names', async () => {
    const root = await mkdir()
    const name = '<script>"&\'.txt'
    await client.text('PUT', `/uri/${root}/${encodeURIComponent(name)}`, { body: 'content' })
    const page = await client.ask('GET', `/uri/${root}`, { headers: { accept: 'text/html,*/*' } })
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8')
    expect(page.text).not.toContain('<script')
    const [, link = ''] = /<a href="([^"]*)">/.exec(page.text) ?? []
    expect(
      await client.text(
        'GET',
        link.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(code)),
      ),
    ).toBe('content')
    const plain = await client.json('GET', `/uri/${root}`)
    expect(plain).toEqual({ entries: [{ name, kind: 'file', sizeBytes: 7 }] })
  })
})

test('t=json and t=uri of a capability alone, whatever it grants', async () => {
  const slot = await client.text('PUT', '/uri?mutable=true', { body: 'four' })
  const [type, about] = await described(`/uri/${slot}`)
  expect([type, about]).toEqual([
    'filenode',
    {
      rw_uri: slot,
      ro_uri: expect.stringMatching(/^cairn:slot-read:/),
      verify_uri: expect.stringMatching(/^cairn:slot-verify:/),
      mutable: true,
      format: 'SDMF',
      size: 4,
    },
  ])
  const [, weak] = await described(`/uri/${String(about.verify_uri)}`)
  expect(weak).toEqual({ verify_uri: about.verify_uri, mutable: true, format: 'SDMF', size: null })
  expect(await statusOf('GET', `/uri/${String(about.verify_uri)}`)).toEqual([403, 'WEAK_CAPABILITY'])
  expect(await client.text('GET', `/uri/${slot}?t=readonly-uri`)).toBe(about.ro_uri)
  const [, empty] = await described(`/uri/${await mkdir()}`)
  expect(empty.children).toEqual({})
  expect(await client.json('GET', '/?t=json')).toMatchObject({ version: 'test', servers: [] })
})
