/** Chance from a seed: equal seeds give equal runs. Not fit for keys outside a simulation. */
import type { Random } from '../../node/platform/platform.ts'

export class SimRandom implements Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** A whole number of 32 bits (splitmix32). */
  u32(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return (mixed ^ (mixed >>> 15)) >>> 0
  }

  /** From 0 up to, not including, 1. */
  fraction(): number {
    return this.u32() / 2 ** 32
  }

  /** A whole number from 0 up to, not including, the bound. */
  below(bound: number): number {
    return Math.floor(this.fraction() * bound)
  }

  bytes(sizeBytes: number): Uint8Array {
    const bytes = new Uint8Array(sizeBytes)
    for (let offset = 0; offset < sizeBytes; offset += 1) bytes[offset] = this.u32() & 0xff
    return bytes
  }

  /** An independent stream of its own, so that one user more does not change what the others draw. */
  fork(): SimRandom {
    return new SimRandom(this.u32())
  }
}
