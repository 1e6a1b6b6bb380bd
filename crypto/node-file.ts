/**
 * The content of an immutable file that carries a node of a directory (FORMAT §17.4).
 *
 * | offset | size | field |
 * |---|---|---|
 * | 0 | 1 | version, 1 |
 * | 1 | 4 | L, size of the links |
 * | 5 | L | links |
 * | 5 + L | the rest | body, sealed |
 *
 * Whoever may verify the directory may read the file, and so finds the links; the body opens only for readers.
 */
import { ByteReader, ByteWriter } from './bytes.ts'
import { InvalidInputError } from './errors.ts'
import type { BoxKey } from './hash.ts'
import { BOX_OVERHEAD_BYTES, openBox, sealBox } from './secret-box.ts'
import type { SlotContent } from './slot-record.ts'

const NODE_FILE_VERSION = 1
const HEAD_SIZE_BYTES = 5
/** A node is held in memory whole, by whoever reads it and whoever verifies it. */
export const NODE_FILE_MAX_BYTES = 4 * 1024 * 1024

/**
 * @param key bodyKey of the directory or tree that the node belongs to
 * @throws InvalidInputError if it has more than NODE_FILE_MAX_BYTES: no one would read it
 */
export function formatNodeFile(content: SlotContent, key: BoxKey): Uint8Array {
  const sizeBytes = HEAD_SIZE_BYTES + content.links.length + content.body.length + BOX_OVERHEAD_BYTES
  checkSize(sizeBytes)
  const body = sealBox(key, content.body)
  return new ByteWriter(sizeBytes)
    .u8(NODE_FILE_VERSION)
    .u32(content.links.length)
    .bytes(content.links)
    .bytes(body)
    .finish()
}

/** @throws InvalidInputError if it is not a node file; IntegrityError if the body was not sealed under this key */
export function parseNodeFile(bytes: Uint8Array, key: BoxKey): SlotContent {
  const { links, sealedBody } = partsOf(bytes)
  return { links, body: openBox(key, sealedBody, 'the body of a node') }
}

/** What a verifier sees. @throws InvalidInputError if it is not a node file */
export function parseNodeFileLinks(bytes: Uint8Array): Uint8Array {
  return partsOf(bytes).links
}

function partsOf(bytes: Uint8Array): { readonly links: Uint8Array; readonly sealedBody: Uint8Array } {
  checkSize(bytes.length)
  const reader = new ByteReader(bytes, 'node file')
  const version = reader.u8()
  if (version !== NODE_FILE_VERSION) {
    throw new InvalidInputError(`node file version ${NODE_FILE_VERSION} wanted, found ${version}`)
  }
  const links = reader.bytes(reader.u32())
  if (reader.remainingBytes < BOX_OVERHEAD_BYTES) throw new InvalidInputError('node file: it is cut short')
  return { links, sealedBody: reader.bytes(reader.remainingBytes) }
}

function checkSize(sizeBytes: number): void {
  if (sizeBytes <= NODE_FILE_MAX_BYTES) return
  throw new InvalidInputError(`node file: at most ${NODE_FILE_MAX_BYTES} bytes, found ${sizeBytes}`)
}
