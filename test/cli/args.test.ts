import { describe, expect, test } from 'vitest'
import { parseArgs } from '../../cli/args.ts'
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

const COMMON = { home: undefined, json: false, quiet: false }
const NUMBERS = { needed: undefined, happy: undefined, total: undefined }

describe('parseArgs', () => {
  test('reads a put with everything left to the configuration', () => {
    expect(invocationOf('put', 'photo.jpg')).toEqual({
      verb: 'put',
      source: 'photo.jpg',
      convergent: false,
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
      convergent: true,
      progress: false,
      home: '/h',
      json: true,
      quiet: false,
      needed: 2,
      happy: 4,
      total: 5,
    })
  })

  test('writes a get to standard output unless a file is named', () => {
    expect(invocationOf('get', '@cap')).toMatchObject({
      verb: 'get',
      capability: '@cap',
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

  test.each(['check', 'verify', 'repair'] as const)('reads a %s', (verb) => {
    expect(invocationOf(verb, 'cairn:file-verify:x')).toMatchObject({
      verb,
      capability: 'cairn:file-verify:x',
    })
  })

  test('reads run, status and grid', () => {
    expect(invocationOf('run', '--stop-with-stdin')).toMatchObject({ verb: 'run', stopWithStdin: true })
    expect(invocationOf('status', '--quiet')).toMatchObject({ verb: 'status', quiet: true })
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
    ['one argument too many', ['put', 'f', 'g']],
    ['a missing option', ['grid']],
    ['a number that is none', ['put', 'f', '--needed', 'three']],
    ['a number out of range', ['put', 'f', '--total', '256']],
    ['a report and a file in one place', ['get', '@cap', '--json']],
  ])('refuses %s', (_what, args) => {
    expect(() => parseArgs(args, '1.2.3')).toThrow(UsageError)
  })

  test('gives help with examples for every verb, and the version', () => {
    expect(textOf('--version')).toBe('1.2.3\n')
    expect(textOf('--help')).toContain('Exit codes:')
    expect(textOf()).toContain('Usage: cairn')
    for (const verb of ['init', 'run', 'status', 'put', 'get', 'check', 'verify', 'repair', 'grid']) {
      const help = textOf(verb, '--help')
      expect(help).toContain(`Usage: cairn ${verb}`)
      expect(help).toMatch(/Examples?:\n {2}\$ /)
      expect(help).toContain('--home')
      expect(help).toContain('--json')
    }
  })
})
