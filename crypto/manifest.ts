/**
 * The manifest: everything about an immutable file that its root commits to (FORMAT §8).
 *
 * | offset | size | field |
 * |---|---|---|
 * | 0 | 1 | version, 1 |
 * | 1 | 1 | k, needed shares |
 * | 2 | 1 | n, total shares |
 * | 3 | 1 | matrix id |
 * | 4 | 1 | layout id |
 * | 5 | 4 | segment size in bytes |
 * | 9 | 8 | file size in bytes |
 * | 17 | 32 | storage index |
 * | 49 | 32 | root of the sealed tree |
 * | 81 | 32 n | roots of the n block trees, by share number |
 */
import { ByteReader, ByteWriter, equalBytes } from './bytes.ts'
import { LAYOUT, type LayoutId, MATRIX, type MatrixId } from './erasure/code.ts'
import { assert, IntegrityError, InvalidInputError } from './errors.ts'
import { type Encoding, type FileGeometry, fileGeometry, TOTAL_SHARES_MAX } from './geometry.ts'
import {
  asFileRoot,
  asStorageIndex,
  asTreeHash,
  type FileRoot,
  HASH_SIZE_BYTES,
  type StorageIndex,
  shortIndex,
  type TreeHash,
  taggedHash,
} from './hash.ts'
import { TAGS } from './tags.ts'

export const MANIFEST_VERSION = 1
const MANIFEST_HEAD_SIZE_BYTES = 81
export const MANIFEST_SIZE_MAX_BYTES = MANIFEST_HEAD_SIZE_BYTES + TOTAL_SHARES_MAX * HASH_SIZE_BYTES

export interface Manifest {
  readonly encoding: Encoding
  readonly fileSizeBytes: number
  readonly storageIndex: StorageIndex
  readonly sealedRoot: TreeHash
  /** One for each share number. */
  readonly shareRoots: readonly TreeHash[]
}

export function manifestSizeBytes(totalShares: number): number {
  return MANIFEST_HEAD_SIZE_BYTES + totalShares * HASH_SIZE_BYTES
}

export function formatManifest(manifest: Manifest): Uint8Array {
  const { encoding, shareRoots } = manifest
  assert(shareRoots.length === encoding.totalShares, 'a manifest holds a root for each share')
  const writer = new ByteWriter(manifestSizeBytes(encoding.totalShares))
    .u8(MANIFEST_VERSION)
    .u8(encoding.neededShares)
    .u8(encoding.totalShares)
    .u8(encoding.matrix)
    .u8(encoding.layout)
    .u32(encoding.segmentSizeBytes)
    .u64(manifest.fileSizeBytes)
    .bytes(manifest.storageIndex)
    .bytes(manifest.sealedRoot)
  for (const root of shareRoots) writer.bytes(root)
  return writer.finish()
}

/**
 * Read a manifest whose root is not known.
 *
 * @throws InvalidInputError on another version, values outside the limits, or another length than they ask
 */
export function parseManifest(bytes: Uint8Array): Manifest {
  const reader = new ByteReader(bytes, 'manifest')
  const version = reader.u8()
  if (version !== MANIFEST_VERSION) {
    throw new InvalidInputError(`manifest version ${MANIFEST_VERSION} wanted, found ${version}`)
  }
  const neededShares = reader.u8()
  const totalShares = reader.u8()
  const matrix = matrixOf(reader.u8())
  const layout = layoutOf(reader.u8())
  const encoding: Encoding = { neededShares, totalShares, matrix, layout, segmentSizeBytes: reader.u32() }
  const fileSizeBytes = reader.u64()
  fileGeometry(encoding, fileSizeBytes)
  const storageIndex = asStorageIndex(reader.bytes(HASH_SIZE_BYTES))
  const sealedRoot = asTreeHash(reader.bytes(HASH_SIZE_BYTES))
  const shareRoots = Array.from({ length: totalShares }, () => asTreeHash(reader.bytes(HASH_SIZE_BYTES)))
  reader.finish()
  return { encoding, fileSizeBytes, storageIndex, sealedRoot, shareRoots }
}

/** The `root` of a capability, from the manifest's bytes. */
export function manifestRoot(bytes: Uint8Array): FileRoot {
  return asFileRoot(taggedHash(TAGS.manifest, bytes))
}

/**
 * Read a manifest that must be the one of a capability.
 *
 * @throws IntegrityError if the bytes have another root, are malformed, or name another storage index
 */
export function parseManifestOf(
  file: { readonly storageIndex: StorageIndex; readonly root: FileRoot },
  bytes: Uint8Array,
): Manifest {
  const where = shortIndex(file.storageIndex)
  if (!equalBytes(manifestRoot(bytes), file.root)) {
    throw new IntegrityError(`the manifest of ${where} has another root than its capability`)
  }
  let manifest: Manifest
  try {
    manifest = parseManifest(bytes)
  } catch (cause) {
    throw new IntegrityError(`the manifest of ${where} is malformed`, {}, { cause })
  }
  if (!equalBytes(manifest.storageIndex, file.storageIndex)) {
    throw new IntegrityError(`the manifest of ${where} was made under another key`)
  }
  return manifest
}

export function manifestGeometry(manifest: Manifest): FileGeometry {
  return fileGeometry(manifest.encoding, manifest.fileSizeBytes)
}

function matrixOf(id: number): MatrixId {
  const found = Object.values(MATRIX).find((known) => known === id)
  if (found === undefined) throw new InvalidInputError(`manifest: unknown matrix ${id}`)
  return found
}

function layoutOf(id: number): LayoutId {
  const found = Object.values(LAYOUT).find((known) => known === id)
  if (found === undefined) throw new InvalidInputError(`manifest: unknown layout ${id}`)
  return found
}
