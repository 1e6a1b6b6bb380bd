/** What the clients of the simulated grid put, and how. */
import { LAYOUT, MATRIX } from '#crypto'

/** The default code, over segments so small that a few kilobytes have several. */
export const ENCODING = {
  neededShares: 3,
  totalShares: 10,
  matrix: MATRIX.vandermonde,
  layout: LAYOUT.bits,
  segmentSizeBytes: 16 * 1024,
}
export const HAPPY_SERVERS = 7
export const REPLICAS = ENCODING.totalShares
/** Of directories too. */
export const STORING = { encoding: ENCODING, happyServers: HAPPY_SERVERS, replicas: REPLICAS }
