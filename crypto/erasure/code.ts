/**
 * The erasure code as its users see it: parameters, and an encoder and reconstructor over blocks (FORMAT §6).
 *
 * Reed-Solomon over GF(2^8) with polynomial 0x11d, systematic: of the n blocks of a segment the first k are the
 * sealed segment itself cut into k equal runs, and any k of the n give it back.
 */

/** Which generator matrix makes the parity rows; the number stands in the manifest. */
export const MATRIX = Object.freeze({
  /** Row r of the k-column Vandermonde matrix V[r][c] = r^c over n rows, times the inverse of its first k rows. */
  vandermonde: 1,
} as const)
export type MatrixId = (typeof MATRIX)[keyof typeof MATRIX]

/** How the bytes of a block are read as symbols; the number stands in the manifest. */
export const LAYOUT = Object.freeze({
  /** Byte i of a block is symbol i. */
  bytes: 1,
  /** Groups of 512 bytes, each 8 strips of 64 bytes; strip b carries bit b of 512 symbols. */
  bits: 2,
} as const)
export type LayoutId = (typeof LAYOUT)[keyof typeof LAYOUT]

/** Block sizes are a multiple of this many bytes in each layout. */
export const BLOCK_UNIT_BYTES: Readonly<Record<LayoutId, number>> = Object.freeze({ 1: 1, 2: 512 })

export interface ErasureParameters {
  /** k: any k blocks rebuild a segment; 1 <= k <= n. */
  readonly neededShares: number
  /** n: blocks made of each segment; k <= n <= 255. */
  readonly totalShares: number
  readonly matrix: MatrixId
  readonly layout: LayoutId
}

/** Encodes and rebuilds the blocks of one segment at a time. Synchronous; one call at a time for each codec. */
export interface ErasureCodec {
  readonly parameters: ErasureParameters
  /**
   * Fill the parity blocks k .. n-1 from the data blocks 0 .. k-1.
   *
   * @param data k blocks of one size, a multiple of the layout's unit; only read
   * @param parity n - k blocks of the same size, owned by the caller, overwritten whole
   * @throws InvalidInputError on another number of blocks or on unequal or unfit sizes
   */
  encode(data: readonly Uint8Array[], parity: readonly Uint8Array[]): void
  /**
   * Make blocks again from any k others.
   *
   * @param present n entries; a block or undefined, at least k blocks of one size; only read
   * @param wanted share numbers to make, each undefined in `present`, without repeats
   * @param out one buffer of the block size for each wanted number, owned by the caller, overwritten whole
   * @throws InvalidInputError on fewer than k blocks or on unfit sizes or numbers
   */
  reconstruct(
    present: readonly (Uint8Array | undefined)[],
    wanted: readonly number[],
    out: readonly Uint8Array[],
  ): void
}
