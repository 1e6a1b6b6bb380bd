import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeFields, InvalidInputError } from '#crypto'
import { MemoryDisk, silentLog } from '#node'
import {
  OBSERVATION_SECONDS,
  OBSERVATIONS_REMEMBERED_MAX,
  SERVER_RECORDS_MAX,
  SERVER_RECORDS_SAVE_MILLISECONDS,
} from '../../../node/keeping/limits.ts'
import { type AuditOutcome, ServerRecords, uptimeOf } from '../../../node/keeping/server-records.ts'
import { ServerRecordsFile } from '../../../node/keeping/server-records-file.ts'
import { peerIdOfPublicKey } from '../../../node/peers/peer-id.ts'
import { SimDisk } from '../../sim/disk.ts'
import { SimClock } from '../../sim/sim-clock.ts'

const server = (number: number) => {
  const bytes = new Uint8Array(32)
  new DataView(bytes.buffer).setUint32(0, number)
  return peerIdOfPublicKey(bytes)
}
const START = 1_800_000_000
const hour = (number: number) => START + number * OBSERVATION_SECONDS
const look = (...answers: readonly boolean[]) =>
  new Map(answers.map((answer, number) => [server(number), answer]))

describe('ServerRecords', () => {
  test('uptime is answered by asked, one look an hour', () => {
    const records = new ServerRecords()
    for (let number = 0; number < 10; number += 1) {
      expect(records.isLookDue(hour(number))).toBe(true)
      expect(records.noteLook(look(true, number < 4), hour(number))).toBe(true)
      expect(records.isLookDue(hour(number))).toBe(false)
      expect(records.noteLook(look(true, true), hour(number) + 60)).toBe(false)
    }
    const [first, second] = records.all()
    expect(first === undefined || uptimeOf(first)).toBe(1)
    expect(second).toMatchObject({ askedCount: 10, answeredCount: 4, firstKnownSeconds: START })
    expect(second?.lastAnswerSeconds).toBe(hour(3))
  })

  test('a look that nobody answered is none: it is this node that is cut off', () => {
    const records = new ServerRecords()
    expect(records.noteLook(look(false, false), hour(0))).toBe(false)
    expect(records.all()).toEqual([])
    expect(records.noteLook(look(false, true), hour(0))).toBe(true)
    expect(records.get(server(0))).toMatchObject({ askedCount: 1, answeredCount: 0 })
  })

  test('a clock that jumps back does not end the looks', () => {
    const records = new ServerRecords()
    records.noteLook(look(true), hour(100_000))
    expect(records.isLookDue(hour(0))).toBe(true)
    expect(records.noteLook(look(true), hour(0))).toBe(true)
  })

  test('old years fade: a server that has died is no longer called up', () => {
    const records = new ServerRecords()
    const years = 2 * OBSERVATIONS_REMEMBERED_MAX
    const [both, one] = [look(true, true), look(true, false)]
    for (let number = 0; number < years; number += 1) records.noteLook(both, hour(number))
    for (let number = 0; number < OBSERVATIONS_REMEMBERED_MAX; number += 1) {
      records.noteLook(one, hour(years + number))
    }
    const dead = records.get(server(1))
    expect(dead?.askedCount).toBeLessThanOrEqual(OBSERVATIONS_REMEMBERED_MAX)
    expect(dead === undefined ? 1 : uptimeOf(dead)).toBeLessThan(0.5)
  })

  test('of too many servers those that answered longest ago are forgotten', () => {
    const records = new ServerRecords()
    records.noteLook(look(true), hour(0))
    const many = Array.from(
      { length: SERVER_RECORDS_MAX },
      (_, number) => [server(number + 1), true] as const,
    )
    records.noteLook(new Map(many), hour(1))
    expect(records.all()).toHaveLength(SERVER_RECORDS_MAX)
    expect(records.get(server(0))).toBeUndefined()
  })

  test('counts what came of audits', () => {
    const records = new ServerRecords()
    const outcomes: readonly AuditOutcome[] = ['passed', 'passed', 'failed', 'wrong-bytes']
    for (const outcome of outcomes) records.noteAudit(server(1), outcome, hour(2))
    expect(records.get(server(1))).toMatchObject({
      auditsPassed: 2,
      auditsFailed: 1,
      wrongBytes: 1,
      askedCount: 0,
    })
  })

  const events = fc.array(
    fc.record({
      hour: fc.integer({ min: 0, max: 40 }),
      answers: fc.array(fc.boolean(), { maxLength: 4 }),
      audit: fc.option(fc.constantFrom<AuditOutcome>('passed', 'failed', 'wrong-bytes'), { nil: undefined }),
    }),
    { maxLength: 60 },
  )

  test('whatever happens, nobody answered oftener than asked, and the file gives back what is known', () => {
    fc.assert(
      fc.property(events, (happened) => {
        const records = new ServerRecords()
        for (const { hour: number, answers, audit } of happened) {
          records.noteLook(look(...answers), hour(number))
          if (audit !== undefined) records.noteAudit(server(answers.length), audit, hour(number))
        }
        const hours = new Set(happened.map((event) => event.hour)).size
        for (const { askedCount, answeredCount } of records.all()) {
          expect(answeredCount).toBeLessThanOrEqual(askedCount)
          // A clock that jumps to and fro can count an hour anew, but never twice in a row.
          expect(askedCount).toBeLessThanOrEqual(happened.length)
          if (isSorted(happened.map((event) => event.hour))) expect(askedCount).toBeLessThanOrEqual(hours)
        }
        const again = new ServerRecords()
        again.restore(records.format())
        expect(again.all()).toEqual(records.all())
        expect(again.format()).toEqual(records.format())
      }),
    )
  })

  test('bytes of any kind are refused whole or taken whole', () => {
    const good = new ServerRecords()
    good.noteLook(look(true, false, true), hour(1))
    const bytes = good.format()
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (place, value) => {
        const changed = Uint8Array.from(bytes)
        changed[place] = value
        const records = new ServerRecords()
        try {
          records.restore(changed)
          expect(records.format()).toEqual(changed)
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidInputError)
          expect(records.all()).toEqual([])
        }
      }),
      // The first row made to name the server of another.
      { examples: [[94, 0]] },
    )
    const rows = new Uint8Array(79)
    const refused = () =>
      new ServerRecords().restore(encodeFields({ version: 1, lastLook: 0, servers: rows }))
    expect(refused).toThrow(InvalidInputError)
  })
})

const isSorted = (numbers: readonly number[]) =>
  numbers.every((number, at) => number >= (numbers[at - 1] ?? 0))

describe('ServerRecordsFile', () => {
  test('remembers from one run to the next, and begins anew when the file is broken', async () => {
    const clock = new SimClock()
    const disk = new MemoryDisk({ capacityBytes: 1e7 })
    const platform = { clock, disk, log: silentLog }
    await clock.run(async () => {
      const first = await ServerRecordsFile.open(platform, 'home/keeping')
      first.records.noteLook(look(true, false), hour(1))
      await first[Symbol.asyncDispose]()
      const second = await ServerRecordsFile.open(platform, 'home/keeping')
      expect(second.records.all()).toEqual(first.records.all())
      await second[Symbol.asyncDispose]()
      await disk.removeFile('home/keeping/servers.cbor')
      const broken = await disk.createFile('home/keeping/servers.cbor')
      await broken.append(new Uint8Array(10))
      await broken.close()
      const third = await ServerRecordsFile.open(platform, 'home/keeping')
      expect(third.records.all()).toEqual([])
      await third[Symbol.asyncDispose]()
    })
  })

  test('a crash at any step leaves the old records or the new ones', async () => {
    for (let crashAt = 0; ; crashAt += 1) {
      const clock = new SimClock()
      const disk = new SimDisk({ capacityBytes: 1e7 })
      const platform = { clock, disk, log: silentLog }
      const isOver = await clock.run(async () => {
        await disk.makeFolder('home/keeping')
        for (const folder of ['', 'home']) await disk.syncFolder(folder)
        const first = await ServerRecordsFile.open(platform, 'home/keeping')
        first.records.noteLook(look(true), hour(1))
        await first[Symbol.asyncDispose]()
        const before = disk.stepCount
        const second = await ServerRecordsFile.open(platform, 'home/keeping')
        disk.onStep = ({ number }) => {
          if (number === before + crashAt) disk.powerOff()
        }
        second.records.noteLook(look(true, true), hour(2))
        await clock.sleep(2 * SERVER_RECORDS_SAVE_MILLISECONDS)
        const survived = disk.stepCount < before + crashAt
        await disk.crash(() => crashAt % 2 === 0)
        disk.onStep = undefined
        const third = await ServerRecordsFile.open(platform, 'home/keeping')
        expect([1, 2]).toContain(third.records.all().length)
        expect(third.records.get(server(0))?.askedCount).toBe(third.records.all().length)
        await third[Symbol.asyncDispose]()
        return survived
      })
      if (isOver) break
    }
  })
})
