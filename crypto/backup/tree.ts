/** Trees as streams of records (FORMAT §18.7): one entry is held at a time, however large the folder. */
import { ByteWriter, compareBytes, concat } from '../bytes.ts'
import { InvalidInputError } from '../errors.ts'
import { formatTreeEntry, parseTreeEntry, TREE_ENTRY_MAX_BYTES } from './tree-entry.ts'
import type { TreeEntry } from './types.ts'

const SIZE_BYTES = 4

/**
 * The bytes of a tree, a record at a time.
 *
 * @param entries by name, as bytes, each once
 * @throws InvalidInputError if they are not, or if an entry is not sound
 */
export async function* formatTree(
  entries: Iterable<TreeEntry> | AsyncIterable<TreeEntry>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let before: Uint8Array = new Uint8Array(0)
  for await (const entry of entries) {
    checkOrder(before, entry.name)
    before = entry.name
    const record = formatTreeEntry(entry)
    yield new ByteWriter(SIZE_BYTES + record.length).u32(record.length).bytes(record).finish()
  }
}

/**
 * The entries of a tree, in order.
 *
 * @param source its bytes, in buffers of any size
 * @throws InvalidInputError if a record is not sound, is out of order, or is cut short
 */
export async function* parseTree(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<TreeEntry, void, undefined> {
  let before: Uint8Array = new Uint8Array(0)
  for await (const record of recordsOf(source)) {
    const entry = parseTreeEntry(record)
    checkOrder(before, entry.name)
    before = entry.name
    yield entry
  }
}

/** The maps of the records; each is a view or a copy, and good until the next is asked for. */
async function* recordsOf(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let rest: Uint8Array = new Uint8Array(0)
  let wantedBytes = SIZE_BYTES
  const waiting: Uint8Array[] = []
  let waitingBytes = 0
  for await (const buffer of source) {
    waiting.push(buffer)
    waitingBytes += buffer.length
    // Joined only when a record is there: else a record in many small buffers would be copied for each of them.
    if (waitingBytes < wantedBytes) continue
    rest = waiting.length === 1 ? buffer : concat(...waiting)
    waiting.length = 0
    for (;;) {
      wantedBytes = recordSizeOf(rest)
      if (rest.length < wantedBytes || rest.length < SIZE_BYTES) break
      yield rest.subarray(SIZE_BYTES, wantedBytes)
      rest = rest.subarray(wantedBytes)
    }
    waiting.push(rest)
    waitingBytes = rest.length
  }
  if (waitingBytes > 0) throw new InvalidInputError('tree: it is cut short')
}

/** With its size; if that is not there yet, SIZE_BYTES. */
function recordSizeOf(rest: Uint8Array): number {
  if (rest.length < SIZE_BYTES) return SIZE_BYTES
  const size = new DataView(rest.buffer, rest.byteOffset, rest.byteLength).getUint32(0)
  if (size > TREE_ENTRY_MAX_BYTES) {
    throw new InvalidInputError(
      `tree: a record of at most ${TREE_ENTRY_MAX_BYTES} bytes wanted, found ${size}`,
    )
  }
  return SIZE_BYTES + size
}

function checkOrder(before: Uint8Array, name: Uint8Array): void {
  if (compareBytes(before, name) < 0) return
  throw new InvalidInputError('tree: entries come in the order of their names, each once')
}
