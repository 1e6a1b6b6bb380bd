/**
 * What clients were told, and what must hold of it afterwards: an acknowledged change stands, another one may.
 *
 * A *thing* is what a client changes: an entry of a directory, or a slot. Its *value* is a text: what an entry points to,
 * what a slot holds; empty if there is none.
 */
export class Promises {
  /** Every value that a thing may have. The first was acknowledged; those after it were begun since. */
  readonly #allowed = new Map<string, readonly string[]>()
  /** Every value that a thing was ever to have. */
  readonly #begun = new Map<string, Set<string>>()
  /** Entries that came back after a removal, out of a branch that a killed writer left. */
  cameBackCount = 0

  get things(): readonly string[] {
    return [...this.#allowed.keys()]
  }

  /** From here on the thing may have that value. */
  begin(thing: string, value: string): void {
    this.#begun.set(thing, (this.#begun.get(thing) ?? new Set()).add(value))
    this.#allowed.set(thing, [...(this.#allowed.get(thing) ?? ['']), value])
  }

  /** From here on it has that value. */
  acknowledge(thing: string, value: string): void {
    this.#allowed.set(thing, [value])
  }

  /**
   * What a slot was found to hold, while nobody changes it and all servers are up: so it stays.
   *
   * @returns what is wrong, if anything is
   */
  settleSlot(thing: string, value: string): string | undefined {
    const allowed = this.#allowed.get(thing) ?? []
    this.#allowed.set(thing, [value])
    if (allowed.includes(value)) return undefined
    return `${brief(thing)} was acknowledged as ${brief(allowed[0] ?? '')}, found ${brief(value)}`
  }

  /**
   * The same for an entry of a directory. Where a killed writer has left a branch behind, joining it loses nothing: what
   * the branches disagree on stands beside it, under `NAME (conflict …)`, and what one of them removed may come back. So
   * what was acknowledged must be under one of the names, and nothing under any of them that nobody began.
   *
   * @param values under the name, then beside it; empty: nothing
   */
  settleEntry(thing: string, [found = '', ...beside]: readonly string[]): string | undefined {
    const allowed = this.#allowed.get(thing) ?? ['']
    const begun = this.#begun.get(thing)
    const foreign = [found, ...beside].find((value) => value !== '' && begun?.has(value) !== true)
    if (foreign !== undefined) return `${thing} is ${brief(foreign)}, which nobody wrote`
    if (allowed.length === 1 && allowed[0] === '' && found !== '') this.cameBackCount += 1
    this.#allowed.set(thing, [found])
    if (allowed.includes('') || [found, ...beside].some((value) => allowed.includes(value))) return undefined
    return `${thing} was acknowledged as ${brief(allowed[0] ?? '')}, found ${brief(found)}`
  }
}

/**
 * The entries of one directory as `settleEntry` wants them.
 *
 * @returns by name: the values under it and beside it
 */
export function valuesByName(
  children: Iterable<{ readonly name: string; readonly value: string }>,
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>()
  for (const { name, value } of children) {
    const [stem = ''] = name.split(' (conflict ')
    const values = found.get(stem) ?? ['']
    if (stem === name) values[0] = value
    else values.push(value)
    found.set(stem, values)
  }
  return found
}

function brief(value: string): string {
  return value === '' ? 'nothing' : value.slice(0, 60)
}
