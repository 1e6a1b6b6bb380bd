/** How much of a file is in flight at a time. */
import { blockSizeOf, type Encoding } from '#crypto'
import { SEGMENTS_IN_FLIGHT_MAX, TRANSFER_MEMORY_MAX_BYTES } from './limits.ts'

/** How many encoded segments one transfer keeps in memory: at least one. */
export function segmentsInFlight(encoding: Encoding): number {
  const segmentBytes = encoding.totalShares * blockSizeOf(encoding, encoding.segmentSizeBytes)
  return Math.max(1, Math.min(SEGMENTS_IN_FLIGHT_MAX, Math.floor(TRANSFER_MEMORY_MAX_BYTES / segmentBytes)))
}
