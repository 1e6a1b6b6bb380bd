/** Who may ask, what an answer lets a browser do with it, and where an address never turns up. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Log } from '#node'
import { methodsOf, WEB_FORMS } from '../../../gateway/web-api/routes.ts'
import { closeStages } from '../../support/grid-stages.ts'
import { WebClient, type WebStage, webStage } from '../../support/web-client.ts'

let stage: WebStage
let directory = ''
const logged: string[] = []
const log: Log = {
  debug: (...line) => void logged.push(JSON.stringify(line)),
  info: (...line) => void logged.push(JSON.stringify(line)),
  warn: (...line) => void logged.push(JSON.stringify(line)),
  error: (sentence, fields) =>
    void logged.push(`${sentence} ${String(fields?.error)} ${JSON.stringify(fields)}`),
}

beforeAll(async () => {
  stage = await webStage({ log, hostNames: ['cairn.home'] })
  directory = await stage.client.text('PUT', '/uri?t=mkdir')
  await stage.client.text('PUT', `/uri/${directory}/page.html`, { body: '<script>alert(1)</script>' })
})
afterAll(closeStages)

describe('the web API answers', () => {
  test('to the token, as bearer or as the password of Basic, and to nothing else', async () => {
    const token = stage.client.gateway.token.reveal()
    const basic = (pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`
    for (const authorization of [
      `Bearer ${token}`,
      `bearer ${token}`,
      basic(`me:${token}`),
      basic(`:${token}`),
    ]) {
      const client = new WebClient(stage.client.gateway, { authorization })
      expect((await client.ask('GET', `/uri/${directory}`)).status).toBe(200)
    }
    for (const headers of [
      {},
      { authorization: 'Bearer' },
      { authorization: 'Bearer x' },
      { authorization: basic(`${token}:`) },
      { authorization: basic(`me:${token}x`) },
      { authorization: `Digest ${token}` },
      { cookie: `token=${token}` },
    ]) {
      for (const path of [
        '/',
        '/openapi.json',
        '/uri',
        `/uri/${directory}`,
        `/uri/${directory}/a/b`,
        '/operations/x',
      ]) {
        const answer = await new WebClient(stage.client.gateway, headers).ask('GET', path)
        expect(answer.status).toBe(401)
        expect(answer.headers['www-authenticate']).toContain('Basic')
      }
    }
    const below = new WebClient(stage.client.gateway, { authorization: basic(`me:${token}`) })
    const refused = await below.ask('GET', '/v1/status')
    expect([refused.status, refused.headers['www-authenticate']]).toEqual([401, undefined])
  })

  test.each([
    { host: 'evil.example' },
    { host: 'evil.example:80' },
    { host: '127.0.0.1.evil.example' },
    { host: 'localhost.evil.example' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: 'http://127.0.0.1:1' },
    { origin: 'http://localhost' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'anything' },
  ])('to no browser that asks for somebody else: %j', async (headers) => {
    for (const [method, path] of [
      ['GET', `/uri/${directory}`],
      ['POST', '/uri?t=mkdir'],
      ['PUT', `/uri/${directory}/new`],
      ['DELETE', `/uri/${directory}/page.html`],
      ['GET', '/'],
    ] as const) {
      const answer = await stage.client.ask(method, path, { headers })
      expect([answer.status, JSON.parse(answer.text).code]).toEqual([403, 'FOREIGN_REQUEST'])
      expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([])
    }
    expect(Object.keys(Object(await children()))).toEqual(['page.html'])
  })

  test('to its own pages, and to the person at the address bar', async () => {
    const host = `127.0.0.1:${stage.client.gateway.port}`
    for (const headers of [
      { 'sec-fetch-site': 'none' },
      { 'sec-fetch-site': 'same-origin', origin: `http://${host}` },
      { host: 'localhost:9', origin: 'http://localhost:9' },
      { host: '[::1]:9' },
      { host: 'CAIRN.home', origin: 'https://CAIRN.home' },
    ]) {
      expect((await stage.client.ask('GET', `/uri/${directory}`, { headers })).status).toBe(200)
    }
  })

  test('with headers that keep an address and a stored page to themselves', async () => {
    const { headers } = await stage.client.ask('GET', `/uri/${directory}/page.html`)
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'private, no-cache',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'cross-origin-resource-policy': 'same-origin',
    })
    const policy = String(headers['content-security-policy'])
    expect(policy).toMatch(/^sandbox; default-src 'none';/)
    expect(policy).not.toContain('allow-')
    for (const path of [
      `/uri/${directory}`,
      `/uri/${directory}?t=json`,
      `/uri/${directory}/missing`,
      '/uri/x',
      '/',
    ]) {
      const answer = await stage.client.ask('GET', path, { headers: { accept: 'text/html' } })
      expect(answer.headers).toMatchObject({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' })
      expect(answer.headers['content-security-policy']).toContain("default-src 'none'")
    }
  })
})

async function children(): Promise<unknown> {
  const [, described] = Object.values(Object(await stage.client.json('GET', `/uri/${directory}?t=json`)))
  return Object(described).children
}

test('no part of an address is in a log or an error, whatever is asked', async () => {
  const [secret = ''] = directory.split(':').slice(-1)
  const marker = secret.slice(4, 30)
  const encoded = encodeURIComponent(directory)
  const paths = [
    directory,
    encoded,
    `${directory}x`,
    directory.slice(0, -1),
    directory.toUpperCase(),
    `x${directory}`,
  ]
  const targets = paths.flatMap((one) => [
    `/uri/${one}`,
    `/uri/${one}/missing/way`,
    `/uri/${one}/page.html/below`,
    `/uri/${one}/%ff`,
    `/uri/${one}/%`,
    `/uri/${one}//`,
    `/uri/${one}/a%2fb`,
    `/uri/${directory}/${one}`,
    `/%75ri/${one}`,
    `//uri/${one}`,
    `/uri/${one}?t=nothing`,
    `/uri/${one}?uri=${one}`,
    `/uri/${directory}?t=relink&from_name=page.html&to_dir=${one}/x`,
    `/uri/${directory}?t=uri&name=${one}&uri=${one}x`,
    `/uri?t=${one}`,
    `/uri?${one}=1`,
    `/operations/${one}`,
    `/${one}`,
    `/uri/${one}/${'n'.repeat(9000)}`,
  ])
  let refusedCount = 0
  for (const target of targets) {
    for (const method of ['GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'PATCH', 'PROPFIND']) {
      const answer = await stage.client.ask(method, target)
      if (answer.status < 400) continue
      refusedCount += 1
      expect(answer.text).not.toContain(marker)
      expect(JSON.stringify(answer.headers)).not.toContain(marker)
      if (method !== 'HEAD') expect(JSON.parse(answer.text)).toMatchObject({ message: expect.any(String) })
    }
  }
  expect(refusedCount).toBeGreaterThan(500)
  for (const raw of [
    `GET /uri/${directory} HTTP/9\r\n\r\n`,
    `GET /uri/${directory}\r\n\r\n`,
    `GET /uri/${directory} HTTP/1.1\r\nhost: x\r\nbad header ${directory}\r\n\r\n`,
    `GET /uri/${directory}/${'x'.repeat(20_000)} HTTP/1.1\r\nhost: x\r\n\r\n`,
  ]) {
    const text = await rawAnswer(raw)
    expect(text).toMatch(/^HTTP\/1\.1 4\d\d /)
    expect(text).toMatch(/"code":"(INVALID_INPUT|FOREIGN_REQUEST)"/)
    expect(text).not.toContain(marker)
  }
  expect(logged.join('\n').toLowerCase()).not.toContain(marker)
  expect(process.title).not.toContain(marker)
})

async function rawAnswer(request: string): Promise<string> {
  const socket = connect(stage.client.gateway.port, '127.0.0.1')
  let text = ''
  socket.on('data', (bytes) => {
    text += bytes.toString()
  })
  socket.write(request)
  await once(socket, 'close')
  return text
}

describe('a method that a path has not', () => {
  test.each(['/', '/uri', '/openapi.json', '/operations/x'])(
    'of %s is refused with those it has',
    async (path) => {
      const answer = await stage.client.ask('PATCH', path)
      expect(answer.status).toBe(405)
      expect(answer.headers.allow).toBe(methodsOf(path)?.join(', '))
    },
  )

  test('and every route has a path that is known', () => {
    for (const route of Object.keys(WEB_FORMS)) {
      expect(methodsOf(route.replace(/:\w+/g, 'x').replace('*', 'a/b'))).toBeDefined()
    }
    expect(methodsOf('/v1/files')).toBeUndefined()
  })
})
