/**
 * A tree of everything odd that a disk of this machine can hold, and a listing of a tree by the system's own programs,
 * which share no code with what is tested: find(1) and getfattr(1).
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  lchownSync,
  linkSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { FolderPool } from '../../cli/backup/local/folder.ts'
import type { LocalSystem } from '../../cli/backup/local/local-system.ts'
import { CUT_BYTES } from './memory-repository.ts'

export const IS_ROOT = process.geteuid?.() === 0
const HOLE_BYTES = 3 * 1024 * 1024

const ODD_NAMES: readonly Buffer[] = [
  Buffer.from([0xff, 0xfe, 0x80]),
  Buffer.from([0x63, 0x61, 0x66, 0xe9]),
  ...[
    'é',
    'e\u0301',
    'new\nline',
    ' ',
    '-rf',
    'back\\slash',
    '*?[x]{y}(z)',
    '...',
    '..a',
    '~',
    '#',
    '!',
    '写真',
  ],
  'n'.repeat(255),
  '\u0001\u007f',
].map((name) => Buffer.from(name))

/** Around what is read at once, cut, and held. */
const SIZES = [0, 1, 4095, 4096, 65_535, 65_536, 65_537].concat(
  [CUT_BYTES, 1024 * 1024, 4 * 1024 * 1024].flatMap((size) => [size - 1, size, size + 1]),
)

const TIMES: readonly bigint[] = [
  -86_400_000_000_001n,
  -1n,
  0n,
  1_700_000_000_000_000_001n,
  1_712_345_678_987_654_321n,
  4_102_444_800_123_456_789n,
]

/** @param root is made @param system with native calls: else attributes, exact times and nodes are left out */
export function makeOddFiles(root: string, system: LocalSystem): void {
  mkdirSync(root)
  const folder = (name: string): string => {
    mkdirSync(join(root, name))
    return join(root, name)
  }
  names(folder('names'))
  sizes(folder('sizes'))
  modes(folder('modes'))
  links(folder('links'), system)
  sparse(folder('sparse'))
  folder('empty')
  mkdirSync(join(root, 'empties/in/each other'), { recursive: true })
  longPath(folder('long'))
  if (system.native !== undefined) {
    attributes(folder('attributes'), system.native)
    nodes(folder('nodes'), system.native)
    times(folder('times'), system.native)
  }
  if (IS_ROOT) owners(folder('owners'))
}

function names(folder: string): void {
  for (const name of ODD_NAMES) writeFileSync(within(folder, name), name)
  mkdirSync(within(folder, Buffer.from([0xfe, 0x2e])))
  writeFileSync(within(folder, Buffer.from([0xfe, 0x2e, 0x2f, 0xfd])), 'below')
}

function sizes(folder: string): void {
  for (const size of SIZES) writeFileSync(join(folder, `${size}`), noise(size))
}

function modes(folder: string): void {
  for (const mode of [0o000, 0o400, 0o644, 0o777, 0o4755, 0o2755, 0o1644]) {
    const path = join(folder, mode.toString(8))
    writeFileSync(path, 'x')
    chmodSync(path, mode)
  }
  for (const mode of [0o1777, 0o2775, 0o700, 0o555]) {
    const path = join(folder, `folder ${mode.toString(8)}`)
    mkdirSync(path)
    writeFileSync(join(path, 'inside'), 'x')
    chmodSync(path, mode)
  }
}

function links(folder: string, { native }: LocalSystem): void {
  const first = join(folder, 'one')
  writeFileSync(first, 'one file, three names\n')
  mkdirSync(join(folder, 'deep'))
  linkSync(first, join(folder, 'two'))
  linkSync(first, join(folder, 'deep/three'))
  const targets = ['one', 'nowhere', '../names', '/', 'x'.repeat(4000), 'a/../b//c/.']
  for (const [index, target] of targets.entries()) symlinkSync(target, join(folder, `to ${index}`))
  symlinkSync(Buffer.from([0xff, 0x2f, 0xfe]), join(folder, 'to no text'))
  linkSync(join(folder, 'to 1'), join(folder, 'another name of a symlink'))
  if (native === undefined) return
  native.makeNode(Buffer.from(join(folder, 'fifo')), { kind: 'fifo', mode: 0o640, deviceNumber: 0n })
  linkSync(join(folder, 'fifo'), join(folder, 'fifo again'))
}

function sparse(folder: string): void {
  const make = (
    name: string,
    sizeBytes: number,
    pieces: readonly (readonly [offset: number, bytes: Uint8Array])[],
  ) => {
    const file = openSync(join(folder, name), 'w')
    for (const [offset, bytes] of pieces) writeSync(file, bytes, 0, bytes.length, offset)
    ftruncateSync(file, sizeBytes)
    closeSync(file)
  }
  make('all hole', HOLE_BYTES, [])
  make('hole first', HOLE_BYTES + 5000, [[HOLE_BYTES, noise(5000)]])
  make('hole in the middle', HOLE_BYTES + 9000, [
    [0, noise(5000)],
    [HOLE_BYTES, noise(9000)],
  ])
  make('hole last', HOLE_BYTES + 1, [[0, noise(5000)]])
  make('no hole, only zeros', 100_000, [[0, new Uint8Array(100_000)]])
}

/** Longer than any call takes at once. */
function longPath(folder: string): void {
  const pool = new FolderPool()
  let inner = pool.openPath(Buffer.from(folder))
  for (let depth = 0; depth < 50; depth += 1) {
    const name = Buffer.from(`${depth} `.padEnd(100, 'd'))
    mkdirSync(inner.at(name))
    inner = inner.enter(name)
  }
  writeFileSync(inner.at(Buffer.from('at the end')), 'of a long path')
  pool[Symbol.dispose]()
}

function attributes(folder: string, native: NonNullable<LocalSystem['native']>): void {
  const set = (path: string, name: string, value: string | Uint8Array) =>
    native.setAttribute(Buffer.from(path), Buffer.from(name), Buffer.from(value))
  const path = join(folder, 'file')
  writeFileSync(path, 'x')
  set(path, 'user.text', 'value')
  set(path, 'user.empty', '')
  set(
    path,
    'user.bytes',
    Uint8Array.from({ length: 256 }, (_, byte) => byte),
  )
  set(path, 'user.é', 'a name beyond ASCII')
  mkdirSync(join(folder, 'folder'))
  set(join(folder, 'folder'), 'user.too', 'x'.repeat(2000))
  writeFileSync(join(folder, 'read-only'), 'x')
  set(join(folder, 'read-only'), 'user.text', 'of a file that nobody may write')
  chmodSync(join(folder, 'read-only'), 0o400)
  if (!IS_ROOT) return
  set(path, 'trusted.root', 'only root sees it')
  set(path, 'security.capability', Buffer.from('0100000200040000000000000000000000000000', 'hex'))
  const acl = '02000000' + '01000600ffffffff02000400d204000004000400ffffffff10000400ffffffff20000400ffffffff'
  set(path, 'system.posix_acl_access', Buffer.from(acl, 'hex'))
  set(join(folder, 'folder'), 'system.posix_acl_default', Buffer.from(acl, 'hex'))
  symlinkSync('file', join(folder, 'symlink'))
  set(join(folder, 'symlink'), 'trusted.link', 'of the link itself')
}

function nodes(folder: string, native: NonNullable<LocalSystem['native']>): void {
  const make = (name: string, kind: Parameters<typeof native.makeNode>[1]['kind'], deviceNumber = 0n) =>
    native.makeNode(Buffer.from(join(folder, name)), { kind, mode: 0o644, deviceNumber })
  make('fifo', 'fifo')
  make('socket', 'socket')
  if (!IS_ROOT) return
  make('null', 'character-device', 0x103n)
  make('block', 'block-device', 0x781n)
}

function times(folder: string, native: NonNullable<LocalSystem['native']>): void {
  for (const [index, nanoseconds] of TIMES.entries()) {
    const path = join(folder, `${index}`)
    mkdirSync(`${path} folder`)
    writeFileSync(join(`${path} folder`, 'file'), 'x')
    writeFileSync(path, 'x')
    symlinkSync('nowhere', `${path} link`)
    for (const name of [path, `${path} link`, `${path} folder`])
      native.setModifiedAt(Buffer.from(name), nanoseconds)
  }
}

function owners(folder: string): void {
  for (const [uid, gid] of [
    [1234, 5678],
    [65_534, 0],
    [0, 4_000_000_000],
  ] as const) {
    const path = join(folder, `${uid} ${gid}`)
    writeFileSync(path, 'x', { mode: 0o4711 })
    symlinkSync('x', `${path} link`)
    lchownSync(path, uid, gid)
    lchownSync(`${path} link`, uid, gid)
    chmodSync(path, 0o4711)
  }
}

/** Bytes that nothing compresses, the same for one size. */
export function noise(sizeBytes: number): Uint8Array {
  return createHash('shake256', { outputLength: Math.max(1, sizeBytes) })
    .update(`${sizeBytes}`)
    .digest()
    .subarray(0, sizeBytes)
}

function within(folder: string, name: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${folder}/`), name])
}

/** What of an entry is compared; of folders neither size nor links count. */
const FORMAT = '%P\\0%y\\0%m\\0%U\\0%G\\0%T@\\0%l\\0%s\\0%i\\0'
const FIELDS = FORMAT.split('\\0').length - 1

export interface ListedEntry {
  readonly path: string
  readonly kind: string
  readonly mode: string
  readonly owner: string
  readonly modifiedAt: string
  readonly target: string
  readonly size: string
  /** Paths of the same file, this one among them. */
  readonly names: string
}

/** Everything below a folder, by path; names and targets in Latin-1, a character a byte. */
export function listTree(folder: string): readonly ListedEntry[] {
  const text = execFileSync('find', [folder, '-mindepth', '1', '-printf', FORMAT], {
    encoding: 'latin1',
    maxBuffer: 1 << 28,
  })
  const fields = text.split('\0').slice(0, -1)
  const rows = Array.from({ length: fields.length / FIELDS }, (_, row) =>
    fields.slice(row * FIELDS, (row + 1) * FIELDS),
  )
  const namesOf = (inode: string | undefined): string =>
    rows
      .filter((row) => row[8] === inode)
      .map(([path]) => path)
      .sort()
      .join()
  return rows
    .map(([path = '', kind = '', mode = '', uid, gid, modifiedAt = '', target = '', size = '', inode]) => ({
      path,
      kind,
      mode: kind === 'l' ? '' : mode,
      owner: `${uid}:${gid}`,
      modifiedAt,
      target,
      size: kind === 'd' ? '' : size,
      names: namesOf(inode),
    }))
    .sort((left, right) => (left.path < right.path ? -1 : 1))
}

/**
 * Extended attributes below a folder as getfattr prints them; undefined where there is no such program.
 *
 * @param folder with no paths in it that are too long for a call
 */
export function listAttributes(folder: string): string | undefined {
  try {
    const args = [
      '--recursive',
      '--no-dereference',
      '--physical',
      '--match=-',
      '--dump',
      '--encoding=hex',
      '.',
    ]
    return execFileSync('getfattr', args, { cwd: folder, encoding: 'latin1', maxBuffer: 1 << 28 })
      .split('\n\n')
      .sort()
      .join('\n\n')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** SHA-256 and name of every file. From within each folder: a path may be too long for a call. */
export function listDigests(folder: string): string {
  const sums = execFileSync('find', ['.', '-type', 'f', '-execdir', 'sha256sum', '{}', '+'], {
    cwd: folder,
    env: { PATH: '/usr/bin:/bin' },
    encoding: 'latin1',
    maxBuffer: 1 << 28,
  })
  return sums.split('\n').sort().join('\n')
}

/** Also what is too long for one call. */
export function removeTree(folder: string): void {
  if (!IS_ROOT) execFileSync('chmod', ['-R', 'u+rwx', folder], { stdio: 'ignore' })
  execFileSync('rm', ['-rf', folder])
}
