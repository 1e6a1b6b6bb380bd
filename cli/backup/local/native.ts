/**
 * What Node has no call for and the C library has: times in nanoseconds, extended attributes, devices, and where the
 * holes of a file are. Through koffi, which npm installs as a prebuilt addon where there is one for the machine; where
 * there is none, `openNative` says so, and whoever backs up or restores does without (local-system.ts).
 *
 * The calls wait for the file system on the calling thread: each takes some microseconds, a trip to another thread
 * more. All take paths as bytes without a final NUL, and none follows a symlink at the end of one.
 */
import { getSystemErrorName } from 'node:util'
import type { EntryKind } from '#crypto'

export interface NativeCalls {
  /** @throws the system's error, with its `code` */
  listAttributes(path: Uint8Array): Uint8Array[]
  /** Undefined if it is not there (any more). */
  getAttribute(path: Uint8Array, name: Uint8Array): Uint8Array | undefined
  setAttribute(path: Uint8Array, name: Uint8Array, value: Uint8Array): void
  removeAttribute(path: Uint8Array, name: Uint8Array): void
  /** The time of the last access stays. */
  setModifiedAt(path: Uint8Array, nanoseconds: bigint): void
  /** @param mode the twelve lowest bits; the umask takes some away */
  makeNode(path: Uint8Array, node: NodeToMake): void
  /** Where bytes that are not in a hole go on, at or after an offset; undefined if there are no more. */
  nextData(file: number, offset: number): number | undefined
  /** Where the next hole begins, at or after an offset; the end of the file counts as one. */
  nextHole(file: number, offset: number): number
  /** All of the file system that an open file is on is durable. */
  syncFileSystem(file: number): Promise<void>
}

export interface NodeToMake {
  readonly kind: Exclude<EntryKind, 'file' | 'folder' | 'symlink'>
  readonly mode: number
  /** 0 for what is no device. */
  readonly deviceNumber: bigint
}

/** Of sys/stat.h, alike on Linux and macOS. */
const TYPE_BITS = Object.freeze({
  fifo: 0o010000,
  'character-device': 0o020000,
  'block-device': 0o060000,
  socket: 0o140000,
} as const satisfies Record<NodeToMake['kind'], number>)

/** Numbers of the headers of each system. */
const CONSTANTS = Object.freeze({
  linux: {
    AT_FDCWD: -100,
    AT_SYMLINK_NOFOLLOW: 0x100,
    UTIME_OMIT: (1n << 30n) - 2n,
    SEEK_DATA: 3,
    SEEK_HOLE: 4,
  },
  darwin: { AT_FDCWD: -2, AT_SYMLINK_NOFOLLOW: 0x20, UTIME_OMIT: -2n, SEEK_DATA: 4, SEEK_HOLE: 3 },
})
/** Of macOS: the call is about a symlink itself. */
const XATTR_NOFOLLOW = 1

/** Where off_t, time_t and long have 64 bits, which the signatures below say. */
const ARCHITECTURES: readonly string[] = ['x64', 'arm64', 'riscv64', 'loong64', 'ppc64']

const NANOSECONDS_PER_SECOND = 1_000_000_000n
/** What most lists and values fit in; Linux allows 65,536 bytes, macOS more for a value. */
const ATTRIBUTE_ROOM_BYTES = 65_536
const NUL = new Uint8Array(1)

type Koffi = typeof import('koffi')
type Library = ReturnType<Koffi['load']>
/** How the calls of extended attributes are called: the same on Linux and, with more arguments, on macOS. */
type AttributeCalls = Pick<
  NativeCalls,
  'listAttributes' | 'getAttribute' | 'setAttribute' | 'removeAttribute'
>

/** Undefined on a machine that koffi has no addon for, or that this module knows no numbers of. */
export async function openNative(): Promise<NativeCalls | undefined> {
  const { platform } = process
  if ((platform !== 'linux' && platform !== 'darwin') || !ARCHITECTURES.includes(process.arch))
    return undefined
  try {
    const koffi = await import('koffi')
    return bind(koffi, platform)
  } catch {
    // Not installed, or made for another C library: it is optional, and why it fails is nothing a user can mend here.
    return undefined
  }
}

function bind(koffi: Koffi, platform: 'linux' | 'darwin'): NativeCalls {
  // The C library of this very process, whatever it is called.
  const library = koffi.load(null)
  const constants = CONSTANTS[platform]
  const failure = (call: string): Error => systemError(koffi.errno(), call)
  const check = (result: number, call: string): number => {
    if (result === -1) throw failure(call)
    return result
  }
  const utimensat: (at: number, path: Uint8Array, times: BigInt64Array, flags: number) => number =
    library.func('utimensat', 'int', ['int', 'void *', 'void *', 'int'])
  const mknod: (path: Uint8Array, mode: number, device: bigint) => number =
    platform === 'linux'
      ? library.func('mknod', 'int', ['void *', 'uint32', 'uint64'])
      : library.func('mknod', 'int', ['void *', 'uint16', 'int32'])
  const lseek: (file: number, offset: number, whence: number) => number = library.func('lseek', 'int64', [
    'int',
    'int64',
    'int',
  ])
  return {
    ...(platform === 'linux' ? linuxAttributes(library, check) : darwinAttributes(library, check)),
    setModifiedAt(path, nanoseconds) {
      const inSecond = BigInt.asUintN(
        64,
        ((nanoseconds % NANOSECONDS_PER_SECOND) + NANOSECONDS_PER_SECOND) % NANOSECONDS_PER_SECOND,
      )
      const seconds = (nanoseconds - inSecond) / NANOSECONDS_PER_SECOND
      const times = new BigInt64Array([0n, constants.UTIME_OMIT, seconds, inSecond])
      check(
        utimensat(constants.AT_FDCWD, terminated(path), times, constants.AT_SYMLINK_NOFOLLOW),
        'utimensat',
      )
    },
    makeNode(path, { kind, mode, deviceNumber }) {
      check(mknod(terminated(path), TYPE_BITS[kind] | mode, deviceNumber), 'mknod')
    },
    nextData(file, offset) {
      const found = lseek(file, offset, constants.SEEK_DATA)
      if (found !== -1) return found
      const error = failure('lseek')
      if ('code' in error && error.code === 'ENXIO') return undefined
      throw error
    },
    nextHole: (file, offset) => check(lseek(file, offset, constants.SEEK_HOLE), 'lseek'),
    syncFileSystem: syncOf(library, platform),
  }
}

type Check = (result: number, call: string) => number

function linuxAttributes(library: Library, check: Check): AttributeCalls {
  const list: (path: Uint8Array, room: Uint8Array | null, size: number) => number = library.func(
    'llistxattr',
    'intptr_t',
    ['void *', 'void *', 'size_t'],
  )
  const get: (path: Uint8Array, name: Uint8Array, room: Uint8Array | null, size: number) => number =
    library.func('lgetxattr', 'intptr_t', ['void *', 'void *', 'void *', 'size_t'])
  const set: (path: Uint8Array, name: Uint8Array, value: Uint8Array, size: number, flags: number) => number =
    library.func('lsetxattr', 'int', ['void *', 'void *', 'void *', 'size_t', 'int'])
  const remove: (path: Uint8Array, name: Uint8Array) => number = library.func('lremovexattr', 'int', [
    'void *',
    'void *',
  ])
  return attributeCalls(
    {
      list: (path, room) => list(path, room, room?.length ?? 0),
      get: (path, name, room) => get(path, name, room, room?.length ?? 0),
      set: (path, name, value) => set(path, name, value, value.length, 0),
      remove,
    },
    check,
  )
}

function darwinAttributes(library: Library, check: Check): AttributeCalls {
  const list: (path: Uint8Array, room: Uint8Array | null, size: number, options: number) => number =
    library.func('listxattr', 'intptr_t', ['void *', 'void *', 'size_t', 'int'])
  const arguments6 = ['void *', 'void *', 'void *', 'size_t', 'uint32', 'int']
  type Call<Room> = (
    path: Uint8Array,
    name: Uint8Array,
    room: Room,
    size: number,
    position: number,
    options: number,
  ) => number
  const get: Call<Uint8Array | null> = library.func('getxattr', 'intptr_t', arguments6)
  const set: Call<Uint8Array> = library.func('setxattr', 'int', arguments6)
  const remove: (path: Uint8Array, name: Uint8Array, options: number) => number = library.func(
    'removexattr',
    'int',
    ['void *', 'void *', 'int'],
  )
  return attributeCalls(
    {
      list: (path, room) => list(path, room, room?.length ?? 0, XATTR_NOFOLLOW),
      get: (path, name, room) => get(path, name, room, room?.length ?? 0, 0, XATTR_NOFOLLOW),
      set: (path, name, value) => set(path, name, value, value.length, 0, XATTR_NOFOLLOW),
      remove: (path, name) => remove(path, name, XATTR_NOFOLLOW),
    },
    check,
  )
}

interface RawAttributeCalls {
  list(path: Uint8Array, room: Uint8Array | null): number
  get(path: Uint8Array, name: Uint8Array, room: Uint8Array | null): number
  set(path: Uint8Array, name: Uint8Array, value: Uint8Array): number
  remove(path: Uint8Array, name: Uint8Array): number
}

function attributeCalls(raw: RawAttributeCalls, check: Check): AttributeCalls {
  // One room for all calls: what is found in it is copied out before the next.
  const room = new Uint8Array(ATTRIBUTE_ROOM_BYTES)
  /** Asks once more for the size if the room is too small. */
  const read = (call: string, ask: (room: Uint8Array | null) => number): Uint8Array => {
    try {
      return room.slice(0, check(ask(room), call))
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ERANGE')) throw error
    }
    const larger = new Uint8Array(check(ask(null), call))
    return larger.subarray(0, check(ask(larger), call))
  }
  return {
    listAttributes(path) {
      const terminatedPath = terminated(path)
      return splitNames(read('listxattr', (into) => raw.list(terminatedPath, into)))
    },
    getAttribute(path, name) {
      const [terminatedPath, terminatedName] = [terminated(path), terminated(name)]
      try {
        return read('getxattr', (into) => raw.get(terminatedPath, terminatedName, into))
      } catch (error) {
        const isGone =
          error instanceof Error && 'code' in error && /^(ENODATA|ENOATTR)$/.test(String(error.code))
        if (isGone) return undefined
        throw error
      }
    },
    setAttribute: (path, name, value) =>
      void check(raw.set(terminated(path), terminated(name), value), 'setxattr'),
    removeAttribute: (path, name) =>
      void check(raw.remove(terminated(path), terminated(name)), 'removexattr'),
  }
}

function syncOf(library: Library, platform: 'linux' | 'darwin'): NativeCalls['syncFileSystem'] {
  // It takes as long as the disk needs, so it alone runs on a thread of its own.
  const call =
    platform === 'linux' ? library.func('syncfs', 'int', ['int']) : library.func('sync', 'void', [])
  return (file) =>
    new Promise((resolve, reject) => {
      const onDone = (error: unknown, result: unknown): void => {
        if (error !== null && error !== undefined) reject(error)
        else if (result === -1) reject(systemError(EIO, 'syncfs'))
        else resolve()
      }
      if (platform === 'linux') call.async(file, onDone)
      else call.async(onDone)
    })
}

/** What a file system that cannot sync has met; the number of the error stays on the other thread. */
const EIO = 5

/** As Node's own: with a `code`, an `errno` and the name of the call. */
function systemError(errno: number, syscall: string): Error {
  const code = errno > 0 ? getSystemErrorName(-errno) : 'UNKNOWN'
  return Object.assign(new Error(`${code}: ${syscall}`), { code, errno: -errno, syscall })
}

function terminated(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([bytes, NUL])
}

function splitNames(list: Uint8Array): Uint8Array[] {
  const names: Uint8Array[] = []
  for (let start = 0; start < list.length; ) {
    const end = list.indexOf(0, start)
    if (end <= start) break
    names.push(list.subarray(start, end))
    start = end + 1
  }
  return names
}
