/** What a client that may be killed tells its judge, a line each, before and after whatever it does. */
import { z } from 'zod'

/**
 * A *thing* is what a client changes: an entry of a directory, or a slot. Its *value* is a text: what an entry points to,
 * what a slot holds; empty if there is none.
 */
const toldMessage = z.discriminatedUnion('kind', [
  /** From here on the thing may have that value. */
  z.strictObject({ kind: z.literal('begun'), thing: z.string(), value: z.string() }),
  /** From here on it has that value. */
  z.strictObject({ kind: z.literal('done'), thing: z.string(), value: z.string() }),
  /** A file was put; nothing need point to it. */
  z.strictObject({ kind: z.literal('stored'), value: z.string() }),
  /** An operation failed, as it may under faults. */
  z.strictObject({ kind: z.literal('failed'), code: z.string() }),
  /** Something was read and was as it should be. */
  z.strictObject({ kind: z.literal('read') }),
  /** Something that must never be. */
  z.strictObject({
    kind: z.literal('broken'),
    what: z.enum(['wrong bytes', 'loss', 'bug']),
    message: z.string(),
  }),
  z.strictObject({ kind: z.literal('paused') }),
])
export type Told = z.output<typeof toldMessage>

export function formatTold(told: Told): string {
  return `${JSON.stringify(told)}\n`
}

export function parseTold(line: string): Told {
  return toldMessage.parse(JSON.parse(line))
}

/** What the judge sends to a client, a line each; the first line is the work. */
export const workMessage = z.strictObject({
  /** Contents and names follow from it. */
  name: z.string(),
  /** Folder of the home to work from. */
  home: z.string(),
  /** Only through the home's daemon, never by a node of its own. */
  viaDaemon: z.boolean(),
  seed: z.number(),
  /** Write capabilities of directories, by name. */
  directories: z.record(z.string(), z.string()),
})
export type Work = z.output<typeof workMessage>

/** A file as told: its capability and what its content is made from. */
export interface StoredFile {
  readonly capability: string
  readonly seed: string
  readonly sizeBytes: number
}

export function formatStored({ capability, seed, sizeBytes }: StoredFile): string {
  return `${capability} ${seed} ${sizeBytes}`
}

export function parseStored(value: string): StoredFile {
  const [capability = '', seed = '', size = ''] = value.split(' ')
  return { capability, seed, sizeBytes: Number(size) }
}
