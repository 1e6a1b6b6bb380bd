import { describe, expect, test } from 'vitest'
import { asStorageIndex, asTreeHash, InvalidInputError, manifestRoot, utf8 } from '#crypto'
import {
  BusyError,
  ConflictError,
  NoSpaceError,
  NotFoundError,
  ProtocolError,
  TimeoutError,
  UnreachableError,
} from '../../../node/errors.ts'
import { CHANNELS_PER_PEER_MAX, WIRE_CHANNELS_PER_SERVER_MAX } from '../../../node/limits.ts'
import { silentLog } from '../../../node/platform/log.ts'
import type { Channel } from '../../../node/platform/platform.ts'
import type { StorageServer } from '../../../node/storage/server.ts'
import { StorageHandler } from '../../../node/wire/handler.ts'
import { formatMessage, MessageReader } from '../../../node/wire/message.ts'
import { RemoteServer } from '../../../node/wire/remote-server.ts'
import { STORAGE_PROTOCOL } from '../../../node/wire/requests.ts'
import { SimClock } from '../../sim/sim-clock.ts'
import { type SimNetwork, SimWorld } from '../../sim/sim-network.ts'
import { SimRandom } from '../../sim/sim-random.ts'
import { FakeStorage } from '../../support/fake-storage.ts'
import { testRecord, testSlot } from '../../support/make-slots.ts'

const LATENCY_MILLISECONDS = 10
const MINUTE = 60_000

interface Grid {
  readonly clock: SimClock
  readonly world: SimWorld
  readonly client: SimNetwork
  readonly server: SimNetwork
  readonly storage: FakeStorage
  readonly handler: StorageHandler
  readonly remote: RemoteServer
}

/** One client and one server ten milliseconds apart; the work runs in virtual time. */
async function simulate(work: (grid: Grid) => Promise<void>): Promise<void> {
  const clock = new SimClock()
  const latencyMilliseconds = { least: LATENCY_MILLISECONDS, most: LATENCY_MILLISECONDS }
  const world = new SimWorld({ clock, random: new SimRandom(3), latencyMilliseconds })
  const [server, client] = [world.node(), world.node({ listens: false })]
  const storage = new FakeStorage()
  await clock.run(async () => {
    const handler = await StorageHandler.open({
      platform: { network: server, clock, log: silentLog },
      storage,
    })
    const remote = new RemoteServer({
      platform: { network: client, clock },
      serverId: server.localId,
      addresses: () => server.addresses(),
    })
    await work({ clock, world, client, server, storage, handler, remote })
    remote[Symbol.dispose]()
    await handler[Symbol.asyncDispose]()
    expect(handler.channelCount).toBe(0)
    expect(handler.inFlightBytes).toBe(0)
  })
}

const storageIndex = asStorageIndex(new Uint8Array(32).fill(1))
const manifest = utf8('a manifest, as far as anyone here looks')
const root = manifestRoot(manifest)
const address = { storageIndex, root, shareNumber: 0 }
const sealedLeaf = asTreeHash(new Uint8Array(32).fill(2))
const writeRequest = {
  storageIndex,
  shareNumber: 0,
  uploadId: new Uint8Array(16).fill(3),
  expectedSizeBytes: 1000,
}

async function writeShare(server: StorageServer, blocks: readonly Uint8Array[]): Promise<void> {
  const writer = server.writeShare(writeRequest)
  await Promise.all([
    writer.open(),
    ...blocks.map((block, segmentIndex) => writer.writeBlock({ segmentIndex, sealedLeaf, block })),
    writer.finish({ manifest, leaseDurationSeconds: 60 }),
  ])
}

const blockOf = (segmentIndex: number) => ({ address, segmentIndex, withSealedProof: true })

describe('RemoteServer', () => {
  test('carries every method there and back', async () => {
    await simulate(async ({ remote, client, server }) => {
      expect(remote.serverId).toBe(server.localId)
      expect(await remote.status()).toEqual({
        version: 'fake 1',
        freeBytes: 2 ** 50,
        usedBytes: 7,
        shareCount: 0,
        accountUsedBytes: client.localId.length,
        accountQuotaBytes: undefined,
      })
      const blocks = [utf8('one'), new Uint8Array(100_000).fill(7), new Uint8Array(0)]
      await writeShare(remote, blocks)
      expect(await remote.readManifest(address)).toEqual(manifest)
      const read = await Promise.all(blocks.map((_, segmentIndex) => remote.readBlock(blockOf(segmentIndex))))
      expect(read.map(({ block }) => block)).toEqual(blocks)
      expect(read[2]?.sealedProof).toEqual(new Uint8Array(64).fill(2))
      const bare = await remote.readBlock({ ...blockOf(0), withSealedProof: false })
      expect(bare.sealedProof).toBeUndefined()
      const listed = [{ root, shareNumber: 0, shareSizeBytes: 100_003 }]
      const queries = Array.from({ length: 200 }, (_, index) => ({
        storageIndex: index % 2 === 0 ? storageIndex : asStorageIndex(new Uint8Array(32)),
        root: index % 4 === 0 ? root : undefined,
      }))
      const lists = await remote.listShares(queries)
      expect(lists).toEqual(queries.map((_, index) => (index % 2 === 0 ? listed : [])))
      expect(await remote.listShares([])).toEqual([])
      const outcomes = await remote.updateLeases([
        { action: 'renew', address, durationSeconds: 77 },
        { action: 'cancel', address },
        { action: 'cancel', address: { ...address, shareNumber: 101 } },
      ])
      expect(outcomes).toEqual([
        { ok: true, expiresAtSeconds: 77 },
        { ok: true, expiresAtSeconds: 0 },
        { ok: false, reason: 'no-such-share' },
      ])
      expect(await remote.scrubShare(address)).toEqual({ healthy: true })
    })
  })

  test('joins questions that are asked together, and gives each caller its own answers', async () => {
    await simulate(async ({ remote, storage }) => {
      await writeShare(remote, [utf8('one')])
      storage.calls.length = 0
      const listed = [{ root, shareNumber: 0, shareSizeBytes: 3 }]
      const nowhere = asStorageIndex(new Uint8Array(32))
      const lists = await Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          remote.listShares([{ storageIndex: index % 2 === 0 ? storageIndex : nowhere, root }]),
        ),
      )
      expect(lists).toEqual(lists.map((_, index) => [index % 2 === 0 ? listed : []]))
      const leases = await Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          remote.updateLeases([{ action: 'renew', address, durationSeconds: index + 1 }]),
        ),
      )
      expect(leases).toEqual(leases.map((_, index) => [{ ok: true, expiresAtSeconds: index + 1 }]))
      expect(storage.calls).toEqual(['list', 'list', 'update-leases'])
    })
  })

  test('sends shares that are written together as one message, and tells each caller its own outcome', async () => {
    await simulate(async ({ clock, remote }) => {
      await remote.status()
      const wholeOf = (shareNumber: number) => ({
        storageIndex,
        shareNumber,
        manifest,
        block: new Uint8Array(10 + shareNumber).fill(shareNumber),
        leaseDurationSeconds: 60,
      })
      const numbers = [7, 101, 3, 9]
      const started = clock.elapsed()
      const settled = await Promise.allSettled(numbers.map((number) => remote.writeWhole(wholeOf(number))))
      expect(clock.elapsed() - started).toBeLessThan(3 * LATENCY_MILLISECONDS)
      expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
      expect(settled[1]).toMatchObject({ reason: expect.any(ConflictError) })
      for (const shareNumber of [7, 3, 9]) {
        const read = await remote.readBlock({ ...blockOf(0), address: { ...address, shareNumber } })
        expect(read.block).toEqual(wholeOf(shareNumber).block)
      }
    })
  })

  test('reads and writes slots that meet as one message each, and tells each caller its own', async () => {
    await simulate(async ({ clock, remote }) => {
      await remote.status()
      const records = Array.from({ length: 12 }, (_, number) => testRecord(testSlot(`joined ${number}`), 2))
      const [first] = records
      if (first === undefined) throw new Error('there are records')
      const started = clock.elapsed()
      const writes = [...records, testRecord(testSlot('joined 0'), 1)]
      const outcomes = await Promise.all(
        writes.map(({ bytes }) => remote.writeSlot({ record: bytes, leaseDurationSeconds: 60 })),
      )
      expect(clock.elapsed() - started).toBeLessThan(3 * LATENCY_MILLISECONDS)
      expect(outcomes).toEqual([
        ...records.map(() => ({ accepted: true })),
        { accepted: false, held: first.bytes },
      ])
      const asked = clock.elapsed()
      const absent = testSlot('absent').publicKey
      const reads = await Promise.all([
        ...records.map(({ publicKey }) => remote.readSlots([publicKey])),
        remote.readSlots([absent, first.publicKey]),
      ])
      expect(clock.elapsed() - asked).toBeLessThan(3 * LATENCY_MILLISECONDS)
      expect(reads).toEqual([...records.map(({ bytes }) => [bytes]), [undefined, first.bytes]])
    })
  })

  test('a malformed update fails its caller, not those that travel with it', async () => {
    await simulate(async ({ remote }) => {
      const bad = { ...address, shareNumber: 255 }
      const outcomes = await Promise.allSettled([
        remote.updateLeases([{ action: 'cancel', address: bad }]),
        remote.updateLeases([{ action: 'renew', address, durationSeconds: 0 }]),
        remote.updateLeases([{ action: 'cancel', address }]),
      ])
      expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled'])
    })
  })

  test('writes a small share in one round trip once it is connected', async () => {
    await simulate(async ({ clock, remote }) => {
      await remote.status()
      const start = clock.elapsed()
      await writeShare(remote, [utf8('small')])
      expect(clock.elapsed() - start).toBeLessThan(3 * LATENCY_MILLISECONDS)
    })
  })

  test('errors arrive as the class their code names, with plain details', async () => {
    await simulate(async ({ remote, storage, server }) => {
      for (const error of [
        new NoSpaceError('full', { freeBytes: 3, secret: new Uint8Array(3), nested: { deep: 1 } }),
        new BusyError('later'),
        new ConflictError('taken'),
        new InvalidInputError('wrong'),
      ]) {
        storage.before = async () => {
          throw error
        }
        const caught = await remote.status().catch((cause: unknown) => cause)
        expect(caught).toBeInstanceOf(error.constructor)
        expect(caught).toMatchObject({ message: error.message, details: { server: server.localId } })
        expect(Object.keys(Object(caught).details)).not.toContain('secret')
      }
      storage.before = async () => {
        throw new Error('/home/someone/private: a bug')
      }
      const internal = await remote.status().catch((cause: unknown) => cause)
      expect(internal).toBeInstanceOf(ProtocolError)
      expect(String(internal)).not.toContain('private')
      storage.before = async () => undefined
      await expect(remote.readManifest(address)).rejects.toThrow(NotFoundError)
      await expect(remote.readBlock(blockOf(0))).rejects.toThrow(NotFoundError)
    })
  })

  test('an aborted call does not disturb the others, sent or not', async () => {
    await simulate(async ({ remote, storage, clock }) => {
      await writeShare(remote, [utf8('zero'), utf8('one')])
      storage.before = async () => clock.sleep(50)
      const controller = new AbortController()
      const stop = new Error('stop')
      const calls = Array.from({ length: 300 }, (_, index) =>
        remote
          .readBlock(blockOf(index % 2), index % 3 === 0 ? controller : undefined)
          .then(({ block }) => new TextDecoder().decode(block)),
      )
      const aborted = clock.sleep(120).then(() => controller.abort(stop))
      const settled = await Promise.allSettled(calls)
      await aborted
      settled.forEach((result, index) => {
        if (result.status === 'fulfilled') expect(result.value).toBe(index % 2 === 0 ? 'zero' : 'one')
        else expect([index % 3, result.reason]).toEqual([0, stop])
      })
      expect(settled.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(50)
      expect(remote.channelCount).toBeLessThanOrEqual(WIRE_CHANNELS_PER_SERVER_MAX)
    })
  })

  test('a call that is aborted before it starts sends nothing', async () => {
    await simulate(async ({ remote, storage }) => {
      const signal = AbortSignal.abort(new Error('never'))
      await expect(remote.status({ signal })).rejects.toThrow('never')
      expect(storage.calls).toEqual([])
    })
  })

  test('a write with an aborted block goes no further', async () => {
    await simulate(async ({ remote, storage }) => {
      const writer = remote.writeShare(writeRequest)
      const signal = AbortSignal.abort(new Error('stop'))
      const results = await Promise.allSettled([
        writer.open(),
        writer.writeBlock({ segmentIndex: 0, sealedLeaf, block: utf8('a') }),
        writer.writeBlock({ segmentIndex: 1, sealedLeaf, block: utf8('b') }, { signal }),
        writer.writeBlock({ segmentIndex: 2, sealedLeaf, block: utf8('c') }),
      ])
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected'])
      await writer.abort()
      expect(storage.uploads.size).toBe(0)
    })
  })

  test('after a failure every later call of a write fails alike', async () => {
    await simulate(async ({ remote, storage }) => {
      storage.before = async (call) => {
        if (call === 'write-open') throw new NoSpaceError('full')
      }
      const results = await Promise.allSettled([writeShare(remote, [utf8('a'), utf8('b')])])
      expect(results[0]).toMatchObject({ status: 'rejected', reason: { code: 'NO_SPACE' } })
      expect(storage.calls).toEqual(['write-open'])
    })
  })

  test('a broken channel fails its own calls; the next call opens another; a write is taken up again', async () => {
    await simulate(async ({ remote, world, client, server, storage, clock }) => {
      // Small blocks are acknowledged together.
      const large = (segmentIndex: number) => new Uint8Array(70_000).fill(segmentIndex)
      await remote.status()
      storage.before = async () => clock.sleep(100)
      const writer = remote.writeShare(writeRequest)
      const writing = Promise.allSettled([
        writer.open(),
        ...[0, 1, 2, 3].map((segmentIndex) =>
          writer.writeBlock({ segmentIndex, sealedLeaf, block: large(segmentIndex) }),
        ),
      ])
      await clock.sleep(300)
      world.breakChannels(client.localId, server.localId)
      const results = await writing
      expect(results.map(({ status }) => status)).toEqual([
        'fulfilled',
        'fulfilled',
        'rejected',
        'rejected',
        'rejected',
      ])
      expect(results[4]).toMatchObject({ reason: { code: 'UNREACHABLE' } })
      await expect(writer.finish({ manifest, leaseDurationSeconds: 1 })).rejects.toThrow(UnreachableError)
      await writer.detach()
      storage.before = async () => undefined
      const second = remote.writeShare(writeRequest)
      const { segmentsHeld } = await second.open()
      expect(segmentsHeld).toBeGreaterThanOrEqual(2)
      for (let segmentIndex = segmentsHeld; segmentIndex < 4; segmentIndex += 1) {
        await second.writeBlock({ segmentIndex, sealedLeaf, block: large(segmentIndex) })
      }
      await second.finish({ manifest, leaseDurationSeconds: 1 })
      expect(storage.detachCount).toBe(1)
      const { block } = await remote.readBlock(blockOf(3))
      expect(Buffer.compare(block, large(3))).toBe(0)
    })
  })

  test('channels that break at any byte never give a wrong answer', async () => {
    await simulate(async ({ remote, world, client, server }) => {
      await writeShare(remote, [new Uint8Array(3000).fill(9)])
      for (let afterBytes = 1; afterBytes < 3400; afterBytes += 97) {
        world.breakChannels(client.localId, server.localId)
        world.breakNextChannel(client.localId, server.localId, afterBytes)
        const read = await remote.readBlock(blockOf(0)).catch((error: unknown) => error)
        if (read instanceof Error) expect(read).toBeInstanceOf(UnreachableError)
        else expect(read).toMatchObject({ block: new Uint8Array(3000).fill(9) })
      }
    })
  })

  test('a server that goes away fails calls as unreachable, and serves again when it is back', async () => {
    await simulate(async ({ remote, world, server, clock, storage }) => {
      storage.before = async () => clock.sleep(500)
      const running = remote.status()
      setImmediate(() => undefined)
      await clock.sleep(200)
      world.takeDown(server.localId)
      await expect(running).rejects.toThrow(UnreachableError)
      await expect(remote.status()).rejects.toThrow('refused')
      world.bringUp(server.localId)
      expect((await remote.status()).usedBytes).toBe(7)
    })
  })

  test('silence is a TimeoutError, slow work is not', async () => {
    await simulate(async ({ remote, world, client, server, clock, storage }) => {
      await writeShare(remote, [utf8('a')])
      storage.before = async (call) => (call === 'scrub' ? clock.sleep(10 * MINUTE) : undefined)
      expect(await remote.scrubShare(address)).toEqual({ healthy: true })
      world.partition([[client.localId], [server.localId]])
      const start = clock.elapsed()
      await expect(remote.readBlock(blockOf(0))).rejects.toThrow(TimeoutError)
      expect(clock.elapsed() - start).toBeLessThan(2 * MINUTE)
      world.heal()
      expect((await remote.readBlock(blockOf(0))).block).toEqual(utf8('a'))
    })
  })

  test('opens channels as they are needed, and closes them when they idle', async () => {
    await simulate(async ({ remote, clock, handler, storage }) => {
      await remote.status()
      expect(remote.channelCount).toBe(1)
      storage.before = async () => clock.sleep(100)
      await Promise.all(Array.from({ length: 100 }, () => remote.status()))
      expect(remote.channelCount).toBeGreaterThan(1)
      for (let round = 0; round < 20; round += 1) {
        await Promise.all(Array.from({ length: 20 }, () => remote.status()))
      }
      expect(remote.channelCount).toBe(WIRE_CHANNELS_PER_SERVER_MAX)
      expect(handler.channelCount).toBe(WIRE_CHANNELS_PER_SERVER_MAX)
      await clock.sleep(3 * MINUTE)
      expect(remote.channelCount).toBe(0)
      expect(handler.channelCount).toBe(0)
    })
  })
})

describe('a server facing a peer that misbehaves', () => {
  const raw = async ({ client, server }: Grid): Promise<Channel> => {
    await client.connect(server.localId, server.addresses())
    return await client.openChannel(server.localId, STORAGE_PROTOCOL)
  }

  test('answers a malformed request, and goes on', async () => {
    await simulate(async (grid) => {
      const channel = await raw(grid)
      const reader = new MessageReader(channel.incoming)
      await channel.write(formatMessage({ op: 'nonsense' }).parts)
      await channel.write(formatMessage({ op: 'write-block' }).parts)
      await channel.write(formatMessage({ op: 'status' }).parts)
      expect((await reader.read())?.header.text('error', 64)).toBe('INVALID_INPUT')
      expect((await reader.read())?.header.text('error', 64)).toBe('INVALID_INPUT')
      expect((await reader.read())?.header.uint('used')).toBe(7)
      await channel.close()
      expect(await reader.read()).toBeUndefined()
    })
  })

  test('breaks a channel off on garbage', async () => {
    await simulate(async (grid) => {
      for (const garbage of [new Uint8Array(64).fill(0xff), Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 0, 0x80)]) {
        const channel = await raw(grid)
        await channel.write([garbage])
        await expect(new MessageReader(channel.incoming).read()).rejects.toThrow()
      }
    })
  })

  test('hands a write over from a channel of the same peer that has gone still, and from no other', async () => {
    await simulate(async (grid) => {
      const { storage, remote, clock } = grid
      const dead = await raw(grid)
      const reader = new MessageReader(dead.incoming)
      const open = { op: 'write-open', index: storageIndex, share: 0, upload: writeRequest.uploadId, size: 0 }
      await dead.write(formatMessage(open).parts)
      expect((await reader.read())?.header.uint('held')).toBe(0)
      const early = remote.writeShare(writeRequest)
      await early.open()
      expect(storage.detachCount).toBe(0)
      await early.detach()
      expect(storage.detachCount).toBe(1)
      await clock.sleep(20_000)
      await remote.writeShare(writeRequest).open()
      expect(storage.detachCount).toBe(2)
      await dead.write(
        formatMessage({ ...open, op: 'write-finish', size: undefined, manifest, lease: 1 }).parts,
      )
      expect((await reader.read())?.header.text('error', 64)).toBe('INVALID_INPUT')
      await dead.close()
    })
  })

  test('refuses more channels than the limit', async () => {
    await simulate(async (grid) => {
      for (let count = 0; count < CHANNELS_PER_PEER_MAX; count += 1) await raw(grid)
      await expect(raw(grid)).rejects.toThrow(UnreachableError)
    })
  })

  test('breaks off a channel that stops inside a message, or asks for nothing', async () => {
    await simulate(async (grid) => {
      const half = await raw(grid)
      await half.write([Uint8Array.of(0, 0, 0, 9, 0)])
      const idle = await raw(grid)
      await grid.clock.sleep(2 * MINUTE)
      await expect(half.write([Uint8Array.of(1)])).rejects.toThrow()
      await idle.write([Uint8Array.of(0)])
      await grid.clock.sleep(2 * MINUTE)
      await expect(idle.write([Uint8Array.of(1)])).rejects.toThrow()
      const quiet = await raw(grid)
      await grid.clock.sleep(15 * MINUTE)
      await expect(quiet.write([Uint8Array.of(1)])).rejects.toThrow()
    })
  })

  test('holds a bounded amount of memory for a peer that floods and never reads', async () => {
    await simulate(async (grid) => {
      const { storage, handler, remote, clock } = grid
      await writeShare(remote, [new Uint8Array(1024 * 1024)])
      let largest = 0
      storage.before = async () => {
        largest = Math.max(largest, handler.inFlightBytes)
      }
      const { index, root: rootField } = { index: storageIndex, root }
      const request = formatMessage({
        op: 'read-block',
        index,
        root: rootField,
        share: 0,
        segment: 0,
        sealed: false,
      })
      for (let count = 0; count < 15; count += 1) {
        const channel = await raw(grid)
        void (async () => {
          for (let round = 0; round < 10_000; round += 1) await channel.write(request.parts)
        })().catch(() => undefined)
      }
      await clock.sleep(5_000)
      expect(storage.calls.filter((call) => call === 'read-block').length).toBeLessThan(40)
      expect(largest).toBeLessThanOrEqual(64 * 1024 * 1024)
      expect((await remote.status()).usedBytes).toBe(7)
    })
  })
})

describe('a client facing a server that misbehaves', () => {
  const lying = async (replies: readonly Uint8Array[], work: (remote: RemoteServer) => Promise<void>) => {
    const clock = new SimClock()
    const world = new SimWorld({ clock, random: new SimRandom(5) })
    const [server, client] = [world.node(), world.node({ listens: false })]
    await clock.run(async () => {
      await server.serve(STORAGE_PROTOCOL, async (channel) => {
        const reader = new MessageReader(channel.incoming)
        while ((await reader.read()) !== undefined) await channel.write(replies)
      })
      const remote = new RemoteServer({
        platform: { network: client, clock },
        serverId: server.localId,
        addresses: () => server.addresses(),
      })
      await work(remote)
      remote[Symbol.dispose]()
    })
  }

  test('takes malformed replies for a broken protocol', async () => {
    const replies = [
      [utf8('not a message at all')],
      formatMessage({}).parts,
      formatMessage({ free: -1 }).parts,
      formatMessage({ error: 'NO_SPACE' }).parts,
      formatMessage({ error: 'NO_SPACE', message: 'x', details: { nested: { deep: 1 } } }).parts,
      formatMessage({ error: 'NEW_CODE', message: 'from the future', details: {} }).parts,
      formatMessage({ counts: [600] }).parts,
      formatMessage({ counts: [1] }, new Uint8Array(40)).parts,
      formatMessage({ counts: [1, 1] }, new Uint8Array(82)).parts,
    ]
    for (const parts of replies) {
      await lying(parts, async (remote) => {
        const query = { storageIndex, root: undefined }
        await expect(remote.listShares([query])).rejects.toThrow(ProtocolError)
      })
    }
  })

  test('takes a reply that nobody asked for the same way', async () => {
    const twice = [...formatMessage({ counts: [0] }).parts, ...formatMessage({ counts: [0] }).parts]
    await lying(twice, async (remote) => {
      const query = { storageIndex, root: undefined }
      expect(await remote.listShares([query])).toEqual([[]])
    })
  })
})

describe('a server that is told to stop', () => {
  test('takes nothing new, and waits for writes that have begun', () =>
    simulate(async ({ remote, handler, clock }) => {
      const writer = remote.writeShare({
        storageIndex: asStorageIndex(new Uint8Array(32)),
        shareNumber: 0,
        uploadId: new Uint8Array(16),
        expectedSizeBytes: 100,
      })
      await writer.open()
      let isDrained = false
      const drained = handler.drain(new AbortController().signal).then(() => {
        isDrained = true
      })
      await expect(remote.status()).rejects.toThrow(BusyError)
      await clock.sleep(MINUTE)
      expect(isDrained).toBe(false)
      await writer.abort()
      await drained
    }))

  test('waits no longer than it is told to', () =>
    simulate(async ({ remote, handler, clock }) => {
      await remote
        .writeShare({
          storageIndex: asStorageIndex(new Uint8Array(32)),
          shareNumber: 0,
          uploadId: new Uint8Array(16),
          expectedSizeBytes: 100,
        })
        .open()
      const deadline = clock.deadline(5000, { what: 'stopping' })
      await expect(handler.drain(deadline.signal)).rejects.toThrow(TimeoutError)
      deadline[Symbol.dispose]()
    }))
})
