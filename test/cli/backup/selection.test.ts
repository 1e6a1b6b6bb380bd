import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Snapshot } from '#crypto'
import { InvalidInputError } from '#crypto'
import { NotFoundError } from '#node'
import {
  chooseSnapshot,
  groupSnapshots,
  isChosen,
  latestOfEach,
  type SnapshotFilter,
} from '../../../cli/backup/selection.ts'
import { snapshotOf } from '../../support/snapshots.ts'

const ALL: SnapshotFilter = { hosts: [], tags: [], paths: [] }
const ids = (list: readonly Snapshot[]) => list.map(({ id }) => id)

describe('chooseSnapshot', () => {
  const list = [
    snapshotOf('abcd', 1),
    snapshotOf('abef', 3, { host: 'other' }),
    snapshotOf('xyz2', 2, { tags: ['weekly', 'kept'] }),
  ]

  test('finds by the beginning of an id, in either case, and the latest', () => {
    expect(chooseSnapshot(list, 'abc', ALL).id).toBe('abcd')
    expect(chooseSnapshot(list, 'XY', ALL).id).toBe('xyz2')
    expect(chooseSnapshot(list, 'latest', ALL).id).toBe('abef')
    expect(chooseSnapshot(list, 'latest', { ...ALL, hosts: ['h'] }).id).toBe('xyz2')
  })

  test('refuses what is not there, is not clear, or is nothing', () => {
    expect(() => chooseSnapshot(list, 'q', ALL)).toThrow(NotFoundError)
    expect(() => chooseSnapshot(list, 'ab', ALL)).toThrow('2 snapshots begin with ab: abcd, abef')
    expect(() => chooseSnapshot(list, '', ALL)).toThrow(InvalidInputError)
    expect(() => chooseSnapshot(list, 'latest', { ...ALL, hosts: ['none'] })).toThrow(
      'none of the 3 snapshots',
    )
    expect(() => chooseSnapshot([], 'latest', ALL)).toThrow('no snapshot yet')
  })
})

test('a filter wants any host, any list of tags with all its tags, and every path', () => {
  const found = snapshotOf('a', 1, { host: 'h', tags: ['x', 'y'], paths: ['/a', '/b'] })
  expect(isChosen(found, ALL)).toBe(true)
  expect(isChosen(found, { ...ALL, hosts: ['g', 'h'] })).toBe(true)
  expect(isChosen(found, { ...ALL, hosts: ['g'] })).toBe(false)
  expect(isChosen(found, { ...ALL, tags: [['z'], ['x', 'y']] })).toBe(true)
  expect(isChosen(found, { ...ALL, tags: [['x', 'z']] })).toBe(false)
  expect(isChosen(found, { ...ALL, tags: [[]] })).toBe(false)
  expect(isChosen(snapshotOf('b', 1), { ...ALL, tags: [[]] })).toBe(true)
  expect(isChosen(found, { ...ALL, paths: ['/b', '/a'] })).toBe(true)
  expect(isChosen(found, { ...ALL, paths: ['/a', '/c'] })).toBe(false)
})

test('groups hold each snapshot once, newest first, and paths in any order are the same', () => {
  const one = snapshotOf('one', 1, { paths: ['/a', '/b'] })
  const two = snapshotOf('two', 2, { paths: ['/b', '/a'] })
  const three = snapshotOf('three', 3, { host: 'g' })
  const groups = groupSnapshots([one, two, three], ['host', 'paths'])
  expect(groups.map((group) => ids(group.snapshots))).toEqual([['three'], ['two', 'one']])
  expect(groups[1]?.key).toEqual({ host: 'h', paths: ['/a', '/b'] })
  expect(groupSnapshots([one, two, three], []).map(({ key }) => key)).toEqual([{}])
  const any = fc.array(
    fc.record({
      host: fc.constantFrom('g', 'h'),
      paths: fc.uniqueArray(fc.constantFrom('/a', '/b'), { minLength: 1 }),
      tags: fc.uniqueArray(fc.constantFrom('x', 'y')),
      takenAtMilliseconds: fc.nat(10),
    }),
  )
  fc.assert(
    fc.property(any, fc.subarray(['host', 'paths', 'tags'] as const), (parts, keys) => {
      const list = parts.map((part, index) => snapshotOf(`${index}`, part.takenAtMilliseconds, part))
      const found = groupSnapshots(list, keys)
      expect(ids(found.flatMap((group) => group.snapshots)).sort()).toEqual(ids(list).sort())
      for (const { snapshots } of found) {
        for (const [index, { takenAtMilliseconds }] of snapshots.entries()) {
          expect(takenAtMilliseconds).toBeLessThanOrEqual(snapshots[index - 1]?.takenAtMilliseconds ?? 10)
        }
      }
    }),
  )
})

test('the latest of each host and paths', () => {
  const list = [
    snapshotOf('a1', 1),
    snapshotOf('a2', 2),
    snapshotOf('a3', 3),
    snapshotOf('b1', 4, { host: 'g' }),
    snapshotOf('c1', 0, { paths: ['/q'] }),
  ]
  expect(ids(latestOfEach(list, 1))).toEqual(['b1', 'a3', 'c1'])
  expect(ids(latestOfEach(list, 2))).toEqual(['b1', 'a3', 'a2', 'c1'])
})
