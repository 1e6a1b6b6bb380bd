/** Options as commander gathers them, and those that several commands have. */
import type { Command } from 'commander'
import type { CommonArgs, Invocation, NumberArgs } from '../invocation.ts'
import { UsageError } from '../usage-error.ts'

/** Called with what the command line asks for. */
export type Done = (invocation: Invocation) => void

/** For each command that does something. */
export function withCommon(command: Command): Command {
  return command
    .option(
      '--home <dir>',
      'folder of this member of the grid (default: CAIRN_HOME, or ~/.local/share/cairn)',
    )
    .option('--json', 'print the result as JSON on standard output')
    .option('-q, --quiet', 'print no progress and no notes')
}

/** For each command that changes directories or mutable files. */
export function withWriting(command: Command): Command {
  return withCommon(command).option(
    '--accept-rollback',
    'write although servers have lost what was newer: what they lost stays lost',
  )
}

export function withNumbers(command: Command): Command {
  return command
    .option('--needed <k>', 'shares that rebuild the file (default: of the configuration, 3)')
    .option(
      '--happy <h>',
      'servers that must hold shares, or the put fails (default: of the configuration, 7)',
    )
    .option('--total <n>', 'shares made (default: of the configuration, 10)')
}

export function commonOf(values: Values): CommonArgs {
  return {
    home: values.text('home'),
    json: values.flag('json'),
    quiet: values.flag('quiet'),
    acceptRollback: values.flag('acceptRollback'),
  }
}

export function numbersOf(values: Values): NumberArgs {
  return { needed: values.whole('needed'), happy: values.whole('happy'), total: values.whole('total') }
}

export function withProgress(command: Command): Command {
  return command.option('--progress', 'with --json: print progress as JSON lines before the result')
}

/** What commander has gathered, read by type. */
export class Values {
  readonly #values: ReadonlyMap<string, unknown>

  constructor(options: unknown) {
    this.#values = new Map(typeof options === 'object' && options !== null ? Object.entries(options) : [])
  }

  text(name: string): string | undefined {
    const value = this.#values.get(name)
    return typeof value === 'string' ? value : undefined
  }

  flag(name: string): boolean {
    return this.#values.get(name) === true
  }

  /** Of a pair such as --qr and --no-qr; undefined if neither was given. */
  choice(name: string): boolean | undefined {
    const value = this.#values.get(name)
    return typeof value === 'boolean' ? value : undefined
  }

  list(name: string): readonly string[] {
    const value = this.#values.get(name)
    return Array.isArray(value) ? value.map(String) : []
  }

  /** @throws UsageError unless it is a whole number from 1 to 255 */
  whole(name: string): number | undefined {
    return this.count(name, { min: 1, max: 255 })
  }

  /** @throws UsageError unless it is a whole number from `min` to `max` */
  count(name: string, { min, max }: { readonly min: number; readonly max: number }): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    if (number >= min && number <= max) return number
    const option = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    throw new UsageError(`--${option}: a whole number from ${min} to ${max} wanted, found ${text}`)
  }
}
