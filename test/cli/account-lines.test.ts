import { describe, expect, test } from 'vitest'
import type { AccountReport, ServerStatus } from '#node'
import { accountLines, ownUse } from '../../cli/account-lines.ts'

const ANN: AccountReport = {
  account: '12D3KooWBmAwcd4PJNJvfV89HwE48nwkRmAgo8Vy3uQEyNNHBox2',
  name: 'ann',
  isSelf: false,
  usedBytes: 12e9,
  quotaBytes: 200e9,
  byteDays: 340e9,
  firstSeenSeconds: 1_795_000_000,
  lastSeenSeconds: 1_795_888_860,
}
const STATUS: ServerStatus = {
  version: '1',
  freeBytes: 1,
  usedBytes: 1,
  shareCount: 1,
  accountUsedBytes: 5e6,
  accountQuotaBytes: undefined,
}

describe('accountLines', () => {
  test('names members, and shows use, quota, time and when they were last seen', () => {
    const stranger = { ...ANN, name: undefined, quotaBytes: undefined, byteDays: undefined }
    expect(accountLines({ accountCount: 2, accounts: [ANN, stranger] })).toEqual([
      'accounts  ann                12 GB of 200 GB, 340 GB-days, seen 2026-11-28 18:01 UTC',
      '          12D3KooWBmAwcd4P…  12 GB, seen 2026-11-28 18:01 UTC',
    ])
  })

  test('says how many more there are, and acts upon no name', () => {
    const lines = accountLines({
      accountCount: 9,
      accounts: Array.from({ length: 9 }, () => ({ ...ANN, name: 'a\u001b[2J' })),
    })
    expect(lines).toHaveLength(6)
    expect(lines.join('')).not.toContain('\u001b')
    expect(lines.at(-1)).toBe('          and 4 more: --json lists them')
  })

  test('says nothing where nobody stores anything', () => {
    expect(accountLines(undefined)).toEqual([])
    expect(accountLines({ accountCount: 0, accounts: [] })).toEqual([])
  })
})

test('ownUse tells what we have on a server, if anything', () => {
  expect(ownUse(STATUS)).toBe('; ours 5 MB')
  expect(ownUse({ ...STATUS, accountQuotaBytes: 50e6, accountByteDays: 7e6 })).toBe(
    '; ours 5 MB of 50 MB, 7 MB-days',
  )
  expect(ownUse({ ...STATUS, accountUsedBytes: 0 })).toBe('')
})
