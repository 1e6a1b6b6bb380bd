/** Contents through the web API: stored in every way there is, read whole, in part, and on conditions. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { closeStages } from '../../support/grid-stages.ts'
import { contentOf } from '../../support/memory-grid.ts'
import { multipart, type WebStage, webStage } from '../../support/web-client.ts'

const CONTENT = Buffer.from(contentOf(2_500_000))
let stage: WebStage
beforeAll(async () => {
  stage = await webStage()
})
afterAll(closeStages)

const NUMBERS = 'needed=2&happy=3&total=4'

describe('PUT /uri', () => {
  test.each(['', `?${NUMBERS}`, '?convergent=true', '?format=CHK'])(
    'stores a file with %j',
    async (query) => {
      const put = await stage.client.ask('PUT', `/uri${query}`, { body: CONTENT })
      expect([put.status, put.headers['content-type']]).toEqual([201, 'text/plain; charset=utf-8'])
      expect(put.text).toMatch(/^cairn:file:[a-z2-7]+$/)
      const got = await stage.client.ask('GET', `/uri/${put.text}`)
      expect(got.status).toBe(200)
      expect(got.headers['content-length']).toBe(String(CONTENT.length))
      expect(got.bytes.equals(CONTENT)).toBe(true)
    },
  )

  test.each(['format=sdmf', 'format=MDMF', 'mutable=true'])(
    'makes a slot with %j, which PUT writes again',
    async (query) => {
      const cap = await stage.client.text('PUT', `/uri?${query}`, { body: 'one' })
      expect(cap).toMatch(/^cairn:slot:/)
      expect(await stage.client.text('PUT', `/uri/${cap}`, { body: 'two' })).toBe(cap)
      expect(await stage.client.text('GET', `/uri/${cap}`)).toBe('two')
    },
  )

  test('gives a short file and an empty one a capability of their own', async () => {
    for (const body of ['', 'short']) {
      const cap = await stage.client.text('PUT', '/uri', { body })
      expect(cap).toMatch(/^cairn:lit:/)
      expect(await stage.client.text('GET', `/uri/${encodeURIComponent(cap)}`)).toBe(body)
    }
  })

  test('takes a form with a file of any size', async () => {
    const form = multipart([
      ['format', 'chk'],
      ['file', CONTENT, 'a.bin'],
    ])
    const cap = await stage.client.text('POST', '/uri?t=upload', form)
    expect((await stage.client.ask('GET', `/uri/${cap}`)).bytes.equals(CONTENT)).toBe(true)
  })
})

describe('GET', () => {
  let cap = ''
  let slot = ''
  let literal = ''
  beforeAll(async () => {
    cap = await stage.client.text('PUT', '/uri', { body: CONTENT })
    slot = await stage.client.text('PUT', '/uri?mutable=true', { body: CONTENT.subarray(0, 200_000) })
    literal = await stage.client.text('PUT', '/uri', { body: 'a few bytes' })
  })

  test.each([
    ['bytes=0-0', 0, 1],
    ['bytes=1048570-1048589', 1_048_570, 1_048_590],
    ['bytes=2499999-', 2_499_999, 2_500_000],
    ['bytes=2400000-9999999', 2_400_000, 2_500_000],
    ['bytes=-500', 2_499_500, 2_500_000],
    ['bytes=-9999999', 0, 2_500_000],
  ])('sends %s', async (range, start, end) => {
    const got = await stage.client.ask('GET', `/uri/${cap}`, { headers: { range } })
    expect([got.status, got.headers['content-range']]).toEqual([206, `bytes ${start}-${end - 1}/2500000`])
    expect(got.bytes.equals(CONTENT.subarray(start, end))).toBe(true)
  })

  test.each(['bytes=2500000-', 'bytes=9999999-', 'bytes=-0', 'bytes=2500000-2500001'])(
    'refuses %s, and says how much there is',
    async (range) => {
      const got = await stage.client.ask('GET', `/uri/${cap}`, { headers: { range } })
      expect([got.status, got.headers['content-range']]).toEqual([416, 'bytes */2500000'])
      expect(JSON.parse(got.text)).toMatchObject({
        code: 'RANGE_NOT_SATISFIABLE',
        details: { wanted: 'a range inside 2500000 bytes', where: 'header Range' },
      })
    },
  )

  test.each(['bytes=5-2', 'lines=0-1', 'bytes=0-1,3-4', 'bytes=a-b', 'bytes='])(
    'sends the whole where %s is no range',
    async (range) => {
      const got = await stage.client.ask('GET', `/uri/${literal}`, { headers: { range } })
      expect([got.status, got.text]).toEqual([200, 'a few bytes'])
    },
  )

  test('reads ranges of slots and of literals', async () => {
    for (const [one, whole] of [
      [slot, CONTENT.subarray(0, 200_000)],
      [literal, Buffer.from('a few bytes')],
    ] as const) {
      const got = await stage.client.ask('GET', `/uri/${one}`, { headers: { range: 'bytes=-5' } })
      expect(got.status).toBe(206)
      expect(got.bytes.equals(whole.subarray(-5))).toBe(true)
    }
  })

  test('HEAD tells all that GET would, and sends nothing', async () => {
    const [head, got] = [
      await stage.client.ask('HEAD', `/uri/${cap}`),
      await stage.client.ask('GET', `/uri/${cap}`),
    ]
    const { date: _, ...headers } = got.headers
    expect(head).toMatchObject({ status: 200, text: '', headers })
  })

  test('has a strong tag, with which nothing is sent twice', async () => {
    for (const one of [cap, slot, literal]) {
      const { headers } = await stage.client.ask('HEAD', `/uri/${one}`)
      const tag = headers.etag ?? ''
      expect(tag).toMatch(/^"[a-z2-7]+"$/)
      for (const known of [tag, `W/${tag}`, `"x", ${tag}`, '*']) {
        const again = await stage.client.ask('GET', `/uri/${one}`, { headers: { 'if-none-match': known } })
        expect([again.status, again.headers.etag, again.text]).toEqual([304, tag, ''])
      }
      const other = await stage.client.ask('GET', `/uri/${one}`, { headers: { 'if-none-match': '"x"' } })
      expect(other.status).toBe(200)
      const part = { range: 'bytes=0-1' }
      const same = await stage.client.ask('GET', `/uri/${one}`, { headers: { ...part, 'if-range': tag } })
      expect(same.status).toBe(206)
      const changed = await stage.client.ask('GET', `/uri/${one}`, {
        headers: { ...part, 'if-range': '"x"' },
      })
      expect(changed.status).toBe(200)
    }
  })

  test('of equal bytes in two files two tags: a tag says nothing of contents', async () => {
    const other = await stage.client.text('PUT', '/uri', { body: CONTENT })
    const tags = [cap, other].map(async (one) => (await stage.client.ask('HEAD', `/uri/${one}`)).headers.etag)
    expect(await tags[0]).not.toBe(await tags[1])
  })

  test('a slot is written only in the version that If-Match names', async () => {
    const one = await stage.client.text('PUT', '/uri?mutable=true', { body: 'first' })
    const tag = (await stage.client.ask('HEAD', `/uri/${one}`)).headers.etag ?? ''
    const put = (headers: object, body: string) =>
      stage.client.ask('PUT', `/uri/${one}`, { headers: { ...headers }, body })
    expect((await put({ 'if-match': tag }, 'second')).status).toBe(200)
    const late = await put({ 'if-match': tag }, 'third')
    expect([late.status, JSON.parse(late.text).code]).toEqual([412, 'PRECONDITION_FAILED'])
    expect((await put({ 'if-none-match': '*' }, 'third')).status).toBe(412)
    expect(await stage.client.text('GET', `/uri/${one}`)).toBe('second')
    expect((await stage.client.ask('HEAD', `/uri/${one}`)).headers.etag).not.toBe(tag)
    expect((await put({ 'if-match': '*' }, 'third')).status).toBe(200)
  })

  test('names and types a file as the path or the request says', async () => {
    const named = await stage.client.ask('GET', `/uri/${literal}?filename=caf%C3%A9.html&save=true`)
    expect(named.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'content-disposition': `attachment; filename="caf?.html"; filename*=UTF-8''caf%C3%A9.html`,
    })
    const plain = await stage.client.ask('GET', `/uri/${literal}`)
    expect(plain.headers['content-type']).toBe('application/octet-stream')
    expect(plain.headers['content-disposition']).toBeUndefined()
  })
})

test('of two writers that name the same version of a slot one succeeds', async () => {
  const slot = await stage.client.text('PUT', '/uri?mutable=true', { body: 'first' })
  const { etag } = (await stage.client.ask('HEAD', `/uri/${slot}`)).headers
  const bodies = ['one', 'two', 'three', 'four']
  const answers = await Promise.all(
    bodies.map((body) => stage.client.ask('PUT', `/uri/${slot}`, { headers: { 'if-match': etag }, body })),
  )
  const winners = bodies.filter((_, at) => answers[at]?.status === 200)
  expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 412, 412, 412])
  expect([await stage.client.text('GET', `/uri/${slot}`)]).toEqual(winners)
})
