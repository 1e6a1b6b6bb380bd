/** What fuzz targets share. */
import fc from 'fast-check'

export interface FuzzTarget {
  readonly inputs: fc.Arbitrary<Uint8Array>
  /** Throws for what is refused, an error of ours; anything else it throws is a find. */
  readonly parse: (bytes: Uint8Array) => unknown
}

/** Sound bytes with a few bytes changed, cut out, put in twice, or cut off. */
export function mutations(sound: Uint8Array): fc.Arbitrary<Uint8Array> {
  const edit = fc.record({
    at: fc.nat(sound.length),
    bytes: fc.uint8Array({ maxLength: 5 }),
    removed: fc.nat(5),
  })
  return fc
    .tuple(fc.array(edit, { minLength: 1, maxLength: 4 }), fc.nat(sound.length))
    .map(([edits, end]) => {
      let bytes = [...sound]
      for (const { at, bytes: added, removed } of edits) bytes.splice(at, removed, ...added)
      if (end % 4 === 0) bytes = bytes.slice(0, end)
      return Uint8Array.from(bytes)
    })
}

export const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

export function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(`broken: ${what}`)
}
