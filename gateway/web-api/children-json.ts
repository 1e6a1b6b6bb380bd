/** Children as Tahoe's clients send them: `{"name": ["filenode", {"rw_uri", "ro_uri", "metadata"}]}`. */
import { z } from 'zod'
import { type EntryMetadata, formatCapability, InvalidInputError, parseCapability } from '#crypto'
import type { NamedChild } from '#node'
import { childMessage } from '../directory-messages.ts'
import { nameOf } from './request-path.ts'

const capabilityText = z.string().max(1024).nullish()
/** What is told beside this (sizes, verify capabilities, formats) follows from the capability, and is passed over. */
const about = z.object({
  rw_uri: capabilityText,
  ro_uri: capabilityText,
  size: z.int().min(0).nullish(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
})
const node = z.tuple([z.enum(['filenode', 'dirnode', 'unknown']), about])

/**
 * At most so many: an edit takes no more at once. Names are checked one by one, so that a name is no key of an
 * object of ours.
 */
export function childrenBody(
  countMax: number,
  options: { readonly nowMilliseconds: number },
): z.ZodType<readonly NamedChild[]> {
  return z
    .custom<object>((value) => typeof value === 'object' && value !== null && !Array.isArray(value))
    .transform((value, context): readonly NamedChild[] => {
      const entries = Object.entries(value)
      try {
        if (entries.length > countMax) {
          throw new InvalidInputError(`at most ${countMax} children are wanted, found ${entries.length}`)
        }
        return entries.map(([name, one]) => childOf(name, one, options.nowMilliseconds))
      } catch (error) {
        if (!(error instanceof InvalidInputError)) throw error
        context.issues.push({ code: 'custom', message: error.message, input: undefined })
        return z.NEVER
      }
    })
}

function childOf(name: string, value: unknown, nowMilliseconds: number): NamedChild {
  const parsed = node.safeParse(value)
  if (!parsed.success) {
    throw new InvalidInputError(
      'a child is ["filenode" or "dirnode", {"rw_uri" or "ro_uri": …, "metadata": {…}}]',
    )
  }
  const [, { rw_uri, ro_uri, size, metadata }] = parsed.data
  const text = rw_uri ?? ro_uri
  if (text == null) throw new InvalidInputError('a child has rw_uri or ro_uri, found neither')
  return readable({ name, text, metadata: { ...metadata }, size: size ?? undefined }, nowMilliseconds)
}

/** By the schema of API.md §5, which knows what metadata may be, and that a child at least reads. */
function readable(
  child: {
    readonly name: string
    readonly text: string
    readonly metadata: Readonly<Record<string, unknown>>
    readonly size: number | undefined
  },
  nowMilliseconds: number,
): NamedChild {
  const { tahoe, ...user } = child.metadata
  const times = z.object({ linkmotime: z.number().min(0).max(1e11) }).safeParse(tahoe)
  const modifiedAtMilliseconds = times.success ? Math.round(times.data.linkmotime * 1000) : nowMilliseconds
  const parsed = childMessage.safeParse({
    name: nameOf(child.name),
    capability: formatCapability(parseCapability(child.text.trim())),
    metadata: { sizeBytes: child.size, modifiedAtMilliseconds, user },
  })
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new InvalidInputError(
    issue?.code === 'custom' ? issue.message : 'metadata is text, whole numbers from 0, and booleans',
  )
}

/** Metadata of a child that is linked without any. */
export function metadataOf(sizeBytes: number | undefined): EntryMetadata {
  return sizeBytes === undefined ? {} : { sizeBytes }
}
