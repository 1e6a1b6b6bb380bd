/**
 * Just enough of the WebAssembly binary format to write a module of straight code over an imported memory.
 */

/** Two widths of machine words to XOR with; `i64` is for engines without SIMD. */
export type Lane = 'v128' | 'i64'

interface LaneCode {
  readonly sizeBytes: number
  readonly type: number
  readonly load: readonly number[]
  readonly store: readonly number[]
  readonly xor: readonly number[]
  readonly zero: readonly number[]
}

export const LANE: Readonly<Record<Lane, LaneCode>> = Object.freeze({
  v128: {
    sizeBytes: 16,
    type: 0x7b,
    load: [0xfd, 0x00, 4],
    store: [0xfd, 0x0b, 4],
    xor: [0xfd, 0x51],
    zero: [0xfd, 0x0c, ...new Array<number>(16).fill(0)],
  },
  i64: { sizeBytes: 8, type: 0x7e, load: [0x29, 3], store: [0x37, 3], xor: [0x85], zero: [0x42, 0] },
})

const I32 = 0x7f
const OP = Object.freeze({
  loop: [0x03, 0x40],
  end: [0x0b],
  call: [0x10],
  drop: [0x1a],
  select: [0x1b],
  localGet: [0x20],
  localSet: [0x21],
  localTee: [0x22],
  i32Load: [0x28, 2],
  i32Const: [0x41],
  i32LessUnsigned: [0x49],
  i32Add: [0x6a],
  i32And: [0x71],
  continueLoop: [0x0d, 0],
} as const)

/** Writes the body of one function, instruction by instruction. */
export class CodeWriter {
  #bytes = new Uint8Array(1024)
  #length = 0

  /** An instruction, and an operand if it has one. */
  op(name: keyof typeof OP, operand?: number): this {
    this.raw(OP[name])
    if (operand === undefined) return this
    return name === 'i32Const' ? this.#signed(operand) : this.#unsigned(operand)
  }

  /** Opcode bytes as in LANE, and an offset if it is a load or a store. */
  raw(bytes: readonly number[], offset?: number): this {
    for (const byte of bytes) this.#byte(byte)
    return offset === undefined ? this : this.#unsigned(offset)
  }

  /** The function with its locals: so many i32, then so many lanes, numbered on from the parameters. */
  finish(locals: { readonly i32Count: number; readonly laneCount: number; readonly lane: Lane }): Uint8Array {
    const groups = new CodeWriter().#unsigned(2)
    groups.#unsigned(locals.i32Count).raw([I32])
    groups.#unsigned(locals.laneCount).raw([LANE[locals.lane].type])
    return sized(joined([groups.#written(), this.#written(), Uint8Array.from(OP.end)]))
  }

  #written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  #byte(byte: number): void {
    if (this.#length === this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#length)
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    this.#bytes[this.#length++] = byte
  }

  #unsigned(value: number): this {
    let rest = value
    for (; rest > 127; rest >>>= 7) this.#byte((rest & 127) | 128)
    this.#byte(rest)
    return this
  }

  #signed(value: number): this {
    let rest = value
    for (; rest > 63 || rest < -64; rest >>= 7) this.#byte((rest & 127) | 128)
    this.#byte(rest & 127)
    return this
  }
}

/**
 * A module that imports a memory as `m.m`.
 *
 * @param functions bodies from CodeWriter.finish; all take `parameterCount` i32 and return nothing
 * @param exported function i is exported under the i-th name; undefined keeps it inside
 */
export function moduleOf(
  functions: readonly Uint8Array[],
  parameterCount: number,
  exported: readonly (string | undefined)[],
): Uint8Array<ArrayBuffer> {
  const exports = exported.flatMap((name, index) =>
    name === undefined ? [] : [joined([text(name), Uint8Array.of(0, ...unsigned(index))])],
  )
  const importMemory = joined([text('m'), text('m'), Uint8Array.of(2, 0, 0)])
  return joined([
    Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0),
    section(1, [Uint8Array.of(0x60, parameterCount, ...new Array<number>(parameterCount).fill(I32), 0)]),
    section(2, [importMemory]),
    section(
      3,
      functions.map(() => Uint8Array.of(0)),
    ),
    section(7, exports),
    section(10, functions),
  ])
}

/** True if the engine compiles v128 instructions. */
export function hasSimd(): boolean {
  const body = new CodeWriter()
    .raw(LANE.v128.zero)
    .op('drop')
    .finish({ i32Count: 0, laneCount: 0, lane: 'v128' })
  return WebAssembly.validate(moduleOf([body], 0, []))
}

function section(id: number, entries: readonly Uint8Array[]): Uint8Array {
  const body = sized(joined([Uint8Array.from(unsigned(entries.length)), ...entries]))
  return joined([Uint8Array.of(id), body])
}

function sized(bytes: Uint8Array): Uint8Array {
  return joined([Uint8Array.from(unsigned(bytes.length)), bytes])
}

function text(name: string): Uint8Array {
  return sized(new TextEncoder().encode(name))
}

function unsigned(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128)
  bytes.push(rest)
  return bytes
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0))
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}
