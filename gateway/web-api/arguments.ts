/**
 * What the query, or the fields of a form, say (WEB-API.md §4). A name that this API does not know is refused: a
 * mistyped `replace` that is ignored overwrites.
 */
import { InvalidInputError } from '#crypto'

/** How a body is stored. */
const STORING = Object.freeze([
  'format',
  'mutable',
  'needed',
  'happy',
  'total',
  'convergent',
  'binding-lease',
  'accept-rollback',
] as const)
export const STORING_ARGUMENTS: readonly string[] = STORING

/** Every name that some form takes. */
const NAMES = Object.freeze([
  't',
  ...STORING,
  'filename',
  'save',
  'replace',
  'name',
  'uri',
  'from_name',
  'to_name',
  'to_dir',
  'verify',
  'repair',
  'ophandle',
  'retain-for',
  'release-after-complete',
  // Taken and of no effect: answers are JSON always, and a repair renews leases by itself.
  'output',
  'add-lease',
] as const)

export type ArgumentName = (typeof NAMES)[number]

/** Of each at most this many characters: a capability with a path of names below it. */
const VALUE_LENGTH_MAX = 8192

export class Arguments {
  readonly #values: ReadonlyMap<ArgumentName, string>

  private constructor(values: ReadonlyMap<ArgumentName, string>) {
    this.#values = values
  }

  /** @throws InvalidInputError for an unknown name, one that comes twice, or a value that is too long */
  static of(pairs: Iterable<readonly [string, string]>): Arguments {
    const values = new Map<ArgumentName, string>()
    for (const [name, value] of pairs) {
      if (!isArgumentName(name)) {
        throw new InvalidInputError(`an argument is unknown; these are known: ${NAMES.join(', ')}`, {
          where: 'query',
        })
      }
      if (values.has(name)) throw malformed(name, 'once', 'more than one')
      if (value.length > VALUE_LENGTH_MAX) {
        throw malformed(name, `at most ${VALUE_LENGTH_MAX} characters`, `${value.length}`)
      }
      values.set(name, value)
    }
    return new Arguments(values)
  }

  static ofQuery(query: string): Arguments {
    return Arguments.of(new URLSearchParams(query))
  }

  /** These, and those of a form that the query does not give. */
  and(form: Arguments): Arguments {
    return new Arguments(new Map([...form.#values, ...this.#values]))
  }

  text(name: ArgumentName): string | undefined {
    return this.#values.get(name)
  }

  /** @throws InvalidInputError if it is left out */
  required(name: ArgumentName): string {
    const value = this.#values.get(name)
    if (value === undefined || value === '') throw malformed(name, 'a value', 'none')
    return value
  }

  /** As Tahoe reads it: `true`, `1`, `t`, `on`, or the opposites. */
  truth(name: ArgumentName): boolean | undefined {
    const value = this.#values.get(name)?.toLowerCase()
    if (value === undefined) return undefined
    if (['true', 't', '1', 'on'].includes(value)) return true
    if (['false', 'f', '0', 'off', ''].includes(value)) return false
    throw malformed(name, 'true or false', 'something else')
  }

  whole(name: ArgumentName): number | undefined {
    const value = this.#values.get(name)
    if (value === undefined) return undefined
    if (/^\d{1,9}$/.test(value)) return Number(value)
    throw malformed(name, 'a whole number', 'something else')
  }

  oneOf<Choice extends string>(name: ArgumentName, choices: readonly Choice[]): Choice | undefined {
    const value = this.#values.get(name)?.toLowerCase()
    if (value === undefined) return undefined
    const choice = choices.find((one) => one === value)
    if (choice === undefined) throw malformed(name, choices.join(' or '), 'something else')
    return choice
  }
}

export function isArgumentName(name: string): name is ArgumentName {
  return NAMES.some((known) => known === name)
}

/** Without the value: it may be a capability. */
function malformed(name: ArgumentName, wanted: string, found: string): InvalidInputError {
  return new InvalidInputError(`${name}: ${wanted} is wanted, found ${found}`, {
    wanted,
    found,
    where: `argument ${name}`,
  })
}
