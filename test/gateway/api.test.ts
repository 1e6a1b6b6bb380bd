/** The HTTP side of directories and slots: API.md against the routes, hostile clients, slow ones, and ones that leave. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer as createHttpServer, request as httpRequest } from 'node:http'
import { connect, createServer, type Server } from 'node:net'
import fc from 'fast-check'
import { fastify } from 'fastify'
import { afterAll, describe, expect, test } from 'vitest'
import {
  asFileRoot,
  asReadKey,
  asSlotSeed,
  type Capability,
  fileReadCapability,
  formatCapability,
  InvalidInputError,
  literalCapability,
  slotWriteCapability,
  toReadCapability,
  toVerifyCapability,
  treeReadCapability,
  WeakCapabilityError,
} from '#crypto'
import { errorBodyOf, type Gateway, type GridFiles, openGateway, RemoteFiles } from '#gateway'
import {
  ConflictError,
  type Log,
  MemoryDisk,
  type NamedChild,
  NotFoundError,
  silentLog,
  systemRandom,
} from '#node'
import {
  changeMessageOf,
  childMessageOf,
  EDIT_CHANGES_MAX,
  PATH_NAMES_MAX,
  TREE_CHILDREN_MAX,
} from '../../gateway/directory-messages.ts'
import {
  EDIT_BODY_MAX_BYTES,
  FIND_BODY_MAX_BYTES,
  TREE_BODY_MAX_BYTES,
} from '../../gateway/routes/directories.ts'
import { addRoutes } from '../../gateway/routes/routes.ts'
import { SpoolFolder } from '../../gateway/spool.ts'
import { helloProof, newToken } from '../../gateway/token.ts'
import { fakeFiles } from '../support/fake-files.ts'

const api = readFileSync(new URL('../../gateway/API.md', import.meta.url), 'utf8')
const DIRECTORY = slotWriteCapability('dir', asSlotSeed(new Uint8Array(32).fill(1)))
const SLOT = slotWriteCapability('slot', asSlotSeed(new Uint8Array(32).fill(2)))
const ROOT = asFileRoot(new Uint8Array(32).fill(3))
const TREE = treeReadCapability(asReadKey(new Uint8Array(32).fill(4)), ROOT)
const FILE = fileReadCapability(asReadKey(new Uint8Array(32).fill(5)), ROOT)
const LITERAL = literalCapability(new Uint8Array(3))

const closing: (() => PromiseLike<void>)[] = []
afterAll(async () => {
  for (const close of closing.reverse()) await close()
})

async function gatewayOver(methods: Partial<GridFiles>, log: Log = silentLog): Promise<Gateway> {
  const spool = { disk: new MemoryDisk({ capacityBytes: 1e8 }), folder: '/spool' }
  const files = fakeFiles(methods)
  const gateway = await openGateway({ files, log, random: systemRandom, port: 0, spool })
  closing.push(() => gateway[Symbol.asyncDispose]())
  return gateway
}

async function clientOf({ port, token }: Pick<Gateway, 'port' | 'token'>): Promise<RemoteFiles> {
  const files = await RemoteFiles.open({ port, token }, systemRandom)
  closing.push(() => files[Symbol.asyncDispose]())
  return files
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

interface RawCall {
  readonly capability?: Capability | undefined
  readonly body?: string | Uint8Array<ArrayBuffer> | undefined
}

async function ask(gateway: Gateway, method: string, path: string, { capability, body }: RawCall = {}) {
  const answer = await fetch(`http://127.0.0.1:${gateway.port}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${gateway.token.reveal()}`,
      ...(capability === undefined ? {} : { 'cairn-capability': formatCapability(capability) }),
    },
    ...(body === undefined ? {} : { body }),
  })
  const text = await answer.text()
  const { code, message } = { code: undefined, message: undefined, ...Object(JSON.parse(text)) }
  return { status: answer.status, code, message: String(message) }
}

describe('API.md', () => {
  test('lists the routes that there are, and no other', async () => {
    const routes: string[] = []
    const app = fastify({ exposeHeadRoutes: false })
    app.addHook('onRoute', ({ method, url }) => void routes.push(`${String(method)} ${url}`))
    const disk = new MemoryDisk({ capacityBytes: 1e6 })
    addRoutes(app, {
      files: fakeFiles({}),
      token: newToken(systemRandom),
      spool: await SpoolFolder.open(disk, systemRandom, '/spool'),
      signalOf: () => new AbortController().signal,
      failureBodyOf: (_, error) => errorBodyOf(error),
    })
    const printed = [...api.matchAll(/^(?:### | {4})((?:GET|PUT|POST|DELETE) \/v1\/\S+)/gm)].map(
      ([, one]) => one,
    )
    expect(routes.length).toBeGreaterThan(15)
    expect(printed.toSorted()).toEqual(routes.toSorted())
  })

  test.each([
    [EDIT_BODY_MAX_BYTES, 'bytes, has up to 1,024 changes'],
    [EDIT_CHANGES_MAX, 'changes'],
    [TREE_CHILDREN_MAX, 'children'],
    [TREE_BODY_MAX_BYTES, 'bytes'],
    [PATH_NAMES_MAX, 'names'],
    [FIND_BODY_MAX_BYTES, 'bytes'],
  ])('prints the limit %d', (limit, what) => {
    expect(api.replace(/\s+/g, ' ')).toContain(`${limit.toLocaleString('en')} ${what}`)
  })
})

describe('the gateway refuses', () => {
  const READ = toReadCapability(DIRECTORY)
  const VERIFY = toVerifyCapability(DIRECTORY)

  test.each([
    ['POST', '/v1/directories/edit', [READ, VERIFY, TREE, SLOT, FILE, LITERAL]],
    ['GET', '/v1/directories', [VERIFY, SLOT, FILE, LITERAL]],
    ['POST', '/v1/directories/walk', [VERIFY, SLOT, FILE, LITERAL]],
    ['PUT', '/v1/slots', [toReadCapability(SLOT), toVerifyCapability(SLOT), DIRECTORY, FILE]],
    ['POST', '/v1/slots/check', [FILE, TREE, LITERAL]],
    ['POST', '/v1/slots/repair', [FILE, TREE, LITERAL]],
    ['POST', '/v1/deep/check', [LITERAL]],
    ['POST', '/v1/deep/verify', [LITERAL]],
    ['POST', '/v1/deep/repair', [LITERAL]],
    ['POST', '/v1/check', [SLOT, DIRECTORY, TREE]],
    ['GET', '/v1/files', [DIRECTORY, READ, TREE, toVerifyCapability(FILE), toVerifyCapability(SLOT)]],
  ])('what does not grant %s %s', async (method, path, capabilities) => {
    const gateway = await gatewayOver({})
    for (const capability of capabilities) {
      const { status, code, message } = await ask(gateway, method, path, { capability })
      expect([capability.kind, status, code]).toEqual([capability.kind, 403, 'WEAK_CAPABILITY'])
      expect(message).not.toContain(formatCapability(capability).slice(20))
    }
  })

  const child: NamedChild = { name: 'a', capability: FILE, metadata: { user: { note: 'x' } } }
  const VALID = [
    ['/v1/directories/edit', { changes: [changeMessageOf({ ...child, kind: 'set', ifExists: 'refuse' })] }],
    ['/v1/trees', { children: [childMessageOf(child)] }],
    ['/v1/directories/find', { path: ['a', 'b'] }],
  ] as const

  test.each(VALID)('any body of %s but one that says exactly what is done', async (path, valid) => {
    let reached: object | undefined
    const gateway = await gatewayOver({
      edit: async (_, changes) => {
        reached = { changes: changes.map(changeMessageOf) }
        return { changed: true, sequence: 1, warnings: [] }
      },
      makeTree: async (children) => {
        reached = { children: children.map(childMessageOf) }
        return TREE
      },
      find: async (_, names) => {
        reached = { path: names }
        return { capability: TREE, metadata: {}, warnings: [] }
      },
    })
    const text = JSON.stringify(valid)
    const secret = formatCapability(FILE).slice(12, 40)
    const hostile = fc.oneof(
      fc.json(),
      fc.uint8Array({ maxLength: 100 }).map((bytes) => Uint8Array.from(bytes)),
      fc.tuple(fc.nat(text.length - 1), fc.nat(text.length)).map(([start, length]) => {
        return text.slice(0, start) + text.slice(start + 1 + length)
      }),
      fc.nat(text.length - 1).map((at) => `${text.slice(0, at)}{}${text.slice(at)}`),
      fc.constantFrom('', 'null', '[]', '{}', `${text}${text}`, `{"__proto__":${text}}`, text),
    )
    let refusedCount = 0
    await fc.assert(
      fc.asyncProperty(hostile, async (body) => {
        reached = undefined
        const { status, code, message } = await ask(gateway, 'POST', path, { capability: DIRECTORY, body })
        if (status === 200) {
          const said: unknown = JSON.parse(typeof body === 'string' ? body : Buffer.from(body).toString())
          expect(JSON.parse(JSON.stringify(reached))).toEqual(said)
          return
        }
        refusedCount += 1
        expect([status, code, reached]).toEqual([400, 'INVALID_INPUT', undefined])
        expect(message).not.toContain(secret)
      }),
      { numRuns: 150 },
    )
    expect(refusedCount).toBeGreaterThan(50)
    expect((await ask(gateway, 'POST', path, { capability: DIRECTORY, body: text })).status).toBe(200)
  })

  test('bodies that are heavy to parse, quickly', async () => {
    const gateway = await gatewayOver({})
    const heavy = [
      `{"changes":[${'0,'.repeat(1_500_000)}0]}`,
      `{"changes":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}}`,
      `{"changes":[{"kind":"set","metadata":{"user":{${Array.from({ length: 200_000 }, (_, at) => `"${at}":0`).join(',')}}}}]}`,
      `{${Array.from({ length: 200_000 }, (_, at) => `"${at}":0`).join(',')}}`,
    ]
    const started = performance.now()
    for (const body of heavy) {
      const answer = await ask(gateway, 'POST', '/v1/directories/edit', { capability: DIRECTORY, body })
      expect([answer.status, answer.code]).toEqual([400, 'INVALID_INPUT'])
      expect(answer.message.length).toBeLessThan(300)
    }
    expect(performance.now() - started).toBeLessThan(10_000)
  })

  test('bodies that are too long, announced or not', async () => {
    const gateway = await gatewayOver({})
    const body = JSON.stringify({ changes: [], padding: 'x'.repeat(EDIT_BODY_MAX_BYTES) })
    const told = await ask(gateway, 'POST', '/v1/directories/edit', { capability: DIRECTORY, body })
    expect([told.status, told.message]).toEqual([
      400,
      `a body of at most ${EDIT_BODY_MAX_BYTES} bytes is wanted`,
    ])
    const request = httpRequest({
      port: gateway.port,
      method: 'POST',
      path: '/v1/directories/edit',
      headers: {
        authorization: `Bearer ${gateway.token.reveal()}`,
        'cairn-capability': formatCapability(DIRECTORY),
        'transfer-encoding': 'chunked',
      },
    })
    request.on('error', () => undefined)
    for (let part = 0; part < 6; part += 1) request.write('x'.repeat(1024 * 1024))
    const [response] = await once(request, 'response')
    expect(response.statusCode).toBe(400)
    request.destroy()
  })
})

describe('an answer in lines', () => {
  const entry = (number: number): NamedChild => ({
    name: `${number}-${'x'.repeat(200)}`,
    capability: LITERAL,
    metadata: {},
  })

  test('waits for a client that reads slowly, and ends when it leaves', async () => {
    let given = 0
    const ended = Promise.withResolvers<boolean>()
    const gateway = await gatewayOver({
      async *list(_, options) {
        try {
          for (; ; given += 1) yield entry(given)
        } finally {
          ended.resolve(options?.signal?.aborted === true)
        }
      },
    })
    const socket = connect(gateway.port, '127.0.0.1')
    socket.pause()
    socket.write(
      `GET /v1/directories HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${gateway.token.reveal()}\r\n` +
        `cairn-capability: ${formatCapability(DIRECTORY)}\r\n\r\n`,
    )
    await expect.poll(() => given).toBeGreaterThan(0)
    let before = -1
    // It has stopped once two looks, with a turn of the server between them, find the same count.
    await expect
      .poll(
        () => {
          const isStill = before === given
          before = given
          return isStill
        },
        { interval: 100 },
      )
      .toBe(true)
    expect(given * 300).toBeLessThan(32 * 1024 * 1024)
    socket.destroy()
    expect(await ended.promise).toBe(true)
  })

  test('stops the work when the reader has enough', async () => {
    const ended = Promise.withResolvers<void>()
    const gateway = await gatewayOver({
      async *list() {
        try {
          for (let number = 0; ; number += 1) yield entry(number)
        } finally {
          ended.resolve()
        }
      },
    })
    const files = await clientOf(gateway)
    const names: string[] = []
    for await (const { name } of files.list(DIRECTORY)) if (names.push(name) === 10) break
    expect(names.length).toBe(10)
    await ended.promise
  })

  test('keeps warnings, and the class of an error before and after the first thing', async () => {
    const gateway = await gatewayOver({
      async *list(_, options) {
        options?.onWarning?.({ kind: 'rollback', message: 'older than before' })
        yield entry(0)
        options?.onWarning?.({ kind: 'partial', message: 'few' })
        throw new ConflictError('in the middle', { at: 1 })
      },
      // biome-ignore lint/correctness/useYield: it fails before the first one.
      async *walk() {
        throw new NotFoundError('no such directory')
      },
    })
    const files = await clientOf(gateway)
    const told: string[] = []
    const list = (async () => {
      for await (const { name } of files.list(DIRECTORY, { onWarning: ({ kind }) => told.push(kind) }))
        told.push(name)
    })()
    await expect(list).rejects.toMatchObject({
      code: 'CONFLICT',
      message: 'in the middle',
      details: { at: 1 },
    })
    expect(told).toEqual(['rollback', entry(0).name])
    await expect(files.walk(DIRECTORY)[Symbol.asyncIterator]().next()).rejects.toThrow(NotFoundError)
    expect((await ask(gateway, 'POST', '/v1/directories/walk', { capability: DIRECTORY })).status).toBe(404)
  })

  test('holds nothing back while the work goes on', async () => {
    const seen = Promise.withResolvers<void>()
    const gateway = await gatewayOver({
      async *list() {
        yield entry(0)
        await seen.promise
        yield entry(1)
      },
    })
    const files = await clientOf(gateway)
    const names: string[] = []
    for await (const { name } of files.list(DIRECTORY)) {
      names.push(name)
      seen.resolve()
    }
    expect(names).toEqual([entry(0).name, entry(1).name])
  })

  test('says nothing of a bug, and logs it', async () => {
    const logged: string[] = []
    const log = { ...silentLog, error: (message: string) => void logged.push(message) }
    const gateway = await gatewayOver(
      {
        async *list() {
          yield entry(0)
          throw new TypeError('a secret')
        },
      },
      log,
    )
    const files = await clientOf(gateway)
    const list = (async () => {
      for await (const _ of files.list(DIRECTORY));
    })()
    await expect(list).rejects.toThrow('the daemon failed; its log says how')
    expect(logged).toEqual(['a request failed'])
  })

  test('is refused when it breaks off', async () => {
    const token = newToken(systemRandom)
    const daemon = createHttpServer((request, response) => {
      const nonce = request.headers['cairn-nonce']
      if (typeof nonce === 'string') response.end(JSON.stringify({ proof: helloProof(token, nonce) }))
      else response.end(`{"item":${JSON.stringify(childMessageOf(entry(1)))}}\n{"item":`)
    })
    await once(daemon.listen(0, '127.0.0.1'), 'listening')
    closing.push(async () => void daemon.close())
    const files = await clientOf({ port: portOf(daemon), token })
    const names: string[] = []
    const list = (async () => {
      for await (const { name } of files.list(DIRECTORY)) names.push(name)
    })()
    await expect(list).rejects.toThrow('the daemon broke off its answer')
    expect(names).toEqual([entry(1).name])
  })
})

describe('a client', () => {
  test('asks everything over one connection', async () => {
    const gateway = await gatewayOver({
      find: async () => ({ capability: LITERAL, metadata: {}, warnings: [] }),
      get: async () => ({
        fileSizeBytes: 3,
        range: { start: 0, end: 3 },
        content: (async function* () {
          yield new Uint8Array(3)
        })(),
        failures: () => [],
        close: async () => undefined,
      }),
      edit: async () => ({ changed: true, sequence: 1, warnings: [] }),
      async *list() {
        for (let number = 0; number < 500; number += 1) {
          yield { name: `${number}`, capability: LITERAL, metadata: {} }
        }
      },
    })
    let connections = 0
    const proxy = createServer((socket) => {
      connections += 1
      socket.pipe(connect(gateway.port, '127.0.0.1')).pipe(socket)
    })
    await once(proxy.listen(0, '127.0.0.1'), 'listening')
    closing.push(async () => void proxy.close())
    const files = await clientOf({ port: portOf(proxy), token: gateway.token })
    for (let round = 0; round < 3; round += 1) {
      await files.find(DIRECTORY, ['a'])
      for await (const _ of (await files.get(LITERAL)).content);
      for await (const _ of files.list(DIRECTORY));
      await files.edit(DIRECTORY, [])
      await expect(files.makeDirectory()).rejects.toThrow(InvalidInputError)
    }
    expect(connections).toBe(1)
  })

  test('hears of a weak capability by its class', async () => {
    const gateway = await gatewayOver({
      find: async () => {
        throw new WeakCapabilityError('it only verifies')
      },
    })
    const files = await clientOf(gateway)
    await expect(files.find(toVerifyCapability(DIRECTORY), ['a'])).rejects.toThrow(WeakCapabilityError)
  })
})
