/**
 * From a bit matrix to a short list of XORs: sums that several outputs need are made once (Paar's greedy method).
 */
import { assert } from '../errors.ts'
import type { BitMatrix } from './bit-matrix.ts'

/** Outputs in one schedule: the rows that contain a value are kept as two 32-bit words. */
const OUTPUTS_MAX = 64

/** Straight-line XORs over values; values 0 .. inputCount - 1 are the input strips, and step i makes the next one. */
export interface Schedule {
  readonly inputCount: number
  /** Step i makes value `inputCount + i` from two values that came before it. */
  readonly steps: readonly (readonly [number, number])[]
  /** The value of each output strip; undefined stands for zero. */
  readonly outputs: readonly (number | undefined)[]
}

export function scheduleOf(bits: BitMatrix, inputCount: number): Schedule {
  assert(bits.length <= OUTPUTS_MAX, 'a schedule has at most 64 outputs')
  const sums = new SharedSums(bits, inputCount)
  sums.shareAll()
  return sums.finish()
}

class SharedSums {
  readonly #inputCount: number
  readonly #outputCount: number
  readonly #low: number[] = []
  readonly #high: number[] = []
  /** The most rows that value v shares with any value before it, or more than that; and the one it shares them with. */
  readonly #best: number[] = []
  readonly #partner: number[] = []
  readonly #steps: [number, number][] = []

  constructor(bits: BitMatrix, inputCount: number) {
    this.#inputCount = inputCount
    this.#outputCount = bits.length
    for (let value = 0; value < inputCount; value++) this.#append(0, 0)
    for (const [row, strips] of bits.entries()) {
      for (const strip of strips) {
        if (row < 32) this.#low[strip] = (this.#low[strip] ?? 0) | (1 << row)
        else this.#high[strip] = (this.#high[strip] ?? 0) | (1 << (row - 32))
      }
    }
    for (let value = 0; value < inputCount; value++) this.#findPartner(value)
  }

  shareAll(): void {
    for (;;) {
      const value = this.#mostShared()
      const count = this.#best[value] ?? 0
      if (count < 2) return
      this.#findPartner(value)
      if (this.#best[value] !== count) continue
      this.#share(value, this.#partner[value] ?? 0)
    }
  }

  finish(): Schedule {
    const outputs: (number | undefined)[] = []
    for (let row = 0; row < this.#outputCount; row++) {
      let sum: number | undefined
      for (let value = 0; value < this.#low.length; value++) {
        const word = row < 32 ? this.#low[value] : this.#high[value]
        if ((((word ?? 0) >>> (row & 31)) & 1) === 0) continue
        if (sum === undefined) sum = value
        else {
          this.#steps.push([sum, value])
          sum = this.#inputCount + this.#steps.length - 1
        }
      }
      outputs.push(sum)
    }
    return { inputCount: this.#inputCount, steps: this.#steps, outputs }
  }

  #append(low: number, high: number): void {
    this.#low.push(low)
    this.#high.push(high)
    this.#best.push(0)
    this.#partner.push(0)
  }

  #mostShared(): number {
    let value = 0
    for (let other = 1; other < this.#best.length; other++) {
      if ((this.#best[other] ?? 0) > (this.#best[value] ?? 0)) value = other
    }
    return value
  }

  #findPartner(value: number): void {
    const low = this.#low[value] ?? 0
    const high = this.#high[value] ?? 0
    let best = 0
    let partner = 0
    for (let other = 0; other < value; other++) {
      const count = ones(low & (this.#low[other] ?? 0)) + ones(high & (this.#high[other] ?? 0))
      if (count > best) {
        best = count
        partner = other
      }
    }
    this.#best[value] = best
    this.#partner[value] = partner
  }

  #share(a: number, b: number): void {
    const low = (this.#low[a] ?? 0) & (this.#low[b] ?? 0)
    const high = (this.#high[a] ?? 0) & (this.#high[b] ?? 0)
    for (const value of [a, b]) {
      this.#low[value] = (this.#low[value] ?? 0) & ~low
      this.#high[value] = (this.#high[value] ?? 0) & ~high
    }
    this.#steps.push([a, b])
    this.#append(low, high)
    this.#findPartner(this.#low.length - 1)
  }
}

function ones(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555)
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333)
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}
