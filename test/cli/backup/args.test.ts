import { describe, expect, test } from 'vitest'
import { InvalidInputError } from '#crypto'
import { parseArgs } from '../../../cli/args.ts'
import type { Invocation } from '../../../cli/invocation.ts'
import { UsageError } from '../../../cli/usage-error.ts'

function invocationOf(...args: string[]): Invocation {
  const parsed = parseArgs(args, '1.2.3')
  if (parsed.kind !== 'run') throw new Error(`an invocation wanted, found text: ${parsed.text}`)
  return parsed.invocation
}

const ALL = { hosts: [], tags: [], paths: [] }

describe('command lines about backups', () => {
  test('a backup with everything left to defaults', () => {
    expect(invocationOf('backup', '/a', '/b')).toEqual({
      verb: 'backup',
      home: undefined,
      json: false,
      quiet: false,
      acceptRollback: false,
      repository: undefined,
      paths: ['/a', '/b'],
      excludes: [],
      excludeFiles: [],
      excludeCaches: false,
      oneFileSystem: false,
      tags: [],
      host: undefined,
      dryRun: false,
      force: false,
      create: false,
      progress: false,
      timer: undefined,
    })
  })

  test('an option that can be given again takes one value each time, and leaves the paths alone', () => {
    const args = ['--exclude', '*.o', '/a', '-e', '/tmp', '/b', '--tag', 'x,y', '--tag', 'y, z']
    expect(invocationOf('backup', ...args)).toMatchObject({
      paths: ['/a', '/b'],
      excludes: ['*.o', '/tmp'],
      tags: ['x', 'y', 'z'],
    })
    expect(invocationOf('restore', 'latest', '-t', 'd', '-i', 'a', '-i', 'b', '-e', 'c')).toMatchObject({
      snapshot: 'latest',
      target: 'd',
      includes: ['a', 'b'],
      excludes: ['c'],
      overwrite: undefined,
    })
  })

  test('a timer, with and without a time', () => {
    expect(invocationOf('backup', '/a', '--install-timer')).toMatchObject({
      timer: { when: 'daily', name: 'cairn-backup', printOnly: false },
    })
    const args = ['--install-timer=Mon 03:30', '--timer-name', 'etc', '--print', '/etc']
    expect(invocationOf('backup', ...args)).toMatchObject({
      paths: ['/etc'],
      timer: { when: 'Mon 03:30', name: 'etc', printOnly: true },
    })
  })

  test('filters', () => {
    const args = ['-H', 'a', '--host', 'b', '--tag', 'x,y', '--tag', '', '--path', '/p', '--latest', '3']
    expect(invocationOf('snapshots', ...args)).toMatchObject({
      verb: 'snapshots',
      filter: { hosts: ['a', 'b'], tags: [['x', 'y'], []], paths: ['/p'] },
      latest: 3,
    })
    expect(invocationOf('find', 'a', '*.jpg', '-s', 'k3f7', '-il')).toMatchObject({
      patterns: ['a', '*.jpg'],
      snapshots: ['k3f7'],
      ignoreCase: true,
      long: true,
      filter: ALL,
    })
    expect(invocationOf('diff', 'a', 'b')).toMatchObject({
      before: 'a',
      after: 'b',
      path: '/',
      metadata: false,
    })
    expect(invocationOf('dump', 'latest', '/etc/hosts')).toMatchObject({
      snapshot: 'latest',
      path: '/etc/hosts',
    })
  })

  test('rules of retention, with the letters that restic has for them', () => {
    const args = [
      '-l',
      '1',
      '-H',
      '2',
      '-d',
      '3',
      '-w',
      '4',
      '-m',
      '5',
      '-y',
      'unlimited',
      '--keep-within',
      '1m2d',
    ]
    expect(invocationOf('forget', ...args, '--keep-tag', 'a,b', '-g', 'host,tag', '--prune')).toMatchObject({
      ids: [],
      rules: {
        counts: { last: 1, hourly: 2, daily: 3, weekly: 4, monthly: 5, yearly: Number.POSITIVE_INFINITY },
        within: { years: 0, months: 1, days: 2, hours: 0 },
        tags: [['a', 'b']],
      },
      groupBy: ['host', 'tags'],
      prune: true,
      allowRemoveAll: false,
    })
    expect(invocationOf('forget', 'k3f7', 'm2aw')).toMatchObject({
      ids: ['k3f7', 'm2aw'],
      rules: { counts: {}, within: undefined, tags: [] },
      groupBy: ['host', 'paths'],
    })
    expect(invocationOf('forget', '--keep-last', '0', '-g', '')).toMatchObject({
      rules: { counts: { last: 0 } },
      groupBy: [],
    })
  })

  test('prune, drill, the kit and drop-boxes', () => {
    expect(invocationOf('prune', '--repack-below', '70%', '-n')).toMatchObject({
      repackBelow: 0.7,
      dryRun: true,
    })
    expect(invocationOf('prune')).toMatchObject({ repackBelow: undefined, unfinished: false })
    expect(invocationOf('drill')).toMatchObject({
      snapshot: 'latest',
      files: 25,
      sizeMaxBytes: 2 ** 30,
      seed: undefined,
    })
    expect(invocationOf('drill', 'k3f7', '--size', '5G', '--files', '3')).toMatchObject({
      snapshot: 'k3f7',
      files: 3,
      sizeMaxBytes: 5 * 2 ** 30,
    })
    expect(
      invocationOf('recovery-kit', '--write', '-o', 'kit.html', '--member', '/ip4/1.2.3.4'),
    ).toMatchObject({
      right: 'write',
      output: 'kit.html',
      members: ['/ip4/1.2.3.4'],
    })
    expect(invocationOf('drop', 'create', 'cellar', '-o', 'f')).toMatchObject({
      action: 'create',
      output: 'f',
    })
    expect(invocationOf('drop', 'accept', '@f')).toMatchObject({
      action: 'accept',
      source: '@f',
      force: false,
    })
    expect(invocationOf('init', '--kit', 'kit.txt')).toMatchObject({ kit: 'kit.txt', bootstrap: [] })
  })

  test.each([
    ['5%', { percent: 5 }],
    ['0.5%', { percent: 0.5 }],
    ['1G', { bytes: 2 ** 30 }],
    ['500 MB', { bytes: 500e6 }],
    ['2/10', { part: 2, of: 10 }],
  ])('a part of %s to read', (text, read) => {
    expect(invocationOf('check', '--read-data-subset', text)).toMatchObject({ read })
  })

  test.each([
    ['a backup of nothing', ['backup']],
    ['a time that is a path', ['backup', '--install-timer', '/home']],
    ['--print without a timer', ['backup', '/a', '--print']],
    ['a restore to nowhere', ['restore', 'latest']],
    ['a way to overwrite that is none', ['restore', 'latest', '-t', 'd', '--overwrite', 'maybe']],
    ['a rule of less than nothing', ['forget', '--keep-last', '-2']],
    ['a rule that is no number', ['forget', '--keep-daily', 'all']],
    ['a group by what is none', ['forget', '--group-by', 'size']],
    ['a share beyond all', ['prune', '--repack-below', '150%']],
    ['a part beyond all', ['check', '--read-data-subset', '11/10']],
    ['a drill of nothing', ['drill', '--files', '0']],
    ['a dump as JSON', ['dump', 'latest', '/a', '--json']],
    ['one diff', ['diff', 'a']],
  ])('%s is refused', (_what, args) => {
    expect(() => parseArgs(args, '1.2.3')).toThrow(UsageError)
  })

  test.each([
    ['a duration that is none', ['forget', '--keep-within', 'soon']],
    ['a size that is none', ['drill', '--size', 'much']],
  ])('%s is refused too', (_what, args) => {
    expect(() => parseArgs(args, '1.2.3')).toThrow(InvalidInputError)
  })
})
