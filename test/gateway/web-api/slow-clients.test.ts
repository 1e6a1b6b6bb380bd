/** Clients that stand still, go away, or are too big. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, expect, test } from 'vitest'
import { asSlotSeed, formatCapability, literalCapability, slotWriteCapability } from '#crypto'
import { type Clock, systemClock, TimeoutError } from '#node'
import { STALL_MAX_MILLISECONDS } from '../../../gateway/web-api/stall.ts'
import { fakeFiles } from '../../support/fake-files.ts'
import { closeStages } from '../../support/grid-stages.ts'
import { contentOf } from '../../support/memory-grid.ts'
import { multipart, type WebStage, webStage } from '../../support/web-client.ts'

afterAll(closeStages)

/** A machine may be busy with other things. */
const WAIT = { timeout: 20_000 }

/** A clock on which nothing is late until the test says so. */
class PatientClock implements Clock {
  readonly now = systemClock.now
  readonly elapsed = systemClock.elapsed
  readonly sleep = systemClock.sleep
  readonly #running = new Set<AbortController>()
  lengths: number[] = []

  deadline(
    milliseconds: number,
    { what, signal }: { readonly what: string; readonly signal?: AbortSignal | undefined },
  ) {
    const own = new AbortController()
    this.#running.add(own)
    this.lengths.push(milliseconds)
    return {
      signal: signal === undefined ? own.signal : AbortSignal.any([signal, own.signal]),
      [Symbol.dispose]: () => void this.#running.delete(own),
      what,
    }
  }

  get runningCount(): number {
    return this.#running.size
  }

  expireAll(): void {
    for (const own of this.#running) own.abort(new TimeoutError('a minute is over'))
  }
}

async function patientStage(): Promise<WebStage & { readonly clock: PatientClock }> {
  const clock = new PatientClock()
  return { ...(await webStage({ clock })), clock }
}

function head({ client }: WebStage, start: string, rest = ''): string {
  return `${start} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${client.gateway.token.reveal()}\r\n${rest}\r\n`
}

async function answerOf(
  stage: WebStage,
  request: string | Buffer,
): Promise<{ readonly text: Promise<string> }> {
  const socket = connect(stage.client.gateway.port, '127.0.0.1')
  let text = ''
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1')
  })
  socket.on('error', () => undefined)
  socket.write(request)
  return { text: once(socket, 'close').then(() => text) }
}

const form = multipart([['file', 'x'.repeat(5000), 'x']])
const { 'content-type': formType } = form.headers

test.each([
  ['a file', 'PUT /uri', 'content-length: 100\r\n', 'x'.repeat(70)],
  ['children', 'POST /uri?t=mkdir-with-children', 'content-length: 100\r\n', '{"a":'],
  [
    'a form',
    'POST /uri?t=upload',
    `content-type: ${formType}\r\ncontent-length: ${form.body.length}\r\n`,
    Buffer.from(form.body.slice(0, 3000)).toString(),
  ],
  [
    'arguments',
    'POST /uri',
    'content-type: application/x-www-form-urlencoded\r\ncontent-length: 100\r\n',
    't=mkdir&',
  ],
])('a body of %s that stands still is given up', async (_, start, headers, body) => {
  const stage = await patientStage()
  const { text } = await answerOf(stage, head(stage, start, `${headers}connection: close\r\n`) + body)
  await expect.poll(() => stage.clock.runningCount, WAIT).toBe(1)
  stage.clock.expireAll()
  expect(await text).toMatch(/^HTTP\/1\.1 504 [\s\S]*"code":"TIMEOUT"/)
  expect(new Set(stage.clock.lengths)).toEqual(new Set([STALL_MAX_MILLISECONDS]))
  expect(await stage.grid.incomingShares()).toBe(0)
})

test('a reader that stands still is given up, and the reading of the grid with it', async () => {
  const stage = await patientStage()
  const cap = await stage.client.text('PUT', '/uri', { body: contentOf(30_000_000) })
  const socket = connect(stage.client.gateway.port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.pause()
  socket.write(head(stage, `GET /uri/${cap}`))
  await expect.poll(() => stage.clock.runningCount, WAIT).toBe(1)
  const closed = once(socket, 'close')
  stage.clock.expireAll()
  socket.resume()
  let sizeBytes = 0
  socket.on('data', (bytes) => {
    sizeBytes += bytes.length
  })
  await closed
  expect(sizeBytes).toBeLessThan(30_000_000)
})

test('a reader of a list that stands still is given up, and the listing with it', async () => {
  const ended = Promise.withResolvers<void>()
  const files = fakeFiles({
    async *list() {
      try {
        for (let number = 0; ; number += 1) {
          yield {
            name: `${number}`.padStart(200, 'x'),
            capability: literalCapability(new Uint8Array(3)),
            metadata: {},
          }
        }
      } finally {
        ended.resolve()
      }
    },
  })
  const clock = new PatientClock()
  const stage = await webStage({ clock, files })
  const root = formatCapability(slotWriteCapability('dir', asSlotSeed(new Uint8Array(32).fill(9))))
  const socket = connect(stage.client.gateway.port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.pause()
  socket.write(head(stage, `GET /uri/${root}?t=json`))
  let before = -1
  // It waits for the reader once two looks, with a turn of the server between them, find no more that was sent.
  await expect
    .poll(
      () => {
        const isStill =
          clock.lengths.length > 0 && before === clock.lengths.length && clock.runningCount === 1
        before = clock.lengths.length
        return isStill
      },
      { ...WAIT, interval: 100 },
    )
    .toBe(true)
  clock.expireAll()
  await ended.promise
  socket.destroy()
})

test('a client that leaves in the middle of an upload leaves nothing behind', async () => {
  const stage = await webStage()
  const root = await stage.client.text('PUT', '/uri?t=mkdir')
  for (const start of [`PUT /uri/${root}/a`, `POST /uri/${root}?t=upload`]) {
    const socket = connect(stage.client.gateway.port, '127.0.0.1')
    socket.on('error', () => undefined)
    const type = start.startsWith('POST') ? `content-type: ${formType}\r\n` : ''
    socket.write(head(stage, start, `${type}content-length: 9000000\r\n`))
    if (type !== '') socket.write(form.body.slice(0, 200))
    socket.write(Buffer.alloc(8_000_000, 'x'))
    await expect.poll(() => stage.grid.incomingShares(), WAIT).toBeGreaterThan(0)
    socket.destroy()
    await expect.poll(() => stage.grid.incomingShares(), WAIT).toBe(0)
  }
  expect(await stage.client.json('GET', `/uri/${root}`)).toEqual({ entries: [] })
})

test('HEAD sends nothing of what GET would make', async () => {
  const { client } = await webStage()
  const root = await client.text('PUT', '/uri?t=mkdir')
  await client.text('PUT', `/uri/${root}/a`, { body: 'x' })
  for (const path of [
    `/uri/${root}`,
    `/uri/${root}?t=json`,
    `/uri/${root}/a?t=json`,
    `/uri/${root}/a?t=uri`,
  ]) {
    expect(await client.ask('HEAD', path)).toMatchObject({ status: 200, text: '' })
  }
})
