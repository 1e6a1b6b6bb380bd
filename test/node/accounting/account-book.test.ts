/** Bytes over time: exact whatever happens in whatever order, bounded, and kept between two lives. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { GridError } from '#crypto'
import {
  AccountBook,
  type AccountRecord,
  formatAccountRecord,
  parseAccountRecord,
} from '../../../node/accounting/account-book.ts'

const DAY = 24 * 3_600_000

class HandClock {
  milliseconds = 0
  /** Wall time may jump: nothing that is counted may follow it. */
  jumpMilliseconds = 1_700_000_000_000
  readonly elapsed = () => this.milliseconds
  readonly now = () => this.milliseconds + this.jumpMilliseconds
}

describe('AccountBook', () => {
  test('counts a byte for a day as one', () => {
    const clock = new HandClock()
    const book = new AccountBook(clock)
    book.charge('ann', 1000)
    clock.milliseconds += 2.5 * DAY
    book.charge('ann', 10)
    clock.milliseconds += DAY
    expect(book.timeOf('ann')?.byteDays).toBe(2510)
    book.charge('ann', 0)
    clock.milliseconds += 100 * DAY
    expect(book.timeOf('ann')?.byteDays).toBe(2510)
    expect(book.timeOf('bob')).toBeUndefined()
  })

  test('agrees with a sum over every millisecond, however the charges change and whoever looks', () => {
    const step = fc.record({
      account: fc.constantFrom('a', 'b', 'c'),
      bytes: fc.nat({ max: 2 ** 40 }),
      milliseconds: fc.nat({ max: 10 * DAY }),
      look: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const clock = new HandClock()
        const book = new AccountBook(clock)
        const charged = new Map<string, number>()
        const sums = new Map<string, bigint>()
        for (const { account, bytes, milliseconds, look } of steps) {
          book.charge(account, bytes)
          charged.set(account, bytes)
          clock.milliseconds += milliseconds
          clock.jumpMilliseconds -= milliseconds / 2
          for (const [name, held] of charged) {
            sums.set(name, (sums.get(name) ?? 0n) + BigInt(held) * BigInt(milliseconds))
          }
          if (look) book.timeOf(account)
        }
        const kept = book.changes()
        for (const [name, sum] of sums) {
          if (sum > 0n) expect(kept.get(name)?.byteMilliseconds).toBe(sum)
        }
      }),
    )
  })

  test('goes on in the next life from what was kept, and tells only what changed', () => {
    const clock = new HandClock()
    const first = new AccountBook(clock)
    first.charge('ann', 1000)
    clock.milliseconds += DAY
    const kept = first.changes()
    clock.milliseconds += DAY
    const second = new AccountBook(clock)
    for (const [account, record] of kept) if (record !== undefined) second.load(account, record)
    expect(second.changes().size).toBe(0)
    second.charge('ann', 500)
    clock.milliseconds += DAY
    // The day between what was kept and the crash is lost, and nothing else.
    expect(second.timeOf('ann')?.byteDays).toBe(1500)
    second.takeBack(second.changes())
    expect(second.changes().has('ann')).toBe(true)
  })

  test('says when an account was last seen, and writes down none that never stored anything', () => {
    const clock = new HandClock()
    const book = new AccountBook(clock)
    book.noteSeen('reader')
    expect(book.accounts()).toEqual([])
    book.charge('ann', 1)
    const since = clock.now() / 1000
    clock.milliseconds += 60_000
    book.noteSeen('ann')
    expect(book.timeOf('ann')).toMatchObject({ firstSeenSeconds: since, lastSeenSeconds: since + 60 })
  })

  test('is bounded: makes room by who holds nothing and was longest away, and else counts no more', () => {
    const clock = new HandClock()
    const book = new AccountBook(clock, { entriesMax: 2 })
    book.charge('ann', 1)
    clock.milliseconds += 1000
    book.charge('bob', 1)
    book.changes()
    book.charge('carol', 1)
    expect(book.timeOf('carol')).toBeUndefined()
    book.charge('ann', 0)
    book.charge('carol', 1)
    expect(book.accounts()).toEqual(['bob', 'carol'])
    expect([...book.changes()].find(([account]) => account === 'ann')).toEqual(['ann', undefined])
  })
})

const record: fc.Arbitrary<AccountRecord> = fc.record({
  byteMilliseconds: fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }),
  firstSeenSeconds: fc.maxSafeNat(),
  lastSeenSeconds: fc.maxSafeNat(),
})

describe('the record of an account', () => {
  test('reads as it was written', () => {
    fc.assert(
      fc.property(record, (written) => {
        expect(parseAccountRecord(formatAccountRecord(written))).toEqual(written)
      }),
    )
  })

  test('of other bytes is refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          expect(formatAccountRecord(parseAccountRecord(bytes))).toEqual(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(GridError)
        }
      }),
    )
  })
})
