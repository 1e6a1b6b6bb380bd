import { describe, expect, test } from 'vitest'
import { parseArgs } from '../../cli/args.ts'
import { VERBS } from '../../cli/help.ts'
import type { Invocation } from '../../cli/invocation.ts'
import { UsageError } from '../../cli/usage-error.ts'

function invocationOf(...args: string[]): Invocation {
  const parsed = parseArgs(args, '1.2.3')
  if (parsed.kind !== 'run') throw new Error(`an invocation wanted, found text: ${parsed.text}`)
  return parsed.invocation
}

function textOf(...args: string[]): string {
  const parsed = parseArgs(args, '1.2.3')
  if (parsed.kind !== 'text') throw new Error('text wanted')
  return parsed.text
}

const COMMON = { home: undefined, json: false, quiet: false, acceptRollback: false }
const NUMBERS = { needed: undefined, happy: undefined, total: undefined }

describe('parseArgs', () => {
  test('reads a put with everything left to the configuration', () => {
    expect(invocationOf('put', 'photo.jpg')).toEqual({
      verb: 'put',
      source: 'photo.jpg',
      target: undefined,
      convergent: false,
      mutable: false,
      progress: false,
      ...COMMON,
      ...NUMBERS,
    })
  })

  test('reads a put of a pipe with numbers and a home', () => {
    const args = [
      'put',
      '--needed',
      '2',
      '--happy',
      '4',
      '--total',
      '5',
      '--home',
      '/h',
      '--json',
      '--convergent',
      '-',
    ]
    expect(invocationOf(...args)).toEqual({
      verb: 'put',
      source: '-',
      target: undefined,
      convergent: true,
      mutable: false,
      progress: false,
      home: '/h',
      json: true,
      quiet: false,
      acceptRollback: false,
      needed: 2,
      happy: 4,
      total: 5,
    })
  })

  test('writes a get to standard output unless a file is named', () => {
    expect(invocationOf('get', '@cap')).toMatchObject({
      verb: 'get',
      source: '@cap',
      target: '-',
      force: false,
    })
    expect(invocationOf('get', '@cap', 'f', '--range', '0-9', '-f')).toMatchObject({
      target: 'f',
      range: '0-9',
      force: true,
    })
  })

  test('takes several addresses after one option, and after repeated ones', () => {
    const args = ['init', '--lend', '1 GiB', '--bootstrap', '/ip4/1.2.3.4/tcp/1', '/ip4/1.2.3.4/tcp/2']
    expect(invocationOf(...args)).toMatchObject({
      verb: 'init',
      lend: '1 GiB',
      bootstrap: ['/ip4/1.2.3.4/tcp/1', '/ip4/1.2.3.4/tcp/2'],
      listen: [],
    })
  })

  test('reads the commands of members', () => {
    expect(invocationOf('invite')).toMatchObject({
      names: [''],
      roles: ['client', 'server'],
      inviteDepth: 0,
      expires: undefined,
      qr: undefined,
    })
    expect(
      invocationOf('invite', '--name', 'bob', 'carol', '--role', 'client', '--may-invite', '3', '--no-qr'),
    ).toMatchObject({ names: ['bob', 'carol'], roles: ['client'], inviteDepth: 3, qr: false })
    expect(invocationOf('invite', '--may-invite')).toMatchObject({ inviteDepth: 1 })
    expect(invocationOf('join', '@link', '--lend', '1 GiB', '--run')).toMatchObject({
      verb: 'join',
      link: '@link',
      lend: '1 GiB',
      run: true,
    })
    expect(invocationOf('init')).toMatchObject({ verb: 'init', open: false, run: false, name: undefined })
    // Nobody has a certificate of a grid that he only knows an address of.
    expect(invocationOf('init', '--bootstrap', '/ip4/1.2.3.4/tcp/1')).toMatchObject({ open: true })
    expect(invocationOf('expel', 'bob')).toMatchObject({ verb: 'expel', member: 'bob' })
    expect(invocationOf('members', '--json')).toMatchObject({ verb: 'members', json: true })
  })

  test.each(['check', 'verify', 'repair'] as const)('reads a %s', (verb) => {
    expect(invocationOf(verb, 'cairn:file-verify:x')).toMatchObject({
      verb,
      place: 'cairn:file-verify:x',
      deep: false,
    })
    expect(invocationOf(verb, '--deep', 'home:')).toMatchObject({ verb, place: 'home:', deep: true })
  })

  test('reads the commands of the tree', () => {
    expect(invocationOf('put', 'f', 'home:f', '--mutable')).toMatchObject({ target: 'home:f', mutable: true })
    expect(invocationOf('mkdir')).toMatchObject({ verb: 'mkdir', paths: [], parents: false })
    expect(invocationOf('mkdir', '-p', 'a:b', 'a:c')).toMatchObject({ paths: ['a:b', 'a:c'], parents: true })
    expect(invocationOf('ls', '-lR', 'home:')).toMatchObject({ place: 'home:', long: true, recursive: true })
    expect(invocationOf('cp', '-r', 'a', 'b', 'home:', '--jobs', '4')).toMatchObject({
      verb: 'cp',
      sources: ['a', 'b'],
      target: 'home:',
      recursive: true,
      force: false,
      follow: false,
      jobs: 4,
    })
    expect(invocationOf('mv', 'home:a', 'home:b')).toMatchObject({ sources: ['home:a'], target: 'home:b' })
    expect(invocationOf('rm', '-rf', 'home:a')).toMatchObject({
      places: ['home:a'],
      recursive: true,
      force: true,
    })
    expect(invocationOf('ln', '--read-only', '@c', 'home:c')).toMatchObject({
      source: '@c',
      target: 'home:c',
      readOnly: true,
      force: false,
    })
    expect(invocationOf('share', 'home:')).toMatchObject({ right: 'read', qr: undefined })
    expect(invocationOf('share', '--verify', '--no-qr', 'home:')).toMatchObject({
      right: 'verify',
      qr: false,
    })
    expect(invocationOf('share', '--write', '--qr', 'home:')).toMatchObject({ right: 'write', qr: true })
  })

  test('reads the actions of alias', () => {
    const alias = (...args: string[]) => invocationOf('alias', ...args)
    expect(alias('add', 'a', '@cap')).toMatchObject({
      action: 'add',
      name: 'a',
      source: '@cap',
      force: false,
    })
    expect(alias('create', 'home', '--home', '/h')).toMatchObject({ action: 'create', home: '/h' })
    expect(alias('list', '--show', '--json')).toMatchObject({ action: 'list', show: true, json: true })
    expect(alias('rm', '-f', 'a')).toMatchObject({ action: 'rm', name: 'a', force: true })
    expect(textOf('alias')).toContain('Usage: cairn alias')
    expect(textOf('alias', 'add', '--help')).toContain('Usage: cairn alias add')
  })

  test('tells a question of safety from a check', () => {
    expect(invocationOf('check', '--safety', 'home:')).toMatchObject({ verb: 'safety', place: 'home:' })
  })

  test('tells a check of the repository and a listing of a snapshot from those of the grid', () => {
    expect(invocationOf('check')).toMatchObject({
      verb: 'check-repository',
      repository: undefined,
      read: undefined,
    })
    expect(invocationOf('check', '-r', 'work:', '--read-data')).toMatchObject({
      verb: 'check-repository',
      repository: 'work:',
      read: { percent: 100 },
    })
    expect(invocationOf('ls', '-l', '--snapshot', 'latest', '/etc', '-H', 'h')).toMatchObject({
      verb: 'snapshot-ls',
      snapshot: 'latest',
      path: '/etc',
      long: true,
      filter: { hosts: ['h'], tags: [], paths: [] },
    })
    expect(invocationOf('ls', '--snapshot', 'k3f7')).toMatchObject({ path: '/' })
  })

  test('reads run, status and grid', () => {
    expect(invocationOf('run', '--stop-with-stdin')).toMatchObject({ verb: 'run', stopWithStdin: true })
    expect(invocationOf('status', '--quiet')).toMatchObject({ verb: 'status', quiet: true, roots: false })
    expect(invocationOf('status', '--roots')).toMatchObject({ verb: 'status', roots: true })
    expect(invocationOf('grid', '--dir', 'g', '--servers', '5')).toMatchObject({
      verb: 'grid',
      dir: 'g',
      servers: 5,
    })
  })

  test.each([
    ['an unknown verb', ['fly']],
    ['an unknown option', ['put', 'f', '--fast']],
    ['a missing argument', ['put']],
    ['one argument too many', ['put', 'f', 'g:', 'h']],
    ['a file of two kinds', ['put', 'f', '--mutable', '--convergent']],
    ['a copy to nowhere', ['cp', 'f']],
    ['a move to nowhere', ['mv', 'home:f']],
    ['two rights at once', ['share', '--write', '--verify', 'home:']],
    ['an unknown action', ['alias', 'frobnicate']],
    ['no jobs at all', ['cp', '--jobs', '0', 'a', 'home:']],
    ['a missing option', ['grid']],
    ['a number that is none', ['put', 'f', '--needed', 'three']],
    ['a number out of range', ['put', 'f', '--total', '256']],
    ['a report and a file in one place', ['get', '@cap', '--json']],
    ['a list of nothing', ['ls']],
    ['a repository of no snapshot', ['ls', '--repository', 'work:', 'home:']],
    ['a check of two things', ['check', 'home:', '--read-data']],
    ['a check of all and of a part', ['check', '--read-data', '--read-data-subset', '5%']],
    ['all below of no path', ['check', '--deep']],
    ['safety of no path', ['check', '--safety']],
    ['safety of all below', ['check', '--safety', '--deep', 'home:']],
  ])('refuses %s', (_what, args) => {
    expect(() => parseArgs(args, '1.2.3')).toThrow(UsageError)
  })

  test('gives help with examples for every verb, and the version', () => {
    expect(textOf('--version')).toBe('1.2.3\n')
    expect(textOf('--help')).toContain('Exit codes:')
    expect(textOf('--help').split('\n').length).toBeLessThanOrEqual(72)
    expect(textOf()).toContain('Usage: cairn')
    for (const verb of Object.keys(VERBS)) {
      const help = textOf(verb, '--help')
      expect(help).toContain(`Usage: cairn ${verb}`)
      expect(help).toMatch(/Examples?:\n {2}\$ /)
      if (verb === 'alias' || verb === 'drop') continue
      expect(help).toContain('--home')
      expect(help).toContain('--json')
    }
  })
})
