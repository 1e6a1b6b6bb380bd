import { describe, expect, test } from 'vitest'
import {
  asFileRoot,
  asReadKey,
  asSlotSeed,
  fileReadCapability,
  slotWriteCapability,
  toReadCapability,
  treeReadCapability,
} from '#crypto'
import type { NamedChild } from '#node'
import {
  type LocalEntry,
  metadataOf,
  modeOf,
  planDownload,
  planLink,
  planUpload,
} from '../../cli/copy/plan.ts'

const bytes = (byte: number) => new Uint8Array(32).fill(byte)
const fileOf = (byte: number) => fileReadCapability(asReadKey(bytes(byte)), asFileRoot(bytes(byte)))
const directory = slotWriteCapability('dir', asSlotSeed(bytes(1)))
const slot = slotWriteCapability('slot', asSlotSeed(bytes(2)))
const tree = treeReadCapability(asReadKey(bytes(3)), asFileRoot(bytes(3)))

const local: LocalEntry = { kind: 'file', sizeBytes: 10, modifiedAtMilliseconds: 1000, mode: 0o640 }
const folder: LocalEntry = { ...local, kind: 'folder' }
const same = metadataOf(local, 10)
const child = (capability: NamedChild['capability'], metadata = same): NamedChild => ({
  name: 'x',
  capability,
  metadata,
})
const readOnly = (capability: NamedChild['capability']) => child(toReadCapability(capability))

describe('planUpload', () => {
  const plan = (entry: LocalEntry, existing?: NamedChild, force = false) =>
    planUpload(entry, existing, { force }).kind

  test.each([
    ['a new file', local, undefined, 'send'],
    ['a file of equal size and time', local, child(fileOf(1)), 'unchanged'],
    ['a file of another size', { ...local, sizeBytes: 11 }, child(fileOf(1)), 'send'],
    ['a file of another time', { ...local, modifiedAtMilliseconds: 1001 }, child(fileOf(1)), 'send'],
    [
      'a file whose time nobody knows',
      { ...local, modifiedAtMilliseconds: undefined },
      child(fileOf(1), { sizeBytes: 10 }),
      'send',
    ],
    ['a file onto a mutable one', { ...local, sizeBytes: 11 }, child(slot), 'write'],
    ['a file onto a mutable one of others', { ...local, sizeBytes: 11 }, readOnly(slot), 'refuse'],
    ['a file onto a directory', local, child(directory), 'refuse'],
    ['a new folder', folder, undefined, 'make'],
    ['a folder onto a directory', folder, child(directory), 'enter'],
    ['a folder onto a directory that is read-only', folder, readOnly(directory), 'refuse'],
    ['a folder onto a tree', folder, child(tree), 'refuse'],
    ['a folder onto a file', folder, child(fileOf(1)), 'refuse'],
    ['a pipe', { ...local, kind: 'other' } as const, undefined, 'skip'],
  ])('%s', (_what, entry, existing, kind) => expect(plan(entry, existing)).toBe(kind))

  test('--force sends what seems unchanged', () => {
    expect(plan(local, child(fileOf(1)), true)).toBe('send')
    expect(plan(local, child(slot), true)).toBe('write')
  })
})

describe('planDownload', () => {
  const plan = (entry: NamedChild, there?: LocalEntry, force = false) =>
    planDownload(entry, there, { force, platform: 'linux' }).kind

  test.each([
    ['a new file', child(fileOf(1)), undefined, 'fetch'],
    ['a file that is there and equal', child(fileOf(1)), local, 'unchanged'],
    ['a file that is another', child(fileOf(1)), { ...local, sizeBytes: 9 }, 'fetch'],
    ['a mutable file', child(slot), undefined, 'fetch'],
    ['a file onto a folder', child(fileOf(1)), folder, 'refuse'],
    [
      'a file onto a link, which is replaced itself',
      child(fileOf(1)),
      { ...local, kind: 'other' } as const,
      'fetch',
    ],
    ['a new directory', child(directory), undefined, 'make'],
    ['a directory that is there', child(tree), folder, 'enter'],
    [
      'a directory onto a link, which may lead anywhere',
      child(directory),
      { ...local, kind: 'other' } as const,
      'refuse',
    ],
    ['a directory onto a file', child(directory), local, 'refuse'],
    ['a name that leads up', { ...child(fileOf(1)), name: '..' }, undefined, 'refuse'],
  ])('%s', (_what, entry, there, kind) => expect(plan(entry, there)).toBe(kind))

  test('--force fetches what seems unchanged', () => {
    expect(plan(child(fileOf(1)), local, true)).toBe('fetch')
  })
})

describe('planLink', () => {
  test.each([
    ['a file', child(fileOf(1)), undefined, 'link'],
    ['the same file', child(fileOf(1)), child(fileOf(1)), 'unchanged'],
    ['a file onto another', child(fileOf(1)), child(fileOf(2)), 'link'],
    ['a file onto a mutable one', child(fileOf(1)), child(slot), 'refuse'],
    ['a mutable file', child(slot), undefined, 'copy'],
    ['a directory', readOnly(directory), undefined, 'make'],
    ['a directory onto another', readOnly(directory), child(directory), 'enter'],
    ['a directory onto a file', child(directory), child(fileOf(1)), 'refuse'],
    ['a file onto a directory', child(fileOf(1)), child(directory), 'refuse'],
    ['a tree, which never changes', child(tree), undefined, 'link'],
  ])('%s', (_what, entry, existing, kind) => expect(planLink(entry, existing).kind).toBe(kind))
})

test('modeOf takes nine bits and nothing else', () => {
  expect(modeOf(same)).toBe(0o640)
  expect(modeOf({ user: { mode: 0o104755 } })).toBe(0o755)
  expect(modeOf({ user: { mode: 'rwx' } })).toBeUndefined()
  expect(modeOf({})).toBeUndefined()
})
