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

/** The matrix by columns: for each value, in which output rows it still stands. */
class SharedSums {
  readonly #inputCount: number
  readonly #outputCount: number
  /** Rows 0 to 31, and 32 to 63, that contain value v. */
  readonly #low: Int32Array
  readonly #high: Int32Array
  /** An upper bound of the rows that value v shares with any value before it, and the one it shared them with. */
  readonly #best: Uint8Array
  readonly #partner: Uint16Array
  #count: number
  readonly #steps: [number, number][] = []

  constructor(bits: BitMatrix, inputCount: number) {
    this.#inputCount = inputCount
    this.#outputCount = bits.length
    // Each new value takes two entries out of at least two rows and puts one in, so there are fewer than entries.
    const valuesMax = inputCount + bits.reduce((sum, strips) => sum + strips.length, 0)
    this.#low = new Int32Array(valuesMax)
    this.#high = new Int32Array(valuesMax)
    this.#best = new Uint8Array(valuesMax)
    this.#partner = new Uint16Array(valuesMax)
    this.#count = inputCount
    for (const [row, strips] of bits.entries()) {
      const words = row < 32 ? this.#low : this.#high
      for (const strip of strips) words[strip] = (words[strip] ?? 0) | (1 << (row & 31))
    }
    for (let value = 0; value < inputCount; value++) this.#findPartner(value)
  }

  /** Replaces the pair of values that most rows share by their sum, until no two rows share a pair. */
  shareAll(): void {
    for (;;) {
      const value = this.#mostShared()
      const bound = this.#best[value] ?? 0
      if (bound < 2) return
      this.#findPartner(value)
      if (this.#best[value] === bound) this.#share(value, this.#partner[value] ?? 0)
    }
  }

  /** What is left of each row is summed up by itself. */
  finish(): Schedule {
    const outputs: (number | undefined)[] = []
    const shared = this.#count
    for (let row = 0; row < this.#outputCount; row++) {
      const words = row < 32 ? this.#low : this.#high
      let sum: number | undefined
      for (let value = 0; value < shared; value++) {
        if ((((words[value] ?? 0) >>> (row & 31)) & 1) === 0) continue
        sum = sum === undefined ? value : this.#inputCount + this.#steps.push([sum, value]) - 1
      }
      outputs.push(sum)
    }
    return { inputCount: this.#inputCount, steps: this.#steps, outputs }
  }

  #mostShared(): number {
    const best = this.#best
    let value = 0
    for (let other = 1; other < this.#count; other++) {
      if ((best[other] ?? 0) > (best[value] ?? 0)) value = other
    }
    return value
  }

  #findPartner(value: number): void {
    const lows = this.#low
    const highs = this.#high
    const low = lows[value] ?? 0
    const high = highs[value] ?? 0
    let best = 0
    let partner = 0
    for (let other = 0; other < value; other++) {
      const count = ones(low & (lows[other] ?? 0)) + ones(high & (highs[other] ?? 0))
      if (count > best) {
        best = count
        partner = other
      }
    }
    this.#best[value] = best
    this.#partner[value] = partner
  }

  #share(a: number, b: number): void {
    const sum = this.#count++
    this.#steps.push([a, b])
    for (const words of [this.#low, this.#high]) {
      const both = (words[a] ?? 0) & (words[b] ?? 0)
      words[a] = (words[a] ?? 0) & ~both
      words[b] = (words[b] ?? 0) & ~both
      words[sum] = both
    }
    this.#findPartner(sum)
  }
}

function ones(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555)
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333)
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}
