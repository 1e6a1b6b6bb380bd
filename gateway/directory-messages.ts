/**
 * Directories, slots and deep reports as JSON (API.md §5 to §8).
 *
 * Children and changes travel both ways and are parsed strictly: a key that nobody knows is refused, not dropped.
 */
import { z } from 'zod'
import {
  asStorageIndex,
  type Capability,
  type ChildCapability,
  type DirectoryWriteCapability,
  type EntryMetadata,
  formatCapability,
  fromBase32,
  InvalidInputError,
  type SlotWriteCapability,
  type StorageIndex,
  type TreeReadCapability,
  toBase32,
  USER_METADATA_MAX,
  type UserMetadata,
  type WriteCapability,
} from '#crypto'
import {
  type DeepReport,
  type DirectoryChange,
  type EditReport,
  type Found,
  isDirectory,
  type NamedChild,
  type SlotWarning,
  type WalkedChild,
} from '#node'
import { capabilityText, count, failure, listOf, maybe, parsedText, warning } from './message-parts.ts'

/** In one edit: a command that changes more goes in several, each of which holds or fails as a whole. */
export const EDIT_CHANGES_MAX = 1024
/** In one tree. */
export const TREE_CHILDREN_MAX = 65_536
/** Names of one path: deeper than any file system goes. */
export const PATH_NAMES_MAX = 1024

const childCapability = capabilityText(
  (capability): capability is WriteCapability | ChildCapability => capability.access !== 'verify',
  'a capability that reads or writes',
)
const directoryCapability = capabilityText(isDirectory, 'a capability of a directory')

/** Bytes are `{"base64": …}`; the rest is what JSON has. */
function userValueOf(value: unknown): UserMetadata[string] {
  if (typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : []
  const [key, text] = entries.length === 1 ? (entries[0] ?? []) : []
  if (key === 'base64' && typeof text === 'string') {
    const bytes = Buffer.from(text, 'base64')
    if (bytes.toString('base64') === text) return Uint8Array.from(bytes)
  }
  throw new InvalidInputError(
    'user metadata is text, whole numbers from 0, booleans, and bytes as {"base64": …}',
  )
}

/** By hand: a schema of records would drop a key that is called __proto__. */
const userMetadata = z
  .custom<object>((value) => typeof value === 'object' && value !== null && !Array.isArray(value))
  .transform((value, context): UserMetadata => {
    const entries = Object.entries(value)
    try {
      if (entries.length > USER_METADATA_MAX) {
        throw new InvalidInputError(`at most ${USER_METADATA_MAX} values of user metadata are wanted`)
      }
      return recordOf(entries.map(([name, one]) => [name, userValueOf(one)]))
    } catch (error) {
      if (!(error instanceof InvalidInputError)) throw error
      context.issues.push({ code: 'custom', message: error.message, input: undefined })
      return z.NEVER
    }
  })

function recordOf<Value>(entries: readonly (readonly [string, Value])[]): Readonly<Record<string, Value>> {
  const record: Record<string, Value> = {}
  for (const [name, value] of entries) Object.defineProperty(record, name, { value, enumerable: true })
  return record
}

const metadata: z.ZodType<EntryMetadata> = z.strictObject({
  sizeBytes: maybe(count),
  modifiedAtMilliseconds: maybe(count),
  user: maybe(userMetadata),
})

const childShape = { name: z.string(), capability: childCapability, metadata }
const ifExists = z.enum(['refuse', 'replace'])

export const childMessage: z.ZodType<NamedChild> = z.strictObject(childShape)

const changeMessage: z.ZodType<DirectoryChange> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('set'), ...childShape, ifExists }),
  z.strictObject({
    kind: z.literal('remove'),
    name: z.string(),
    ifMissing: z.enum(['refuse', 'ignore']),
  }),
  z.strictObject({ kind: z.literal('rename'), from: z.string(), to: z.string(), ifExists }),
])

/** What a client sends. */
export const editBody: z.ZodType<{
  readonly changes: readonly DirectoryChange[]
  readonly acceptRollback: boolean | undefined
}> = z.strictObject({
  changes: listOf(changeMessage, EDIT_CHANGES_MAX),
  acceptRollback: maybe(z.boolean()),
})
export const directoryBody: z.ZodType<{ readonly children: readonly NamedChild[] }> = z.strictObject({
  children: listOf(childMessage, EDIT_CHANGES_MAX),
})
export const treeBody: z.ZodType<{ readonly children: readonly NamedChild[] }> = z.strictObject({
  children: listOf(childMessage, TREE_CHILDREN_MAX),
})
export const findBody: z.ZodType<{ readonly path: readonly string[] }> = z.strictObject({
  path: listOf(z.string(), PATH_NAMES_MAX),
})

export const editMessage: z.ZodType<EditReport> = z.object({
  changed: z.boolean(),
  sequence: count,
  warnings: z.array(warning),
})

export const foundMessage: z.ZodType<Found> = z.object({
  capability: childCapability,
  metadata,
  parent: maybe(directoryCapability),
  name: maybe(z.string()),
  warnings: z.array(warning),
})

export const walkedMessage: z.ZodType<WalkedChild> = z.object({
  path: z.array(z.string()),
  child: childMessage,
})

const storageIndex: z.ZodType<StorageIndex> = parsedText((text) => asStorageIndex(fromBase32(text)))

export const deepReportMessage: z.ZodType<DeepReport> = z.object({
  kind: z.enum(['file', 'slot', 'directory', 'tree', 'node']),
  storageIndex,
  foundCount: count,
  wantedCount: count,
  isHealthy: z.boolean(),
  isRecoverable: z.boolean(),
  madeCount: count,
  failures: z.array(failure),
  warnings: z.array(warning),
})

/** The capability of what was made. */
export const madeDirectoryMessage: z.ZodType<{ readonly capability: DirectoryWriteCapability }> = z.object({
  capability: capabilityText((one): one is DirectoryWriteCapability => one.kind === 'dir', 'cairn:dir'),
})
export const madeTreeMessage: z.ZodType<{ readonly capability: TreeReadCapability }> = z.object({
  capability: capabilityText((one): one is TreeReadCapability => one.kind === 'tree', 'cairn:tree'),
})
export const madeSlotMessage: z.ZodType<{
  readonly capability: SlotWriteCapability
  readonly warnings: readonly SlotWarning[]
}> = z.object({
  warnings: z.array(warning),
  capability: capabilityText((one): one is SlotWriteCapability => one.kind === 'slot', 'cairn:slot'),
})

export function madeMessageOf(capability: Capability) {
  return { capability: formatCapability(capability) }
}

export function childMessageOf({ name, capability, metadata }: NamedChild) {
  return { name, capability: formatCapability(capability), metadata: metadataMessageOf(metadata) }
}

export function changeMessageOf(change: DirectoryChange) {
  if (change.kind !== 'set') return change
  return { kind: change.kind, ...childMessageOf(change), ifExists: change.ifExists }
}

export function foundMessageOf({ capability, metadata, parent, ...rest }: Found) {
  return {
    ...rest,
    capability: formatCapability(capability),
    metadata: metadataMessageOf(metadata),
    parent: parent === undefined ? undefined : formatCapability(parent),
  }
}

export function walkedMessageOf({ path, child }: WalkedChild) {
  return { path, child: childMessageOf(child) }
}

export function deepReportMessageOf(report: DeepReport) {
  return { ...report, storageIndex: toBase32(report.storageIndex) }
}

function metadataMessageOf({ sizeBytes, modifiedAtMilliseconds, user }: EntryMetadata) {
  const values = Object.entries(user ?? {}).map(([name, value]) => {
    const isBytes = value instanceof Uint8Array
    return [name, isBytes ? { base64: Buffer.from(value).toString('base64') } : value] as const
  })
  return { sizeBytes, modifiedAtMilliseconds, user: user === undefined ? undefined : recordOf(values) }
}
