import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { asRecordHash } from '#crypto'
import { judge, quorumOf, type RecordPlace } from '../../../node/slots/quorum.ts'

const record = (sequence: number, name: number): RecordPlace => ({
  sequence,
  hash: asRecordHash(new Uint8Array(32).fill(name)),
})

const replicaCounts = fc.integer({ min: 1, max: 40 })
/** Undefined: no record. */
const anything = fc.option(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.nat(3)), { nil: undefined })

describe('quorumOf', () => {
  test.each([
    [1, 0, 1],
    [2, 0, 2],
    [3, 0, 2],
    [4, 1, 3],
    [7, 2, 5],
    [10, 3, 7],
  ])('of %i replicas lets %i lie and wants %i', (replicas, faulty, quorum) => {
    expect(quorumOf(replicas)).toEqual({ replicas, faulty, quorum })
  })

  test('two quorums share an honest server, and the honest ones make a quorum', () => {
    fc.assert(
      fc.property(replicaCounts, (replicas) => {
        const { faulty, quorum } = quorumOf(replicas)
        expect(2 * quorum - replicas).toBeGreaterThan(faulty)
        expect(replicas - faulty).toBeGreaterThanOrEqual(quorum)
        expect(quorum).toBeLessThanOrEqual(replicas)
      }),
    )
  })
})

describe('judge', () => {
  const size = quorumOf(10)
  const times = (count: number, place: RecordPlace | undefined) => Array.from({ length: count }, () => place)

  test('of no record at all wants a quorum too', () => {
    expect(judge(size, times(7, undefined))).toMatchObject({ isSettled: true, isFrozen: true, sequence: 0 })
    expect(judge(size, times(6, undefined))).toMatchObject({ isSettled: false, isFrozen: false })
  })

  test('a record on a quorum has won, whoever else holds another one', () => {
    const judged = judge(size, [...times(7, record(5, 1)), ...times(3, record(5, 2))])
    expect(judged).toMatchObject({ isSettled: true, heldCount: 7, rivals: [] })
    expect(judged.heads).toEqual([record(5, 1), record(5, 2)])
  })

  test('a fork five to five is open: both may have succeeded, by the word of liars', () => {
    const judged = judge(size, [...times(5, record(5, 1)), ...times(5, record(5, 2))])
    expect(judged).toMatchObject({ isSettled: false, isFrozen: true, canSettle: false })
    // The higher hash first, so that all readers take the same.
    expect(judged.heads).toEqual([record(5, 2), record(5, 1)])
    expect(judged.rivals).toEqual([record(5, 1)])
  })

  test('the head on most replicas comes first, and rivals are those that may have succeeded too', () => {
    const judged = judge(size, [...times(6, record(5, 1)), ...times(3, record(5, 2)), undefined])
    expect(judged.heads[0]).toEqual(record(5, 1))
    // With one server still to vote, and three liars, the other one may have had seven.
    expect(judged).toMatchObject({ rivals: [record(5, 2)], canSettle: true })
    const closed = judge(
      size,
      [6, 2, 2].flatMap((count, name) => times(count, record(5, name))),
    )
    expect(closed.heads[0]).toEqual(record(5, 0))
    expect(closed).toMatchObject({ rivals: [], canSettle: false })
  })

  test('where none may have succeeded, all are rivals: nobody was told so, and nothing need be lost', () => {
    const five = [1, 2, 3, 4, 5].flatMap((name) => times(2, record(5, name)))
    const judged = judge(size, five)
    expect(judged.heads[0]).toEqual(record(5, 5))
    expect(judged.rivals).toHaveLength(4)
  })

  test('a record on a server that is no replica counts as found, not as a vote', () => {
    const judged = judge(size, times(10, record(4, 1)), [record(5, 2)])
    expect(judged).toMatchObject({ sequence: 5, heldCount: 0, isSettled: false, isFrozen: false })
    expect(judged.heads).toEqual([record(5, 2)])
  })

  test('what a quorum took is never lost, whatever f liars show and whoever has not answered', () => {
    const scene = replicaCounts.chain((replicas) =>
      fc.record({
        replicas: fc.constant(replicas),
        order: fc.shuffledSubarray([...Array(replicas).keys()], { minLength: replicas, maxLength: replicas }),
        answered: fc.subarray([...Array(replicas).keys()], {
          minLength: quorumOf(replicas).quorum,
          maxLength: replicas,
        }),
        extra: fc.nat(),
        others: fc.array(anything, { minLength: replicas, maxLength: replicas }),
        lies: fc.array(anything, { minLength: replicas, maxLength: replicas }),
      }),
    )
    fc.assert(
      fc.property(scene, ({ replicas, order, answered, extra, others, lies }) => {
        const { faulty, quorum } = quorumOf(replicas)
        const won = record(3, 9)
        // Any quorum or more accepted, and any f of all are liars.
        const acceptors = new Set(order.slice(0, quorum + (extra % (replicas - quorum + 1))))
        const liars = new Set(
          order.toSorted((a, b) => ((a * 7919 + extra) % 101) - ((b * 7919 + extra) % 101)).slice(0, faulty),
        )
        const shown = (server: number): RecordPlace | undefined => {
          const [sequence, name] = (liars.has(server) ? lies : others)[server] ?? []
          if (acceptors.has(server) && !liars.has(server)) return won
          // Nothing newer is known to anybody yet.
          return sequence === undefined || name === undefined
            ? undefined
            : record(Math.min(sequence, 3), name)
        }
        const judged = judge(quorumOf(replicas), answered.map(shown))
        expect(judged.sequence).toBe(3)
        const kept = [...judged.heads.slice(0, 1), ...judged.rivals]
        expect(kept).toContainEqual(won)
        if (judged.isSettled) expect(judged.heads[0]).toEqual(won)
      }),
      { numRuns: 2000 },
    )
  })

  test('once a sequence is frozen, a record that is not among its heads cannot come to be on a quorum', () => {
    fc.assert(
      fc.property(replicaCounts, fc.nat(), (replicas, extra) => {
        const { quorum, faulty } = quorumOf(replicas)
        const voted = quorum + (extra % (replicas - quorum + 1))
        const judged = judge(quorumOf(replicas), times(voted, record(2, 1)))
        expect(judged.isFrozen).toBe(true)
        // Those that have not voted, and liars among those that have.
        expect(replicas - voted + faulty).toBeLessThan(quorum)
      }),
    )
  })
})
