/** A part of a snapshot as a tar archive, in the form of POSIX 2001 (pax), with times in nanoseconds and attributes. */
import { createTarPacker, type TarHeader } from 'modern-tar'
import { type EntryKind, InvalidInputError, type TreeEntry } from '#crypto'
import { asText, namesOfPath, printableBytes } from './byte-path.ts'
import { millisecondsOf } from './describe-entry.ts'
import type { Cancel, RepositoryReader } from './repository/types.ts'
import { type Spot, walkTree } from './walk.ts'

/** Files with several names whose first is remembered; the names of more are files of their own. */
const LINKS_MAX = 65_536
const NANOSECONDS_PER_SECOND = 1_000_000_000n

type Reader = Pick<RepositoryReader, 'readTree' | 'readContent'>
type Controller = ReturnType<typeof createTarPacker>['controller']

export interface TarOptions extends Cancel {
  /** Told of what an archive does not hold as it is: sockets, devices, names that are not UTF-8. */
  readonly onProblem: (problem: { readonly path: Uint8Array; readonly error: unknown }) => void
}

/**
 * The folder and all below it, under its own name; of the root, all that is in it. The archive is made as it is read.
 */
export async function* tarOf(
  reader: Reader,
  folder: Spot,
  options: TarOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { readable, controller } = createTarPacker()
  const writing = new TarWriter(reader, controller, { ...options, folder }).writeAll()
  // Whoever reads the archive hears of it; until then nobody else does.
  writing.catch((error: unknown) => controller.error(error))
  try {
    for await (const bytes of readable) yield bytes
  } finally {
    await writing.catch(() => undefined)
  }
}

class TarWriter {
  readonly #reader: Reader
  readonly #controller: Controller
  readonly #options: TarOptions & { readonly folder: Spot }
  /** How many names of a path are above the archive. */
  readonly #namesAbove: number
  /** The first name of a file that has several, by device and inode. */
  readonly #links = new Map<string, string>()

  constructor(reader: Reader, controller: Controller, options: TarOptions & { readonly folder: Spot }) {
    this.#reader = reader
    this.#controller = controller
    this.#options = options
    this.#namesAbove = Math.max(0, namesOfPath(options.folder.path).length - 1)
  }

  async writeAll(): Promise<void> {
    const { folder, signal } = this.#options
    const { path, entry, content } = folder
    if (entry !== undefined) await this.#write(path, entry)
    if (content !== undefined) {
      for await (const walked of walkTree(this.#reader, content, { path, signal })) {
        await this.#write(walked.path, walked.entry)
      }
    }
    this.#controller.finalize()
  }

  async #write(path: Uint8Array, entry: TreeEntry): Promise<void> {
    const { signal, onProblem } = this.#options
    signal?.throwIfAborted()
    const { kind, content } = entry
    const type = TYPES[kind]
    if (type === undefined) {
      onProblem({ path, error: new InvalidInputError(`not in the archive: it is a ${kind}`) })
      return
    }
    const name = this.#nameOf(path)
    const first = kind === 'file' ? this.#firstName(entry, name) : undefined
    const kindOf = first === undefined ? { type } : ({ type: 'link', linkname: first } as const)
    const body = this.#controller.add({ ...headerOf(entry, name), ...kindOf }).getWriter()
    if (kindOf.type === 'file' && content !== undefined) {
      for await (const bytes of this.#reader.readContent(content, { signal })) await body.write(bytes)
    }
    await body.close()
  }

  #nameOf(path: Uint8Array): string {
    const names = namesOfPath(path).slice(this.#namesAbove)
    const texts = names.map(asText)
    if (texts.every((text) => text !== undefined)) return texts.join('/')
    const name = names.map(printableBytes).join('/')
    this.#options.onProblem({
      path,
      error: new InvalidInputError(`the name is not UTF-8, and another in the archive: ${name}`),
    })
    return name
  }

  /** Undefined: this is the first, or the only one. */
  #firstName({ linkCount, device, inode }: TreeEntry, name: string): string | undefined {
    if (linkCount < 2) return undefined
    const key = `${device}:${inode}`
    const first = this.#links.get(key)
    if (first === undefined && this.#links.size < LINKS_MAX) this.#links.set(key, name)
    return first
  }
}

/** What an archive has no form for, or none that this library writes, is missing. */
const TYPES: Readonly<Partial<Record<EntryKind, NonNullable<TarHeader['type']>>>> = {
  file: 'file',
  folder: 'directory',
  symlink: 'symlink',
  fifo: 'fifo',
}

function headerOf(entry: TreeEntry, name: string): TarHeader {
  const { kind, mode, uid, gid, user, group, target, content } = entry
  return {
    name: kind === 'folder' ? `${name}/` : name,
    size: kind === 'file' ? (content?.sizeBytes ?? 0) : 0,
    mode,
    uid,
    gid,
    mtime: new Date(Math.max(0, millisecondsOf(entry.modifiedAtNanoseconds))),
    ...(user === undefined ? {} : { uname: user }),
    ...(group === undefined ? {} : { gname: group }),
    ...(target === undefined ? {} : { linkname: asText(target) ?? printableBytes(target) }),
    pax: { mtime: secondsText(entry.modifiedAtNanoseconds), ...attributesOf(entry) },
  }
}

/** As GNU tar, bsdtar and star have them. Those that are not text are left out: a record holds text. */
function attributesOf({ attributes = [] }: TreeEntry): Record<string, string> {
  const records: Record<string, string> = {}
  for (const attribute of attributes) {
    const [name, value] = [asText(attribute.name), asText(attribute.value)]
    if (name !== undefined && value !== undefined && !name.includes('='))
      records[`SCHILY.xattr.${name}`] = value
  }
  return records
}

/** Decimal, before 1970 too. */
function secondsText(nanoseconds: bigint): string {
  const absolute = nanoseconds < 0n ? -nanoseconds : nanoseconds
  const rest = String(absolute % NANOSECONDS_PER_SECOND).padStart(9, '0')
  return `${nanoseconds < 0n ? '-' : ''}${absolute / NANOSECONDS_PER_SECOND}.${rest}`
}
