import { join, resolve, sep } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { printable, problemOnDisk } from '../../cli/names.ts'

describe('printable', () => {
  test.each([
    ['plain näme 名', 'plain näme 名'],
    ['\x1b[2J\x07', '\\x1b[2J\\x07'],
    ['a\nb\r\t', 'a\\x0ab\\x0d\\x09'],
    ['\u009b31m', '\\u009b31m'],
    ['gpj.\u202eexe', 'gpj.\\u202eexe'],
    ['back\\slash', 'back\\\\slash'],
  ])('shows %j as %j', (name, shown) => expect(printable(name)).toBe(shown))

  test('leaves nothing that a terminal acts upon, and two names never look the same', () => {
    const name = fc.string({ unit: 'binary' })
    fc.assert(
      fc.property(name, name, (one, two) => {
        expect(printable(one)).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u)
        expect(printable(one) === printable(two)).toBe(one === two)
      }),
    )
  })
})

describe('problemOnDisk', () => {
  test.each(['', '.', '..', 'a/b', '/etc/passwd', '../x', 'a\0b'])('refuses %j everywhere', (name) => {
    expect(problemOnDisk(name, 'linux')).toBeDefined()
    expect(problemOnDisk(name, 'win32')).toBeDefined()
  })

  test.each(['C:', 'a:stream', '..\\x', 'a\\b', 'nul', 'COM1.txt', 'lpt¹', 'x.', 'x ', 'a*', 'a\nb'])(
    'refuses %j on Windows alone',
    (name) => {
      expect(problemOnDisk(name, 'linux')).toBeUndefined()
      expect(problemOnDisk(name, 'win32')).toBeDefined()
    },
  )

  test('what it lets pass stays in the folder', () => {
    const folder = resolve('/target/folder')
    const part = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('..', '.', '/', '\\', '../', '~', '-r'),
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 4 }), (parts) => {
        const name = parts.join('')
        if (problemOnDisk(name, 'linux') !== undefined) return
        expect(join(folder, name)).toBe(`${folder}${sep}${name}`)
      }),
    )
  })
})
