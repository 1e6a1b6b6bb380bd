import { describe, expect, test } from 'vitest'
import { InvalidInputError } from '#crypto'
import { NotFoundError } from '#node'
import { planForget } from '../../../cli/backup/forget-plan.ts'
import { snapshotOf } from '../../support/snapshots.ts'

const NOTHING = { counts: {}, within: undefined, tags: [] }
const WANTED = {
  ids: [],
  rules: NOTHING,
  filter: { hosts: [], tags: [], paths: [] },
  groupBy: ['host', 'paths'],
  allowRemoveAll: false,
} as const
const NOW = { nowMilliseconds: 1e12, unreadableIds: ['bad2'] }
const LIST = [
  snapshotOf('aaa', 1),
  snapshotOf('aab', 2, { tags: ['kept'] }),
  snapshotOf('ccc', 3, { host: 'g' }),
  snapshotOf('ddd', 4, { host: 'g' }),
]
const last = (count: number) => ({ ...NOTHING, counts: { last: count } })

describe('planForget', () => {
  test('applies the rules to each group by itself', () => {
    expect([...planForget(LIST, { ...WANTED, rules: last(1) }, NOW).ids].sort()).toEqual(['aaa', 'ccc'])
    expect(planForget(LIST, { ...WANTED, rules: last(1), groupBy: [] }, NOW).ids.length).toBe(3)
    expect(planForget([], { ...WANTED, rules: last(1) }, NOW)).toEqual({ groups: [], ids: [] })
  })

  test('looks at no more than the filter lets through', () => {
    const filter = { ...WANTED.filter, hosts: ['g'] }
    expect(planForget(LIST, { ...WANTED, rules: last(1), filter }, NOW).ids).toEqual(['ccc'])
  })

  test('takes ids, beginnings of them, and those of snapshots that cannot be read', () => {
    expect(planForget(LIST, { ...WANTED, ids: ['aab', 'ccc', 'cc'] }, NOW).ids).toEqual(['aab', 'ccc'])
    expect(planForget(LIST, { ...WANTED, ids: ['bad'] }, NOW).ids).toEqual(['bad2'])
    expect(() => planForget(LIST, { ...WANTED, ids: ['aa'] }, NOW)).toThrow('2 snapshots begin with aa')
    expect(() => planForget(LIST, { ...WANTED, ids: ['zz'] }, NOW)).toThrow(NotFoundError)
    expect(() => planForget(LIST, { ...WANTED, ids: [''] }, NOW)).toThrow(InvalidInputError)
  })

  test('never leaves nothing unless that is asked for', () => {
    const rules = { ...NOTHING, tags: [['kept']] }
    expect(() => planForget(LIST, { ...WANTED, rules }, NOW)).toThrow(
      'any snapshot of host g, paths /p, such as ddd',
    )
    const filter = { ...WANTED.filter, hosts: ['h'] }
    expect(planForget(LIST, { ...WANTED, rules, filter }, NOW).ids).toEqual(['aaa'])
    expect(planForget(LIST, { ...WANTED, rules, allowRemoveAll: true }, NOW).ids.length).toBe(3)
    const ids = LIST.map(({ id }) => id)
    expect(() => planForget(LIST, { ...WANTED, ids }, NOW)).toThrow('none would be left')
    expect(planForget(LIST, { ...WANTED, ids, allowRemoveAll: true }, NOW).ids).toEqual(ids)
  })

  test('wants ids or rules, and not both', () => {
    expect(() => planForget(LIST, WANTED, NOW)).toThrow('a rule that says what to keep')
    expect(() => planForget(LIST, { ...WANTED, rules: last(0) }, NOW)).toThrow(
      'a rule that says what to keep',
    )
    expect(() => planForget(LIST, { ...WANTED, allowRemoveAll: true }, NOW)).toThrow('a rule that says')
    expect(() => planForget(LIST, { ...WANTED, ids: ['aab'], rules: last(1) }, NOW)).toThrow('not both')
    const filter = { ...WANTED.filter, hosts: ['g'] }
    expect(planForget(LIST, { ...WANTED, allowRemoveAll: true, filter }, NOW).ids).toEqual(['ddd', 'ccc'])
  })
})
