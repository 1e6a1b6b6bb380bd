import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  asSlotSeed,
  type Capability,
  formatCapability,
  GridError,
  literalCapability,
  slotWriteCapability,
  toReadCapability,
} from '#crypto'
import { ALIASES_MAX, formatAliases, isLastWriter, parseAliases } from '../../cli/alias-book.ts'
import { changeAliases, readAliases, requireAlias } from '../../cli/alias-file.ts'
import { Home } from '../../cli/home.ts'

const directory = (byte: number) => slotWriteCapability('dir', asSlotSeed(new Uint8Array(32).fill(byte)))
const textOf = (capability: Capability | undefined) => capability && formatCapability(capability)

describe('the text of aliases', () => {
  test('reads back what was written, whatever the names', () => {
    const name = fc
      .stringMatching(/^[\p{L}\p{N}][\p{L}\p{N}._-]{0,20}$/u)
      .map((some) => some.normalize('NFC'))
    fc.assert(
      fc.property(fc.dictionary(name, fc.nat({ max: 255 })), (bytes) => {
        const names = Object.entries(bytes).filter(([some]) => some !== 'cairn')
        const book = new Map(names.map(([some, byte]) => [some, directory(byte)]))
        const read = parseAliases(formatAliases(book))
        expect([...read.keys()].sort()).toEqual([...book.keys()].sort())
        for (const [some, capability] of book) expect(textOf(read.get(some))).toBe(textOf(capability))
      }),
      { numRuns: 30 },
    )
  })

  test('lets comments, empty lines and the line ends of Windows be', () => {
    const text = `# mine\r\n\r\nhome: ${textOf(directory(1))}\r\n`
    expect([...parseAliases(text).keys()]).toEqual(['home'])
  })

  test.each([
    ['no colon', 'home cairn:dir:x', 'line 1'],
    ['a bad name', `a b: ${textOf(directory(1))}`, 'line 1'],
    ['a bad capability', 'a: cairn:dir:secretsecret', 'line 1'],
    ['a name twice', `a: ${textOf(directory(1))}\na: ${textOf(directory(1))}`, 'line 2'],
    [
      'too many',
      Array.from({ length: ALIASES_MAX + 1 }, (_, index) => `a${index}: cairn:lit:aek5lp6f`).join('\n'),
      'found',
    ],
  ])('refuses %s, and shows nothing of it', (_what, text, message) => {
    const literal = formatCapability(literalCapability(new Uint8Array(0)))
    const attempt = () => parseAliases(text.replaceAll('cairn:lit:aek5lp6f', literal))
    expect(attempt).toThrow(message)
    expect(attempt).not.toThrow('secret')
  })

  test('never fails with anything but an error of its own', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        try {
          parseAliases(text)
        } catch (error) {
          expect(error).toBeInstanceOf(GridError)
        }
      }),
    )
  })

  test('isLastWriter knows another name for the same, and does not mind what only reads', () => {
    const book = new Map<string, Capability>([
      ['one', directory(1)],
      ['same', directory(1)],
      ['two', directory(2)],
      ['read', toReadCapability(directory(2))],
    ])
    expect(['one', 'same', 'two', 'read', 'none'].map((name) => isLastWriter(book, name))).toEqual([
      false,
      false,
      true,
      false,
      false,
    ])
  })
})

describe('the file of aliases', () => {
  let home: Home
  beforeEach(async () => {
    home = new Home(await mkdtemp(join(tmpdir(), 'cairn-aliases-')))
    await writeFile(home.configFile, '')
  })
  afterEach(() => rm(home.folder, { recursive: true }))

  test('is of mode 0600, whatever it was before, and wants a home', async () => {
    expect(await readAliases(home)).toEqual(new Map())
    await writeFile(home.aliasFile, '', { mode: 0o644 })
    await changeAliases(home, (book) => book.set('home', directory(1)))
    expect((await stat(home.aliasFile)).mode & 0o777).toBe(0o600)
    expect(await readFile(home.aliasFile, 'utf8')).toContain(`home: ${textOf(directory(1))}\n`)
    expect(textOf(await requireAlias(home, 'home'))).toBe(textOf(directory(1)))
    await expect(changeAliases(new Home('/nowhere'), () => undefined)).rejects.toThrow('not a home')
  })

  test('says which there are when one is missing', async () => {
    await expect(requireAlias(home, 'hme')).rejects.toThrow('none at all')
    await changeAliases(home, (book) => book.set('home', directory(1)).set('a', directory(2)))
    await expect(requireAlias(home, 'hme')).rejects.toThrow('there is no alias hme; there are: a, home')
  })

  test('stays what it was when a change fails, and when it is broken', async () => {
    await changeAliases(home, (book) => book.set('home', directory(1)))
    const failing = changeAliases(home, (book) => {
      book.clear()
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    expect((await readAliases(home)).size).toBe(1)
    await writeFile(home.aliasFile, 'broken')
    await expect(changeAliases(home, (book) => book.set('x', directory(2)))).rejects.toThrow('line 1')
    expect(await readFile(home.aliasFile, 'utf8')).toBe('broken')
  })

  test('keeps what many changes at once have added', async () => {
    await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        changeAliases(home, (book) => book.set(`name-${index}`, directory(index))),
      ),
    )
    expect((await readAliases(home)).size).toBe(12)
  })
})
