/** What the erasure bench measures, and the shape of its results. */
import { SEGMENT_SIZE_DEFAULT_BYTES } from '#crypto'

export const SHAPES = [
  [2, 3],
  [3, 10],
  [10, 16],
  [10, 30],
  [16, 24],
  [64, 96],
] as const
export const BLOCK_SIZES_BYTES = [16 * 1024, 64 * 1024, 256 * 1024, 1024 * 1024] as const
const GROUP_SIZE_BYTES = 512

export type Operation = 'encode' | 'reconstruct'
/** `copied` is cairn with blocks outside its memory, copied in and out; it is shown in the table only. */
export type Implementation = 'cairn' | 'npm' | 'isal' | 'copy' | 'copied'

export interface Case {
  readonly k: number
  readonly n: number
  readonly blockSizeBytes: number
  readonly operation: Operation
}

export interface Result extends Case {
  readonly implementation: Implementation
  readonly threads: number
  /** Millions of bytes of input, k blocks for each call, in a second. */
  readonly mbPerSecond: number
}

/** Size of the blocks of a full segment, as the format cuts it (FORMAT §5.4; the tag makes no difference here). */
export function formatBlockSizeBytes(k: number): number {
  return Math.ceil((SEGMENT_SIZE_DEFAULT_BYTES + 16) / k / GROUP_SIZE_BYTES) * GROUP_SIZE_BYTES
}

/** Every case of the bench: four sizes and the format's own, for each shape and operation. */
export function allCases(): Case[] {
  return SHAPES.flatMap(([k, n]) =>
    [...BLOCK_SIZES_BYTES, formatBlockSizeBytes(k)].flatMap((blockSizeBytes) =>
      (['encode', 'reconstruct'] as const).map((operation) => ({ k, n, blockSizeBytes, operation })),
    ),
  )
}

/** The worst losses: as many data blocks as there is parity, or all of them. */
export function lostCount({ k, n }: Case): number {
  return Math.min(k, n - k)
}
