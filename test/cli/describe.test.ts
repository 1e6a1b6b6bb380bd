import { describe, expect, test } from 'vitest'
import {
  describeCheck,
  failureLines,
  formatCount,
  formatFailures,
  formatTransfer,
} from '../../cli/describe.ts'

const REPORT = {
  encoding: { neededShares: 2, totalShares: 4, matrix: 1, layout: 2, segmentSizeBytes: 1024 },
  fileSizeBytes: 5_000_000,
  placements: [
    { shareNumber: 0, serverId: 'server-a' },
    { shareNumber: 2, serverId: 'server-b' },
  ],
  missing: [1, 3],
  foundCount: 2,
  happiness: 2,
  isRecoverable: true,
  isHealthy: false,
  failures: [{ serverId: 'server-c', shareNumber: 1, code: 'INTEGRITY', message: 'a bad block' }],
  askedCount: 4,
} as const

test('counts have commas between thousands', () => {
  expect([0, 999, 1_000, 65_536, 1_234_567].map(formatCount)).toEqual([
    '0',
    '999',
    '1,000',
    '65,536',
    '1,234,567',
  ])
})

describe('describeCheck', () => {
  test('says how the file stands, where its shares are, what is missing, and who failed', () => {
    expect(describeCheck(REPORT, { verified: true })).toBe(
      [
        'degraded: 2 of 4 good shares on 2 servers, 2 needed; 5 MB, 4 servers asked',
        '  share   0  server-a',
        '  share   2  server-b',
        'missing: 1, 3',
        'failures:',
        '  server-c: share 1: a bad block (INTEGRITY)',
      ].join('\n'),
    )
  })

  test('of a file that nobody has says that it is lost', () => {
    const lost = { ...REPORT, encoding: undefined, placements: [], missing: [], failures: [], foundCount: 0 }
    expect(describeCheck(lost, { verified: false })).toBe('lost: no share found; 4 servers asked')
  })
})

describe('failures', () => {
  const away = {
    serverId: 'server-d',
    code: 'UNREACHABLE',
    message: 'server-d cannot be reached: /ip4/127.0.0.1/tcp/1/p2p/server-d: ECONNREFUSED',
  } as const

  test('name a server once', () => {
    expect(failureLines([away])).toEqual([
      '  server-d: cannot be reached: /ip4/127.0.0.1/tcp/1: ECONNREFUSED (UNREACHABLE)',
    ])
  })

  test('are counted, and corrupt shares named', () => {
    expect(formatFailures([away, ...REPORT.failures])).toBe(
      '1 unreachable, 1 corrupt\n  server-c: share 1: a bad block (INTEGRITY)',
    )
  })
})

test('formatTransfer says size, time and rate', () => {
  expect(formatTransfer(20_000_000, 500)).toBe('20 MB in 0.50 s, 40 MB/s')
  expect(formatTransfer(20_000_000, 5000)).toBe('20 MB in 5.0 s, 4 MB/s')
  expect(formatTransfer(2e9, 100_000)).toBe('2 GB in 1 min 40 s, 20 MB/s')
})
