/** The value of a slot that is no directory: any bytes, in the record or in a file that it points to. */
import {
  assert,
  concat,
  formatSlotValue,
  openSlotContent,
  parseSlotValue,
  SLOT_VALUE_INLINE_MAX_BYTES,
  type SlotReadCapability,
  type SlotValue,
  type SlotWriteCapability,
  slotKeys,
} from '#crypto'
import { bytesDownload, type Download, type DownloadOptions, downloadFile } from '../download/download.ts'
import { ConflictError } from '../errors.ts'
import type { Grid } from '../grid.ts'
import type { UploadSource } from '../upload/segments.ts'
import { uploadFile } from '../upload/upload.ts'
import type { UploadOptions } from '../upload/upload-options.ts'
import type { SlotOptions } from './replicas.ts'
import { type RetrievedSlot, retrieveSlot } from './retrieve.ts'
import { type PublishedSlot, type SlotUpdateOptions, updateSlot } from './update.ts'

export type PutSlotValueOptions = UploadOptions &
  SlotUpdateOptions & {
    /** Only if the record that holds has this sequence, 0 if there is none; else whatever stands is replaced. */
    readonly ifSequence?: number | undefined
  }

/**
 * Replace the value. Of two that race, the later one stays.
 *
 * @throws ConflictError if the slot is not at `ifSequence`; what `uploadFile` and `updateSlot` throw
 */
export async function putSlotValue(
  grid: Grid,
  capability: SlotWriteCapability,
  source: UploadSource,
  options: PutSlotValueOptions,
): Promise<PublishedSlot> {
  const content = formatSlotValue(await storeValue(grid, source, options))
  const { ifSequence } = options
  const edit = async (current: RetrievedSlot | undefined) => {
    const sequence = current?.record.sequence ?? 0
    if (ifSequence !== undefined && sequence !== ifSequence) {
      throw new ConflictError(`the slot was to be at record ${ifSequence}, found ${sequence}`, { sequence })
    }
    return content
  }
  return await updateSlot(grid, slotKeys(capability.seed.reveal()), edit, options)
}

export interface SlotValueReading {
  readonly slot: RetrievedSlot
  readonly download: Download
}

/**
 * Open the value for reading.
 *
 * @throws what `retrieveSlot` and `downloadFile` throw; InvalidInputError if the slot holds something else
 */
export async function getSlotValue(
  grid: Grid,
  capability: SlotWriteCapability | SlotReadCapability,
  options: SlotOptions & DownloadOptions,
): Promise<SlotValueReading> {
  const { publicKey, readKey } = capability.kind === 'slot' ? slotKeys(capability.seed.reveal()) : capability
  const slot = await retrieveSlot(grid, publicKey, options)
  const value = parseSlotValue(openSlotContent(slot.record, readKey.reveal()))
  const download =
    value.kind === 'inline'
      ? bytesDownload(value.bytes, options)
      : await downloadFile(grid, value.file, options)
  return { slot, download }
}

/** A short value as it is, a longer one as a file. */
async function storeValue(grid: Grid, source: UploadSource, options: UploadOptions): Promise<SlotValue> {
  const opened = source.open()[Symbol.asyncIterator]()
  const head: Uint8Array[] = []
  let sizeBytes = 0
  try {
    while (sizeBytes <= SLOT_VALUE_INLINE_MAX_BYTES) {
      options.signal?.throwIfAborted()
      const next = await opened.next()
      if (next.done === true) return { kind: 'inline', bytes: concat(...head) }
      head.push(next.value)
      sizeBytes += next.value.length
    }
    const whole = source.rereadable ? source : { ...source, open: () => chain(head, opened) }
    const { capability } = await uploadFile(grid, whole, options)
    assert(capability.kind === 'file', 'more than a literal holds is a file')
    return { kind: 'file', file: capability }
  } finally {
    await opened.return?.()
  }
}

async function* chain(
  head: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* head
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value
}
