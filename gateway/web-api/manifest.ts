/** What is below a directory: the lines of stream-manifest, and the figures of deep-size and deep-stats. */
import type { FastifyReply } from 'fastify'
import { type Capability, formatCapability, slotStorageIndex, toBase32, toVerifyCapability } from '#crypto'
import { isDirectory, mapInOrder, type WalkedChild } from '#node'
import { requireContent, requireDirectory } from '../capabilities.ts'
import { LINES_TYPE } from '../routes/lines.ts'
import { withError } from './check-forms.ts'
import type { WebPath } from './request-path.ts'
import { thingAt } from './tree.ts'
import { sendPieces, type WebCall, type WebParts } from './web-call.ts'

/** Sizes that no directory tells are asked of the grid, so many at once. */
const SIZES_IN_FLIGHT = 8

export interface ManifestEntry {
  readonly path: readonly string[]
  readonly capability: Capability
  /** Of a file or slot; undefined of a directory. */
  readonly sizeBytes: number | undefined
}

/** The root itself with an empty path, then all below it in the order of a walk. */
export async function* manifestEntries(
  parts: Pick<WebParts, 'files'>,
  root: Capability,
  { signal }: { readonly signal: AbortSignal },
): AsyncGenerator<ManifestEntry, void, undefined> {
  const directory = requireDirectory(root)
  const walked = parts.files.walk(directory, { signal })
  const below = mapInOrder(walked, SIZES_IN_FLIGHT, async ({ path, child }: WalkedChild) => {
    return { path, capability: child.capability, sizeBytes: await sizeOf(parts, child, signal) }
  })
  try {
    // A directory that cannot be read has no first entry: not even itself.
    let next = await below.next()
    yield { path: [], capability: directory, sizeBytes: undefined }
    for (; next.done !== true; next = await below.next()) yield next.value
  } finally {
    await below.return()
  }
}

async function sizeOf(
  { files }: Pick<WebParts, 'files'>,
  { capability, metadata }: WalkedChild['child'],
  signal: AbortSignal,
): Promise<number | undefined> {
  if (isDirectory(capability)) return undefined
  if (capability.kind === 'file' && metadata.sizeBytes !== undefined) return metadata.sizeBytes
  const content = await files.get(requireContent(capability), { signal })
  await content.close()
  return content.fileSizeBytes
}

/** POST ?t=stream-manifest */
export async function streamManifest(call: WebCall, path: WebPath): Promise<FastifyReply> {
  const { parts, signal } = call
  const { capability: root } = await thingAt(call, path)
  async function* lines(): AsyncGenerator<string, void, undefined> {
    const counts = new TreeCounts()
    for await (const entry of manifestEntries(parts, root, { signal })) {
      counts.add(entry)
      yield `${JSON.stringify(manifestLine(entry))}\n`
    }
    yield `${JSON.stringify({ type: 'stats', stats: counts.json() })}\n`
  }
  return sendPieces(call, LINES_TYPE, withError(call, lines()))
}

function manifestLine({ path, capability }: ManifestEntry) {
  const verify = capability.kind === 'lit' ? undefined : toVerifyCapability(capability)
  const verifyText = verify === undefined ? null : formatCapability(verify)
  return {
    type: isDirectory(capability) ? 'directory' : 'file',
    path,
    cap: formatCapability(capability),
    verifycap: verifyText,
    repaircap: verifyText,
    'storage-index': verify === undefined ? '' : storageIndexOf(verify),
  }
}

function storageIndexOf(verify: ReturnType<typeof toVerifyCapability>): string | null {
  switch (verify.kind) {
    case 'file-verify':
      return toBase32(verify.storageIndex)
    case 'slot-verify':
    case 'dir-verify':
      return toBase32(slotStorageIndex(verify.publicKey))
    default:
      return null
  }
}

/** Figures of a tree, of fixed size however large it is. What two names lead to counts twice. */
export class TreeCounts {
  readonly #counts = { immutable: 0, mutable: 0, literal: 0, directories: 0 }
  readonly #sizes = { immutable: 0, mutable: 0, literal: 0 }
  #largest = 0

  add({ capability, sizeBytes = 0 }: ManifestEntry): void {
    if (isDirectory(capability)) {
      this.#counts.directories += 1
      return
    }
    const kind = capability.kind === 'lit' ? 'literal' : capability.kind === 'file' ? 'immutable' : 'mutable'
    this.#counts[kind] += 1
    this.#sizes[kind] += sizeBytes
    if (kind === 'immutable') this.#largest = Math.max(this.#largest, sizeBytes)
  }

  get sizeBytes(): number {
    const { immutable, mutable, literal } = this.#sizes
    return immutable + mutable + literal
  }

  json() {
    const { immutable, mutable, literal, directories } = this.#counts
    return {
      'count-immutable-files': immutable,
      'count-mutable-files': mutable,
      'count-literal-files': literal,
      'count-files': immutable + mutable + literal,
      'count-directories': directories,
      'count-unknown': 0,
      'size-immutable-files': this.#sizes.immutable,
      'size-mutable-files': this.#sizes.mutable,
      'size-literal-files': this.#sizes.literal,
      'largest-immutable-file': this.#largest,
    }
  }
}
