/** Health and figures over HTTP, and a gateway that stops: nothing new is taken, what runs is finished or broken off. */
import { afterAll, describe, expect, test } from 'vitest'
import { type Gateway, type GridFiles, openGateway, openMonitor } from '#gateway'
import { MemoryDisk, type NodeHealth, openMetrics, silentLog, systemRandom } from '#node'
import { fakeFiles } from '../support/fake-files.ts'

const closing: (() => PromiseLike<void>)[] = []
afterAll(async () => {
  for (const close of closing.reverse()) await close()
})

const READY: NodeHealth = { isReady: true, problems: [] }

async function open(health: () => NodeHealth, methods: Partial<GridFiles> = {}) {
  const monitored = { metrics: await openMetrics({ version: '1.0.0' }), health }
  const gateway = await openGateway({
    files: fakeFiles(methods),
    log: silentLog,
    random: systemRandom,
    port: 0,
    spool: { disk: new MemoryDisk({ capacityBytes: 1e6 }), folder: '/spool' },
    monitored,
  })
  closing.push(() => gateway[Symbol.asyncDispose]())
  return { gateway, monitored }
}

function ask({ port, token }: Pick<Gateway, 'port' | 'token'>, path: string, withToken = true) {
  const headers: Record<string, string> = withToken ? { authorization: `Bearer ${token.reveal()}` } : {}
  return fetch(`http://127.0.0.1:${port}${path}`, { headers })
}

describe('/health', () => {
  test('answers without a token, ready or not', async () => {
    let health = READY
    const { gateway } = await open(() => health)
    const answer = await ask(gateway, '/health', false)
    expect([answer.status, await answer.json()]).toEqual([200, { live: true, ready: true, problems: [] }])
    health = { isReady: false, problems: ['the daemon is stopping'] }
    const later = await ask(gateway, '/health/ready', false)
    expect([later.status, await later.json()]).toEqual([
      503,
      { live: true, ready: false, problems: ['the daemon is stopping'] },
    ])
    expect((await ask(gateway, '/health/live', false)).status).toBe(200)
  })
})

describe('/metrics', () => {
  test('wants the token on the gateway, and counts requests by the pattern of their route', async () => {
    const { gateway } = await open(() => READY)
    expect((await ask(gateway, '/metrics', false)).status).toBe(401)
    await (await ask(gateway, '/v1/status')).text()
    await (await ask(gateway, '/v1/secret-path-of-a-client')).text()
    const answer = await ask(gateway, '/metrics')
    expect(answer.headers.get('content-type')).toContain('text/plain')
    const text = await answer.text()
    expect(text).toContain('cairn_gateway_requests_total{route="/v1/status",method="GET",status="400"} 1')
    expect(text).toContain('cairn_gateway_requests_total{route="unknown",method="unknown",status="404"} 1')
    expect(text).not.toContain('secret-path')
  })

  test('wants none where the owner has given it an address, which does nothing else', async () => {
    const { monitored } = await open(() => READY)
    const monitor = await openMonitor(monitored, { host: '127.0.0.1', port: 0 })
    closing.push(() => monitor[Symbol.asyncDispose]())
    const at = (path: string) => fetch(`http://127.0.0.1:${monitor.port}${path}`)
    expect(await (await at('/metrics')).text()).toContain('cairn_build_info{version="1.0.0"} 1')
    expect((await at('/health')).status).toBe(200)
    expect((await at('/v1/status')).status).toBe(404)
  })

  test('says so if that address is taken, or is none of this machine', async () => {
    const { monitored } = await open(() => READY)
    const monitor = await openMonitor(monitored, { host: '127.0.0.1', port: 0 })
    closing.push(() => monitor[Symbol.asyncDispose]())
    const taken = openMonitor(monitored, { host: '127.0.0.1', port: monitor.port })
    await expect(taken).rejects.toThrow(/another process holds the port/)
    await expect(openMonitor(monitored, { host: '192.0.2.1', port: 0 })).rejects.toThrow(/no such address/)
  })
})

describe('a gateway that drains', () => {
  test('finishes what runs, takes nothing new, and still tells how it is', async () => {
    const begun = Promise.withResolvers<void>()
    const finish = Promise.withResolvers<void>()
    const { gateway } = await open(() => READY, {
      status: async () => {
        begun.resolve()
        await finish.promise
        throw new TypeError('an answer like any other')
      },
    })
    const running = ask(gateway, '/v1/status')
    await begun.promise
    const drained = gateway.drain(new AbortController().signal)
    const refused = await ask(gateway, '/v1/status')
    expect([refused.status, await refused.json()]).toMatchObject([503, { code: 'BUSY' }])
    expect((await ask(gateway, '/health', false)).status).toBe(200)
    finish.resolve()
    expect((await running).status).toBe(500)
    await drained
  })

  test('gives up when its time is over', async () => {
    const begun = Promise.withResolvers<void>()
    const { gateway } = await open(() => READY, {
      status: (options) => {
        begun.resolve()
        return new Promise((_, reject) => {
          options?.signal?.addEventListener('abort', () => reject(options.signal?.reason))
        })
      },
    })
    const running = ask(gateway, '/v1/status')
    await begun.promise
    const over = new AbortController()
    const drained = gateway.drain(over.signal)
    over.abort(new Error('time is over'))
    await expect(drained).rejects.toThrow('time is over')
    await gateway[Symbol.asyncDispose]()
    // Broken off: an error that says so, or a connection that ends.
    const ended = await running.then(({ status }) => status).catch(() => 'broken')
    expect([503, 'broken']).toContain(ended)
  })
})
