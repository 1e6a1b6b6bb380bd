/** Frames of zstd (RFC 8878) by the threads of the process: a few at a time, so that others get their turn. */
import { promisify } from 'node:util'
import {
  constants,
  type ZstdOptions,
  zstdCompress,
  zstdCompressSync,
  zstdDecompress,
  zstdDecompressSync,
} from 'node:zlib'
import { COMPRESS_AT_ONCE_BYTES, COMPRESSIONS_IN_FLIGHT_MAX } from './limits.ts'
import { Turns } from './turns.ts'

const LEVEL = 3
const PARAMS = { [constants.ZSTD_c_compressionLevel]: LEVEL }
/** The least that Node takes as the size of its buffers. */
const BUFFER_MIN_BYTES = 64
/** A blob larger than some of these is judged by one of them, from its middle. */
const SAMPLE_BYTES = 32 * 1024
const SAMPLED_FROM_BYTES = 4 * SAMPLE_BYTES
/** A sample that keeps more than this share of its size speaks of pictures, films and archives. */
const WORTHWHILE_SHARE = 0.97

const compressElsewhere = promisify(zstdCompress)
const decompressElsewhere = promisify(zstdDecompress)
const turns = new Turns(COMPRESSIONS_IN_FLIGHT_MAX)

/** One frame; undefined where there is little to gain. The bytes must not change until it resolves. */
export async function compress(bytes: Uint8Array): Promise<Uint8Array | undefined> {
  if (bytes.length <= COMPRESS_AT_ONCE_BYTES) return plain(zstdCompressSync(bytes, optionsFor(bytes)))
  if (bytes.length >= SAMPLED_FROM_BYTES && !isWorthwhile(bytes)) return undefined
  return turns.run(async () => plain(await compressElsewhere(bytes, optionsFor(bytes))))
}

/** @throws if it is no frame, or one of more bytes than that */
export async function decompress(frame: Uint8Array, sizeMaxBytes: number): Promise<Uint8Array> {
  const options = { maxOutputLength: sizeMaxBytes }
  if (sizeMaxBytes <= COMPRESS_AT_ONCE_BYTES) return plain(zstdDecompressSync(frame, options))
  return turns.run(async () => plain(await decompressElsewhere(frame, options)))
}

/** A frame that knows its size takes tables that fit, and one buffer takes it all: two fifths less work at 32 KiB. */
function optionsFor({ length }: Uint8Array): ZstdOptions {
  return { params: PARAMS, pledgedSrcSize: length, chunkSize: Math.max(BUFFER_MIN_BYTES, length) }
}

function isWorthwhile(bytes: Uint8Array): boolean {
  const start = Math.floor((bytes.length - SAMPLE_BYTES) / 2)
  const sample = bytes.subarray(start, start + SAMPLE_BYTES)
  return zstdCompressSync(sample, optionsFor(sample)).length < SAMPLE_BYTES * WORTHWHILE_SHARE
}

function plain({ buffer, byteOffset, length }: Buffer): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length)
}
