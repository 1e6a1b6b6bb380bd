import { expect, test } from 'vitest'
import type { TreeEntry } from '#crypto'
import {
  longEntryLine,
  millisecondsOf,
  shortEntryLine,
  treeEntryJson,
} from '../../../cli/backup/describe-entry.ts'
import {
  dedupRatio,
  describeGroup,
  describeTotals,
  snapshotJson,
  snapshotTable,
} from '../../../cli/backup/describe-snapshot.ts'
import { workJson, workLine } from '../../../cli/backup/work-line.ts'
import { ENTRY_DEFAULTS } from '../../support/memory-trees.ts'
import { NO_TOTALS, snapshotOf } from '../../support/snapshots.ts'

const TIME = new Date(2026, 10, 28, 14, 5)

function entry(kind: TreeEntry['kind'], more: Partial<TreeEntry> = {}): TreeEntry {
  const modifiedAtNanoseconds = BigInt(TIME.getTime()) * 1_000_000n
  return { ...ENTRY_DEFAULTS, kind, name: Buffer.from('name'), modifiedAtNanoseconds, ...more }
}
const path = Buffer.from('/a/n\xe4me', 'latin1')

test('entries are listed as ls lists them', () => {
  const content = { sizeBytes: 1234, depth: 0, ids: [] }
  expect(
    longEntryLine({ path, entry: entry('file', { content, user: 'ann', group: 'staff', mode: 0o4755 }) }),
  ).toBe('-rwsr-xr-x  ann staff      1.23 kB  2026-11-28 14:05  /a/n\\xe4me')
  expect(longEntryLine({ path, entry: entry('folder', { mode: 0o1770 }) })).toBe(
    'drwxrwx--T  1000 1000            -  2026-11-28 14:05  /a/n\\xe4me/',
  )
  const target = Buffer.from('../\x1b[2J\xff', 'latin1')
  expect(shortEntryLine({ path, entry: entry('symlink', { target }) })).toBe(
    '/a/n\\xe4me -> ../\\x1b[2J\\xff',
  )
  expect(longEntryLine({ path, entry: entry('file', { modifiedAtNanoseconds: 2n ** 80n }) })).toContain(
    '  -  ',
  )
})

test('entries are told to programs whole', () => {
  const content = { sizeBytes: 1234, depth: 0, ids: [] }
  const modifiedAtNanoseconds = -1n
  expect(
    treeEntryJson({ path, entry: entry('file', { content, linkCount: 2, modifiedAtNanoseconds }) }),
  ).toEqual({
    path: '/a/n\ufffdme',
    pathBytes: path.toString('base64'),
    kind: 'file',
    mode: '0644',
    uid: 1000,
    gid: 1000,
    sizeBytes: 1234,
    modifiedAt: '1969-12-31T23:59:59.999Z',
    modifiedAtNanoseconds: '-1',
    linkCount: 2,
  })
  expect(millisecondsOf(1_999_999n)).toBe(1)
})

test('snapshots stand in columns, with what was chosen by others made harmless', () => {
  const one = snapshotOf('k3f7qxmaaaaa', TIME.getTime(), {
    host: 'cellar\x07',
    tags: ['weekly', 'kept'],
    paths: ['/home/ann', '/etc'],
    totals: { ...NO_TOTALS, files: 12_034, bytes: 1.2e9 },
  })
  const two = snapshotOf('m2aw5555aaaa', TIME.getTime(), { paths: ['/srv'] })
  expect(snapshotTable([one, two])).toEqual([
    'id        taken             host        tags          files    size  paths',
    'k3f7qxma  2026-11-28 14:05  cellar\\x07  weekly,kept  12,034  1.2 GB  /home/ann, /etc',
    'm2aw5555  2026-11-28 14:05  h                             0     0 B  /srv',
  ])
  expect(snapshotTable([two], new Map([[two.id, ['last', 'daily']]])).at(-1)).toMatch(
    / {2}\/srv {3}last; daily$/,
  )
  expect(snapshotJson(two)).toMatchObject({ id: two.id, takenAt: TIME.toISOString(), totals: NO_TOTALS })
  expect(describeGroup({ host: 'h', paths: ['/a', '/b'], tags: [] })).toBe('host h, paths /a, /b, tags none')
  expect(describeGroup({})).toBe('all snapshots')
})

test('totals say what is new and how little of it was sent', () => {
  const totals = {
    ...NO_TOTALS,
    files: 1000,
    folders: 10,
    bytes: 2e9,
    newFiles: 1,
    unmodifiedFiles: 998,
    unreadableFiles: 1,
    addedBytes: 3e6,
    storedBytes: 1e6,
  }
  expect(describeTotals(totals)).toEqual([
    'files     1 new, 0 changed, 998 unmodified, 1 NOT READ',
    'all       1,000 files in 10 folders, 2 GB',
    'added     3 MB, 1 MB compressed; dedup ratio 2,000',
  ])
  expect(describeTotals({ ...totals, storedBytes: 1 }).at(-1)).toContain('above 10,000')
  expect(dedupRatio(NO_TOTALS)).toBeUndefined()
  expect(describeTotals(NO_TOTALS).at(-1)).toBe('added     0 B, 0 B compressed')
})

test('progress has a rate and an end as soon as they mean something', () => {
  const work = { filesDone: 120, bytesDone: 1.2e9, problems: 0, currentPath: path }
  expect(workLine('saving', work, 100)).toBe('saving  120 files  1.2 GB  /a/n\\xe4me')
  const known = { ...work, filesTotal: 1024, bytesTotal: 2.8e9, problems: 2 }
  expect(workLine('saving', known, 40_000)).toBe(
    'saving   42 %  120 of 1,024 files  1.2 GB of 2.8 GB  30 MB/s  54 s left  2 PROBLEMS  /a/n\\xe4me',
  )
  const empty = { filesDone: 3, filesTotal: 4, bytesDone: 0, bytesTotal: 0, problems: 0 }
  expect(workLine('saving', empty, 40_000)).toBe('saving   75 %  3 of 4 files  0 B of 0 B')
  expect(workJson('saving', work)).toEqual({
    stage: 'saving',
    filesDone: 120,
    bytesDone: 1.2e9,
    problems: 0,
    path: '/a/n\ufffdme',
    pathBytes: path.toString('base64'),
  })
})
