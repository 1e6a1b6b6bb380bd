/** A daemon as whoever runs it meets it: health, metrics, its log, and how it stops. */
import { readFile, writeFile } from 'node:fs/promises'
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
  putMessage,
  temporaryFolder,
  until,
} from '../../support/cairn-process.ts'

const readyLine = z.object({ metricsPort: z.int(), gatewayPort: z.int(), peerId: z.string() })
const NUMBERS = ['--needed', '1', '--happy', '1', '--total', '1']

interface Daemon {
  readonly home: string
  readonly running: CairnProcess
  readonly ready: z.output<typeof readyLine>
}

/** A server that stands alone, with its metrics on a port of their own. */
async function startDaemon(home: string): Promise<Daemon> {
  const running = new CairnProcess(['run', '--home', home, '--json'])
  return { home, running, ready: readyLine.parse(JSON.parse(await running.firstLine())) }
}

async function newHome(): Promise<string> {
  const home = join(await temporaryFolder(), 'home')
  await cairn(['init', '--open', '--home', home, '--lend', '1 GB', '--reserve', '0', ...NUMBERS])
  const config = join(home, 'cairn.toml')
  const text = await readFile(config, 'utf8')
  await writeFile(config, text.replace('# listen = ""', 'listen = "127.0.0.1:0"'))
  return home
}

let daemon: Daemon
beforeAll(async () => {
  daemon = await startDaemon(await newHome())
  atEnd(async () => daemon.running.child.kill('SIGKILL'))
})
afterAll(cleanUp)

function at(path: string, { ready }: Daemon = daemon): Promise<Response> {
  return fetch(`http://127.0.0.1:${ready.metricsPort}${path}`)
}

/** A put of a pipe that we hold open, so that it runs until we end it. */
async function putThatRuns(of: Daemon): Promise<CairnProcess> {
  const put = new CairnProcess(['put', '-', '--home', of.home, '--json'])
  put.child.stdin.write(Buffer.alloc(2_000_000, 7))
  await until(async () => /^cairn_gateway_running_requests 1$/m.test(await (await at('/metrics', of)).text()))
  return put
}

describe('a running daemon', () => {
  test('is live and ready', async () => {
    const answer = await at('/health')
    expect([answer.status, await answer.json()]).toEqual([200, { live: true, ready: true, problems: [] }])
  })

  test('tells figures that name no file, no account and no capability, and logs whole lines of JSON', async () => {
    const file = await makeFile(join(daemon.home, 'film'), 3_000_000)
    const put = await cairnJson(putMessage, ['put', file, '--home', daemon.home])
    await cairn(['get', put.capability, '-', '--home', daemon.home])
    const text = await (await at('/metrics')).text()
    expect(text).toMatch(/^cairn_storage_shares 1$/m)
    expect(text).toMatch(/^cairn_gateway_requests_total\{route="\/v1\/files",method="PUT",status="200"\} 1$/m)
    const secrets = [put.capability, put.verifyCapability ?? '', daemon.ready.peerId]
    for (const secret of secrets) {
      for (const part of secret.split(':')) if (part.length > 12) expect(text).not.toContain(part)
    }
    // Nothing that is as long as a key or a storage index stands in a label.
    expect(text).not.toMatch(/"[a-z2-7]{26,}"/)
    const lines = daemon.running.stderr.trim().split('\n')
    for (const line of lines) {
      expect(Object.keys(z.record(z.string(), z.unknown()).parse(JSON.parse(line)))).toEqual(
        expect.arrayContaining(['time', 'level', 'message']),
      )
    }
    for (const part of put.capability.split(':').slice(2)) expect(daemon.running.stderr).not.toContain(part)
  })
})

describe('a daemon that is told to stop', () => {
  test('lets a put that runs finish, takes no other, and ends with 0', async () => {
    const stopped = await startDaemon(await newHome())
    const { home, running } = stopped
    const put = await putThatRuns(stopped)
    running.child.kill('SIGTERM')
    await until(() => running.stderr.includes('"stopping"'))
    expect((await at('/health', stopped)).status).toBe(503)
    const refused = await cairn(['put', join(home, 'cairn.toml'), '--home', home])
    expect([refused.code, refused.stderr]).toEqual([13, expect.stringContaining('the daemon is stopping')])
    put.child.stdin.end(Buffer.alloc(1_000_000, 8))
    const ended = await put.ended
    expect([ended.code, ended.stderr]).toEqual([0, ''])
    expect((await running.ended).code).toBe(0)
    // What was acknowledged is there.
    const again = await startDaemon(home)
    atEnd(async () => again.running.child.kill('SIGKILL'))
    const { capability } = putMessage.parse(JSON.parse(ended.stdout.toString()))
    const got = await cairn(['get', capability, '-', '--home', home])
    expect([got.code, got.stdout.length]).toEqual([0, 3_000_000])
  })

  test('breaks off what does not finish in time, and ends with 0 all the same', async () => {
    const stopped = await startDaemon(await newHome())
    const put = await putThatRuns(stopped)
    stopped.running.child.kill('SIGTERM')
    const ended = await stopped.running.ended
    expect([ended.code, ended.stderr]).toEqual([0, expect.stringContaining('what still runs is broken off')])
    expect((await put.ended).code).not.toBe(0)
  })

  test('ends at once when it is told a second time', async () => {
    const stopped = await startDaemon(await newHome())
    const put = await putThatRuns(stopped)
    stopped.running.child.kill('SIGTERM')
    await until(() => stopped.running.stderr.includes('"stopping"'))
    stopped.running.child.kill('SIGTERM')
    expect((await stopped.running.ended).code).toBe(130)
    put.child.kill('SIGKILL')
  })
})
