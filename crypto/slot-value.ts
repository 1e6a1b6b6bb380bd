/** What a slot that is no directory holds: any bytes, inline or in a file (FORMAT §16.3). */
import { toVerifyCapability } from './attenuate.ts'
import { type FileReadCapability, packCapability, unpackCapability } from './capability.ts'
import { InvalidInputError } from './errors.ts'
import { decodeFields, encodeFields } from './fields.ts'
import { SLOT_CONTENT_MAX_BYTES, type SlotContent } from './slot-record.ts'

/** A longer value goes into a file: the record is kept n times, a file costs n/k of its size. */
export const SLOT_VALUE_INLINE_MAX_BYTES = 16 * 1024

export type SlotValue =
  | { readonly kind: 'inline'; readonly bytes: Uint8Array }
  | { readonly kind: 'file'; readonly file: FileReadCapability }

export function formatSlotValue(value: SlotValue): SlotContent {
  const isInline = value.kind === 'inline'
  if (isInline && value.bytes.length > SLOT_VALUE_INLINE_MAX_BYTES) {
    throw new InvalidInputError(
      `an inline value has at most ${SLOT_VALUE_INLINE_MAX_BYTES} bytes, found ${value.bytes.length}`,
    )
  }
  const children = isInline ? [] : [packCapability(toVerifyCapability(value.file))]
  return {
    links: encodeFields({ children, nodes: [] }),
    body: encodeFields(isInline ? { value: value.bytes } : { file: packCapability(value.file) }),
  }
}

/** @throws InvalidInputError if the slot holds something else, such as a directory */
export function parseSlotValue({ body }: SlotContent): SlotValue {
  const fields = decodeFields(body, 'slot')
  const bytes = fields.optional('value', () => fields.bytesUpTo('value', SLOT_CONTENT_MAX_BYTES))
  if (bytes !== undefined) {
    fields.finish()
    return { kind: 'inline', bytes }
  }
  const file = unpackCapability(fields.bytesUpTo('file', SLOT_CONTENT_MAX_BYTES))
  fields.finish()
  if (file.kind !== 'file') throw new InvalidInputError('slot: a large value is a file')
  return { kind: 'file', file }
}
