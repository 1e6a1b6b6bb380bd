import { describe, expect, test } from 'vitest'
import { AccountNames, Owners } from '../../../../cli/backup/local/owners.ts'

describe('AccountNames', () => {
  test('knows the accounts it was given, the first of several with one name or number', () => {
    const names = new AccountNames(
      [
        { name: 'root', id: 0 },
        { name: 'toor', id: 0 },
        { name: 'root', id: 7 },
      ],
      () => undefined,
    )
    expect(names.nameOf(0)).toBe('root')
    expect(names.idOf('root')).toBe(0)
    expect(names.idOf('toor')).toBe(0)
    expect(names.nameOf(7)).toBe('root')
  })

  test('asks once for whom it does not know, and no more than a thousand times', () => {
    const asked: string[] = []
    const names = new AccountNames([], (key) => {
      asked.push(key)
      return key === '5' || key === 'five' ? { name: 'five', id: 5 } : undefined
    })
    expect([names.nameOf(5), names.nameOf(5), names.idOf('five'), names.nameOf(6), names.nameOf(6)]).toEqual([
      'five',
      'five',
      5,
      undefined,
      undefined,
    ])
    expect(asked).toEqual(['5', '6'])
    for (let id = 100; id < 3000; id += 1) names.nameOf(id)
    expect(asked.length).toBe(1000)
  })

  test('takes no number for a name', () => {
    const names = new AccountNames([], (key) => (key === '0' ? { name: 'root', id: 0 } : undefined))
    expect(names.idOf('0')).toBeUndefined()
  })
})

test('the users and groups of this machine have names', async () => {
  const { users, groups } = await Owners.open()
  expect(users.nameOf(0)).toBe('root')
  expect(users.idOf('root')).toBe(0)
  expect(groups.nameOf(0)).toMatch(/^(root|wheel)$/)
  expect(users.nameOf(3_999_999_999)).toBeUndefined()
  expect(users.idOf('--help')).toBeUndefined()
  expect(users.idOf('no such user')).toBeUndefined()
})
