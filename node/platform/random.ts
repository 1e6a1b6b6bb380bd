/** Chance from the operating system. */
import { randomFillSync } from 'node:crypto'
import type { Random } from './platform.ts'

export const systemRandom: Random = Object.freeze({
  bytes: (sizeBytes: number) => randomFillSync(new Uint8Array(sizeBytes)),
})
