/** Writes as another implementation may send them: what ends one, and which channel may (PROTOCOL §5.3). */
import { describe, expect, onTestFinished, test } from 'vitest'
import type { FieldRecord } from '#crypto'
import { systemClock } from '../../../node/platform/clock.ts'
import { silentLog } from '../../../node/platform/log.ts'
import { MemoryDisk } from '../../../node/platform/memory-disk.ts'
import { openNetwork } from '../../../node/platform/network.ts'
import { temporaryNodeKey } from '../../../node/platform/node-key.ts'
import { StorageHandler } from '../../../node/wire/handler.ts'
import { formatMessage, MessageReader } from '../../../node/wire/message.ts'
import { STORAGE_PROTOCOL } from '../../../node/wire/requests.ts'
import { openStorage } from '../../support/storages.ts'

const NAME = { index: new Uint8Array(32).fill(1), share: 0, upload: new Uint8Array(16).fill(2) }
const OPEN = { op: 'write-open', ...NAME, size: 0 }
const block = (segment: number) => ({ op: 'write-block', ...NAME, segment, leaf: new Uint8Array(32) })
const finish = (lease: number) => ({ op: 'write-finish', ...NAME, manifest: new Uint8Array(9), lease })

/** Two channels of one peer to a real storage: each call is one request, and gives the error's code or `held`. */
async function twoChannels() {
  const storage = await openStorage(new MemoryDisk({ capacityBytes: 1e7 }))
  const [server, client] = await Promise.all([
    openNetwork({ key: temporaryNodeKey(), log: silentLog }),
    openNetwork({ key: temporaryNodeKey(), listen: [], log: silentLog }),
  ])
  const platform = { network: server, clock: systemClock, log: silentLog }
  const handler = await StorageHandler.open({ platform, storage })
  onTestFinished(async () => {
    await handler[Symbol.asyncDispose]()
    await Promise.all([server.close(), client.close()])
    await storage[Symbol.asyncDispose]()
  })
  await client.connect(server.localId, server.addresses())
  const open = async () => {
    const channel = await client.openChannel(server.localId, STORAGE_PROTOCOL)
    const reader = new MessageReader(channel.incoming)
    return async (fields: FieldRecord, payload?: Uint8Array) => {
      await channel.write(formatMessage(fields, payload).parts)
      const header = (await reader.read())?.header
      if (header?.has('error') === true) return header.text('error', 64)
      return header?.has('held') === true ? header.uint('held') : 'done'
    }
  }
  return [await open(), await open()] as const
}

describe('a write', () => {
  test('is not touched by what is malformed, and ended by what fails', async () => {
    const [ask] = await twoChannels()
    const bytes = new Uint8Array(512)
    expect(await ask(block(0), bytes)).toBe('INVALID_INPUT')
    expect(await ask(OPEN)).toBe(0)
    expect(await ask(block(0), bytes)).toBe('done')
    for (const lease of [0, 40_000_000]) expect(await ask(finish(lease))).toBe('INVALID_INPUT')
    expect(await ask(OPEN)).toBe(1)
    expect(await ask(block(1), new Uint8Array(100))).toBe('done')
    expect(await ask(block(2), bytes)).toBe('INTEGRITY')
    expect(await ask(block(3), bytes)).toBe('INTEGRITY')
    expect(await ask(finish(1))).toBe('INTEGRITY')
    expect(await ask(OPEN)).toBe(0)
    expect(await ask(block(1), bytes)).toBe('INVALID_INPUT')
    expect(await ask(OPEN)).toBe(0)
  })

  test('is ended from another channel only when none holds it', async () => {
    const [ask, other] = await twoChannels()
    const [abort, detach] = ['write-abort', 'write-detach'].map((op) => ({ op, ...NAME }))
    if (abort === undefined || detach === undefined) throw new Error('two requests wanted')
    expect(await ask(OPEN)).toBe(0)
    expect(await ask(block(0), new Uint8Array(512))).toBe('done')
    expect(await other(abort)).toBe('done')
    expect(await other(detach)).toBe('done')
    expect(await other(OPEN)).toBe('CONFLICT')
    expect(await other(block(1), new Uint8Array(512))).toBe('CONFLICT')
    expect(await other(abort)).toBe('done')
    expect(await ask(OPEN)).toBe(1)
    expect(await ask(detach)).toBe('done')
    expect(await other(OPEN)).toBe(1)
    expect(await other(detach)).toBe('done')
    expect(await ask(abort)).toBe('done')
    expect(await other(OPEN)).toBe(0)
  })

  test('an update of no leases and a list of no queries are allowed', async () => {
    const [ask] = await twoChannels()
    expect(await ask({ op: 'update-leases', updates: [] })).toBe('done')
    expect(await ask({ op: 'list', queries: [] })).toBe('done')
  })
})
