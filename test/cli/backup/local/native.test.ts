/** The native calls, judged by the system's own programs and by Node. */
import { execFileSync } from 'node:child_process'
import {
  closeSync,
  ftruncateSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type NativeCalls, openNative } from '../../../../cli/backup/local/native.ts'

let folder: string
let file: Buffer
const found = await openNative()
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-native-'))
  file = Buffer.from(join(folder, 'file'))
  writeFileSync(file, 'x')
})
afterEach(() => rmSync(folder, { recursive: true }))

/** npm installs them on every system that tests run on. */
function native(): NativeCalls {
  if (found === undefined) throw new Error('native calls are wanted here, found none: is koffi installed?')
  return found
}

test('set any time to the nanosecond, and leave the time of access alone', () => {
  const { atimeNs } = lstatSync(file, { bigint: true })
  // What ext4 holds.
  const time = fc.bigInt(-(2n ** 31n - 1n) * 1_000_000_000n, 2n ** 33n * 1_000_000_000n)
  fc.assert(
    fc.property(time, (nanoseconds) => {
      native().setModifiedAt(file, nanoseconds)
      const stats = lstatSync(file, { bigint: true })
      expect(stats.mtimeNs).toBe(nanoseconds)
      expect(stats.atimeNs).toBe(atimeNs)
    }),
  )
  native().setModifiedAt(file, -1n)
  expect(execFileSync('stat', ['-c', '%.9Y', file.toString()], { encoding: 'utf8' }).trim()).toBe(
    '-0.000000001',
  )
})

test('set the time of a symlink and not of what it points to', () => {
  const link = Buffer.from(join(folder, 'link'))
  symlinkSync('file', link)
  const before = lstatSync(file, { bigint: true }).mtimeNs
  native().setModifiedAt(link, 5n)
  expect(lstatSync(link, { bigint: true }).mtimeNs).toBe(5n)
  expect(lstatSync(file, { bigint: true }).mtimeNs).toBe(before)
})

test('keep attributes of any bytes, by names of any bytes', () => {
  const name = fc
    .uint8Array({ minLength: 1, maxLength: 50 })
    .map((bytes) =>
      Buffer.concat([Buffer.from('user.'), bytes.filter((byte) => byte !== 0), Buffer.from('x')]),
    )
  fc.assert(
    fc.property(name, fc.uint8Array({ maxLength: 1500 }), (attribute, value) => {
      native().setAttribute(file, attribute, value)
      expect(
        native()
          .listAttributes(file)
          .map((one) => Buffer.from(one)),
      ).toEqual([attribute])
      expect(native().getAttribute(file, attribute)).toEqual(value)
      native().removeAttribute(file, attribute)
      expect(native().getAttribute(file, attribute)).toBeUndefined()
      expect(native().listAttributes(file)).toEqual([])
    }),
  )
})

test('tell of failures as Node does', () => {
  const gone = Buffer.from(join(folder, 'gone'))
  expect(() => native().listAttributes(gone)).toThrow(expect.objectContaining({ code: 'ENOENT' }))
  expect(() => native().setModifiedAt(gone, 0n)).toThrow(expect.objectContaining({ code: 'ENOENT' }))
  expect(() => native().setAttribute(file, Buffer.from('nonsense'), Buffer.from('x'))).toThrow(
    expect.objectContaining({ code: expect.stringMatching(/^E[A-Z]+$/) }),
  )
  expect(() => native().makeNode(file, { kind: 'fifo', mode: 0o600, deviceNumber: 0n })).toThrow(
    expect.objectContaining({ code: 'EEXIST' }),
  )
})

test('make fifos and sockets', () => {
  for (const kind of ['fifo', 'socket'] as const) {
    const path = Buffer.from(join(folder, kind))
    native().makeNode(path, { kind, mode: 0o600, deviceNumber: 0n })
    const stats = lstatSync(path)
    expect(kind === 'fifo' ? stats.isFIFO() : stats.isSocket()).toBe(true)
    expect(stats.mode & 0o7777).toBe(0o600)
  }
})

test('find where the data of a file is', () => {
  const handle = openSync(join(folder, 'sparse'), 'w+')
  try {
    ftruncateSync(handle, 10_000_000)
    expect(native().nextData(handle, 0)).toBeUndefined()
    expect(native().nextHole(handle, 0)).toBe(0)
    writeSync(handle, Buffer.alloc(100, 1), 0, 100, 5_000_000)
    const data = native().nextData(handle, 0) ?? 0
    const hole = native().nextHole(handle, data)
    expect(data).toBeGreaterThan(4_000_000)
    expect(data).toBeLessThanOrEqual(5_000_000)
    expect(hole).toBeGreaterThanOrEqual(5_000_100)
    expect(hole).toBeLessThan(6_000_000)
    expect(native().nextData(handle, hole)).toBeUndefined()
  } finally {
    closeSync(handle)
  }
})

test('sync a file system, and tell if that fails', async () => {
  const handle = openSync(folder, 'r')
  await native().syncFileSystem(handle)
  closeSync(handle)
  await expect(native().syncFileSystem(-1)).rejects.toMatchObject({ syscall: 'syncfs' })
  expect(readdirSync(folder)).toEqual(['file'])
})
