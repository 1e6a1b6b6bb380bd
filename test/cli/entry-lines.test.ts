import { expect, test } from 'vitest'
import {
  asFileRoot,
  asReadKey,
  asSlotSeed,
  fileReadCapability,
  formatCapability,
  slotWriteCapability,
  toReadCapability,
  treeReadCapability,
} from '#crypto'
import { entryJson, longLine, shortLine } from '../../cli/entry-lines.ts'
import { printable } from '../../cli/names.ts'

const bytes = new Uint8Array(32).fill(1)
const file = fileReadCapability(asReadKey(bytes), asFileRoot(bytes))
const directory = slotWriteCapability('dir', asSlotSeed(bytes))
const slot = slotWriteCapability('slot', asSlotSeed(bytes))
const tree = treeReadCapability(asReadKey(bytes), asFileRoot(bytes))
const time = new Date(2026, 10, 22, 9, 5).getTime()
const entry = (
  path: string,
  capability: Parameters<typeof longLine>[0]['child']['capability'],
  metadata = {},
) => ({
  path,
  child: { name: path, capability, metadata },
})

test('a line has type, right to write, size, time and name', () => {
  const metadata = { sizeBytes: 1_234_567, modifiedAtMilliseconds: time }
  expect(longLine(entry('a', file, metadata), printable)).toBe('f-   1.23 MB  2026-11-22 09:05  a')
  expect(longLine(entry('b', slot, { sizeBytes: 0 }), printable)).toBe('sw       0 B  -                 b')
  expect(longLine(entry('c', directory), printable)).toBe('dw         -  -                 c/')
  expect(longLine(entry('d', toReadCapability(directory)), printable)).toBe(
    'd-         -  -                 d/',
  )
  expect(longLine(entry('e', tree), printable)).toBe('t-         -  -                 e/')
  expect(longLine(entry('f', toReadCapability(slot)), printable)).toBe('s-         -  -                 f')
})

test('what a writer of the directory made up does no harm', () => {
  const wild = entry('a\x1b[31m\n', file, { sizeBytes: 2 ** 53 - 1, modifiedAtMilliseconds: 2 ** 53 - 1 })
  expect(longLine(wild, printable)).toContain('a\\x1b[31m\\x0a')
  expect(entryJson(wild)).toMatchObject({ modifiedAt: null, mode: null })
  expect(shortLine(wild, (name) => name)).toBe('a\x1b[31m\n')
})

test('as JSON there is no capability', () => {
  const json = entryJson(entry('a/b', directory, { user: { mode: 0o755 } }))
  expect(json).toEqual({
    path: 'a/b',
    type: 'directory',
    isWritable: true,
    sizeBytes: null,
    modifiedAt: null,
    mode: 0o755,
  })
  expect(JSON.stringify(json)).not.toContain(formatCapability(directory).slice(10))
})
