import { expect, test } from 'vitest'
import { asStorageIndex } from '#crypto'
import type { DeepReport } from '#node'
import { DeepTally } from '../../cli/deep-tally.ts'

const report = (changes: Partial<DeepReport> = {}): DeepReport => ({
  kind: 'file',
  storageIndex: asStorageIndex(new Uint8Array(32)),
  foundCount: 10,
  wantedCount: 10,
  isHealthy: true,
  isRecoverable: true,
  madeCount: 0,
  failures: [],
  warnings: [],
  ...changes,
})
const degraded = report({ foundCount: 7, isHealthy: false })
const lost = report({ kind: 'directory', foundCount: 0, isHealthy: false, isRecoverable: false })
const corrupt = report({
  foundCount: 9,
  isHealthy: false,
  failures: [{ serverId: 'server', shareNumber: 3, code: 'INTEGRITY', message: 'block 2 is bad' }],
})

function tallyOf(verb: 'check' | 'verify' | 'repair', ...reports: DeepReport[]): DeepTally {
  const tally = new DeepTally(verb)
  for (const [number, each] of reports.entries()) tally.add(each, `${number}index0123456789`)
  return tally
}

test('counts, and tells of what is not healthy by name if it is known', () => {
  const tally = tallyOf('check', report(), degraded, lost)
  const names = new Map([['1index0123456789', 'photos/a.jpg']])
  expect(tally.describe(names)).toBe(
    [
      'file 1index01… photos/a.jpg: degraded, 7 of 10 shares',
      'directory 2index01…: CANNOT BE REBUILT, 0 of 10 records',
      '3 things: 1 healthy, 2 not; 13 shares and records missing; 1 cannot be rebuilt',
    ].join('\n'),
  )
  expect(tally.report(names)).toMatchObject({
    things: 3,
    missing: 13,
    unrecoverable: 1,
    notHealthy: [{ path: 'photos/a.jpg' }, { path: undefined, isRecoverable: false }],
  })
})

test('a verify names who holds what is corrupt, and a repair what it made', () => {
  expect(tallyOf('verify', corrupt).describe(new Map())).toContain(
    'server: share 3: block 2 is bad (INTEGRITY)',
  )
  const repaired = tallyOf('repair', report({ madeCount: 3 }), report())
  expect(repaired.describe(new Map())).toBe(
    'file 0index01…: repaired, 10 of 10 shares, 3 made\n' +
      '2 things: 2 healthy, 0 not; 0 shares and records missing; 0 cannot be rebuilt; 1 repaired, 3 shares and records made',
  )
})

test('exits with 5 for what is lost, with 7 for what a verify found corrupt, else with 0', () => {
  expect(tallyOf('check', report(), degraded).exitCode).toBe(0)
  expect(tallyOf('check', corrupt).exitCode).toBe(0)
  expect(tallyOf('verify', corrupt).exitCode).toBe(7)
  expect(tallyOf('verify', corrupt, lost).exitCode).toBe(5)
  expect(tallyOf('repair', lost).exitCode).toBe(5)
})
