import { describe, expect, test } from 'vitest'
import { type KnownServer, MemoryDisk, silentLog } from '#node'
import { MeasuredServers } from '../../../node/durability/measured-servers.ts'
import { OBSERVATION_SECONDS } from '../../../node/keeping/limits.ts'
import { peerIdOfPublicKey } from '../../../node/peers/peer-id.ts'
import { SimClock } from '../../sim/sim-clock.ts'

const [a, b, own] = [1, 2, 3].map((number) => peerIdOfPublicKey(new Uint8Array(32).fill(number)))
if (a === undefined || b === undefined || own === undefined) throw new Error('no peer ids')

function known(peerId: string, answers: boolean, isLocal = false): KnownServer {
  const status = { version: '', freeBytes: 1, usedBytes: 0, shareCount: 0, accountUsedBytes: 0 }
  return {
    peerId,
    isLocal,
    ...{ owner: '', site: '', addresses: [], problem: undefined },
    status: answers ? { ...status, accountQuotaBytes: undefined, accountByteDays: undefined } : undefined,
  }
}

async function newPlatform() {
  const platform = { clock: new SimClock(), disk: new MemoryDisk({ capacityBytes: 1e6 }), log: silentLog }
  await platform.disk.makeFolder('home')
  return platform
}

describe('MeasuredServers', () => {
  test('looks once an hour at all servers but the own one, and keeps what it found', async () => {
    const platform = await newPlatform()
    const { clock } = platform
    await clock.run(async () => {
      const measured = await MeasuredServers.open(platform, { home: 'home', measures: true })
      let looks = 0
      measured.watch(async () => {
        looks += 1
        return [known(a, true), known(b, looks % 2 === 0), known(own, true, true)]
      })
      await clock.sleep(10 * OBSERVATION_SECONDS * 1000)
      await measured[Symbol.asyncDispose]()
      expect(looks).toBeGreaterThanOrEqual(10)
      expect(looks).toBeLessThanOrEqual(11)
      const again = await MeasuredServers.open(platform, { home: 'home', measures: false })
      const counts = again.records.map(({ serverId, askedCount, answeredCount }) => [
        serverId,
        askedCount,
        answeredCount,
      ])
      expect(counts).toEqual([
        [a, looks, looks],
        [b, looks, looks >> 1],
      ])
      await again[Symbol.asyncDispose]()
    })
  })

  test('goes on after a look that failed', async () => {
    const platform = await newPlatform()
    await platform.clock.run(async () => {
      const measured = await MeasuredServers.open(platform, { home: 'home', measures: true })
      let looks = 0
      measured.watch(async () => {
        looks += 1
        if (looks === 1) throw new Error('a look went wrong')
        return [known(a, true)]
      })
      await platform.clock.sleep(2 * OBSERVATION_SECONDS * 1000)
      await measured[Symbol.asyncDispose]()
      expect(measured.records).toMatchObject([{ serverId: a, askedCount: looks - 1 }])
    })
  })

  test('takes what a status was answered for a look, and of a command for none', async () => {
    const platform = await newPlatform()
    await platform.clock.run(async () => {
      const daemon = await MeasuredServers.open(platform, { home: 'home', measures: true })
      daemon.note([known(a, true), known(own, true, true)])
      daemon.note([known(a, false)])
      expect(daemon.records).toMatchObject([{ serverId: a, askedCount: 1, answeredCount: 1 }])
      await daemon[Symbol.asyncDispose]()
      const command = await MeasuredServers.open(platform, { home: 'home', measures: false })
      command.note([known(b, true)])
      expect(command.records).toEqual(daemon.records)
      await command[Symbol.asyncDispose]()
    })
  })
})
