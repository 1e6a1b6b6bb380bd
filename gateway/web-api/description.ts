/** `t=json`: what a capability is, in the shapes that Tahoe's clients know (WEB-API.md §6). */
import {
  type Capability,
  type EntryMetadata,
  formatCapability,
  toReadCapability,
  toVerifyCapability,
  type UserMetadata,
} from '#crypto'
import { type DirectoryCapability, isDirectory, type NamedChild } from '#node'
import { requireContent } from '../capabilities.ts'
import type { WebCall } from './web-call.ts'

export type Description = readonly ['filenode' | 'dirnode', Readonly<Record<string, unknown>>]

/** @param sizeBytes if it is known */
export function describe(
  capability: Capability,
  {
    sizeBytes,
    metadata,
  }: { readonly sizeBytes?: number | undefined; readonly metadata?: EntryMetadata | undefined },
): Description {
  const isDir =
    isDirectory(capability) || capability.kind === 'dir-verify' || capability.kind === 'tree-verify'
  return [
    isDir ? 'dirnode' : 'filenode',
    {
      ...capabilityTexts(capability),
      mutable: isMutable(capability),
      format: formatOf(capability),
      ...(isDir ? {} : { size: sizeOf(capability, sizeBytes ?? metadata?.sizeBytes) }),
      ...(metadata === undefined ? {} : { metadata: metadataJson(metadata) }),
    },
  ]
}

/** The strongest first; what the capability does not grant is left out. */
function capabilityTexts(capability: Capability): Readonly<Record<string, string>> {
  const weakened = capability.kind === 'lit' ? undefined : toVerifyCapability(capability)
  return {
    ...(capability.access === 'write' ? { rw_uri: formatCapability(capability) } : {}),
    ...(capability.access === 'verify' ? {} : { ro_uri: formatCapability(toReadCapability(capability)) }),
    ...(weakened === undefined ? {} : { verify_uri: formatCapability(weakened) }),
  }
}

function isMutable({ kind }: Capability): boolean {
  return kind.startsWith('slot') || kind.startsWith('dir')
}

/** By the nearest of Tahoe's: a client that knows them knows what it may do. */
function formatOf(capability: Capability): 'LIT' | 'CHK' | 'SDMF' {
  if (capability.kind === 'lit') return 'LIT'
  return isMutable(capability) ? 'SDMF' : 'CHK'
}

/** Null if it is not known without asking the grid. */
function sizeOf(capability: Capability, sizeBytes: number | undefined): number | null {
  if (capability.kind === 'lit') return capability.content.reveal().length
  return sizeBytes ?? null
}

/** User metadata as it is, and times where Tahoe has them, in seconds. */
function metadataJson({ modifiedAtMilliseconds, user = {} }: EntryMetadata): object {
  const values = Object.entries(user).map(([name, value]) => [name, userJson(value)] as const)
  if (modifiedAtMilliseconds === undefined) return Object.fromEntries(values)
  const seconds = modifiedAtMilliseconds / 1000
  return { ...Object.fromEntries(values), tahoe: { linkmotime: seconds } }
}

function userJson(value: UserMetadata[string]): unknown {
  return value instanceof Uint8Array ? { base64: Buffer.from(value).toString('base64') } : value
}

/** Of what no directory tells the size is asked of the grid. */
export async function describeContent(
  { parts, signal }: WebCall,
  capability: Capability,
  metadata: EntryMetadata | undefined,
): Promise<Description> {
  if (capability.access === 'verify' || capability.kind === 'lit') return describe(capability, { metadata })
  const content = await parts.files.get(requireContent(capability), { signal })
  await content.close()
  return describe(capability, { sizeBytes: content.fileSizeBytes, metadata })
}

/** The description of a directory with its children, a piece at a time: it may have any number of them. */
export async function* describeDirectory(
  { parts, signal }: WebCall,
  capability: DirectoryCapability,
  metadata: EntryMetadata | undefined,
): AsyncGenerator<string, void, undefined> {
  const [type, about] = describe(capability, { metadata })
  const head = JSON.stringify([type, { ...about, children: {} }])
  let before = head.slice(0, -'}}]'.length)
  for await (const child of parts.files.list(capability, { signal })) {
    yield before + childJson(child)
    before = ','
  }
  yield `${before === ',' ? '' : before}}}]\n`
}

function childJson({ name, capability, metadata }: NamedChild): string {
  return `${JSON.stringify(name)}:${JSON.stringify(describe(capability, { metadata }))}`
}
