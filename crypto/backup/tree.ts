/** Trees as streams of records (FORMAT §18.7): one entry is held at a time, however large the folder. */
import { compareBytes, concatAll } from '../bytes.ts'
import { InvalidInputError } from '../errors.ts'
import { formatTreeEntry, parseTreeEntry, RECORD_SIZE_BYTES, TREE_ENTRY_MAX_BYTES } from './tree-entry.ts'
import type { TreeEntry } from './types.ts'

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
    yield formatTreeEntry(entry)
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
  const records = new RecordSplitter()
  for await (const buffer of source) {
    for (const record of records.next(buffer)) {
      const entry = parseTreeEntry(record)
      checkOrder(before, entry.name)
      before = entry.name
      yield entry
    }
  }
  records.finish()
}

/** Finds where records end in bytes that come in buffers. Holds no more than a record and a buffer. */
class RecordSplitter {
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  /** Bytes of the record that waits; of its size, as long as that is not known. */
  #wantedBytes = RECORD_SIZE_BYTES

  finish(): void {
    if (this.#waitingBytes > 0) throw new InvalidInputError('tree: it is cut short')
  }

  /** The records that end in the buffer, as views of it where they lie in it whole. */
  *next(buffer: Uint8Array): Generator<Uint8Array, void, undefined> {
    this.#waiting.push(buffer)
    this.#waitingBytes += buffer.length
    // Joined only when there is enough: else a record in many small buffers would be copied for each of them.
    if (this.#waitingBytes < this.#wantedBytes) return
    let rest = this.#waiting.length === 1 ? buffer : concatAll(this.#waiting)
    for (;;) {
      this.#wantedBytes = recordSizeOf(rest)
      if (rest.length < this.#wantedBytes || rest.length < RECORD_SIZE_BYTES) break
      yield rest.subarray(0, this.#wantedBytes)
      rest = rest.subarray(this.#wantedBytes)
    }
    this.#waiting = [rest]
    this.#waitingBytes = rest.length
  }
}

/** Of the whole record; if its size is not there yet, RECORD_SIZE_BYTES. */
function recordSizeOf(rest: Uint8Array): number {
  if (rest.length < RECORD_SIZE_BYTES) return RECORD_SIZE_BYTES
  const view = new DataView(rest.buffer, rest.byteOffset, rest.byteLength)
  const size = RECORD_SIZE_BYTES + view.getUint32(0)
  if (size > TREE_ENTRY_MAX_BYTES) {
    throw new InvalidInputError(
      `tree: a record of at most ${TREE_ENTRY_MAX_BYTES} bytes wanted, found ${size}`,
    )
  }
  return size
}

function checkOrder(before: Uint8Array, name: Uint8Array): void {
  if (compareBytes(before, name) < 0) return
  throw new InvalidInputError('tree: entries come in the order of their names, each once')
}
