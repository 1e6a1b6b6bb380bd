/**
 * The command line: argv -> Invocation. Nothing is opened or read here, so that `--help` is quick and every rule can
 * be tested without a process.
 */
import { Command, CommanderError } from 'commander'
import { HELP_AFTER, SUMMARY, VERBS } from './help.ts'
import type { CommonArgs, Invocation, NumberArgs } from './invocation.ts'
import { UsageError } from './usage-error.ts'

export type Parsed =
  | { readonly kind: 'run'; readonly invocation: Invocation }
  /** Help or version was asked for. */
  | { readonly kind: 'text'; readonly text: string }

/**
 * @param args without node and script
 * @throws UsageError
 */
export function parseArgs(args: readonly string[], version: string): Parsed {
  let invocation: Invocation | undefined
  let text = ''
  const program = buildProgram(version, (found) => {
    invocation = found
  })
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({
      writeOut: (part) => {
        text += part
      },
      writeErr: () => undefined,
    })
  }
  try {
    program.parse([...args], { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return { kind: 'text', text }
    if (error.code === 'commander.help') return { kind: 'text', text: program.helpInformation() }
    throw new UsageError(error.message.replace(/^error: /, ''))
  }
  if (invocation === undefined) return { kind: 'text', text: program.helpInformation() }
  return { kind: 'run', invocation }
}

function buildProgram(version: string, done: (invocation: Invocation) => void): Command {
  const program = new Command('cairn')
    .description(SUMMARY)
    .version(version, '-V, --version', 'print the version')
    .helpCommand(false)
    .helpOption('-h, --help', 'print this help; `cairn VERB --help` has examples')
    .addHelpText('after', HELP_AFTER)
  const verb = (name: keyof typeof VERBS): Command =>
    program
      .command(name)
      .description(VERBS[name].summary)
      .helpOption('-h, --help', 'print this help')
      .option(
        '--home <dir>',
        'folder of this member of the grid (default: CAIRN_HOME, or ~/.local/share/cairn)',
      )
      .option('--json', 'print the result as JSON on standard output')
      .option('-q, --quiet', 'print no progress and no notes')
      .addHelpText('after', VERBS[name].examples)
  addInit(verb('init'), done)
  addRun(verb('run'), done)
  verb('status').action((options: unknown) => done({ verb: 'status', ...commonOf(new Values(options)) }))
  addPut(verb('put'), done)
  addGet(verb('get'), done)
  for (const name of ['check', 'verify', 'repair'] as const) {
    verb(name)
      .argument('<capability>', 'read or verify capability, @FILE that holds it, or @- for standard input')
      .option('--progress', 'with --json: print progress as JSON lines before the result')
      .action((capability: string, options: unknown) => {
        const values = new Values(options)
        done({ verb: name, capability, progress: values.flag('progress'), ...commonOf(values) })
      })
  }
  addGrid(verb('grid'), done)
  return program
}

type Done = (invocation: Invocation) => void

function addInit(command: Command, done: Done): void {
  withNumbers(command)
    .option('--lend <size>', 'space lent to the grid, such as "200 GiB" (default: none, a client only)')
    .option('--reserve <size>', 'space of the disk that is left alone (default: 1 GiB)')
    .option('--quota <size>', 'what one account may store here (default: no limit)')
    .option('--listen <address...>', 'multiaddrs to listen on (default: /ip4/127.0.0.1/tcp/0)')
    .option('--announce <address...>', 'multiaddrs to tell others instead')
    .option('--bootstrap <address...>', 'multiaddrs of members to learn the grid from')
    .option('--owner <name>', 'whose machine this is, for spreading shares over owners')
    .option('--site <name>', 'where it stands, for spreading shares over places')
    .action((options: unknown) => {
      const values = new Values(options)
      done({
        verb: 'init',
        ...commonOf(values),
        ...numbersOf(values),
        lend: values.text('lend'),
        reserve: values.text('reserve'),
        quota: values.text('quota'),
        listen: values.list('listen'),
        announce: values.list('announce'),
        bootstrap: values.list('bootstrap'),
        owner: values.text('owner'),
        site: values.text('site'),
      })
    })
}

function addRun(command: Command, done: Done): void {
  command
    .option('--stop-with-stdin', 'stop when standard input ends, as when a parent process is killed')
    .action((options: unknown) => {
      const values = new Values(options)
      done({ verb: 'run', ...commonOf(values), stopWithStdin: values.flag('stopWithStdin') })
    })
}

function addPut(command: Command, done: Done): void {
  withNumbers(command)
    .argument('<file>', 'the file, or - for standard input')
    .option('--convergent', 'derive the key from the content: the same file put again takes no more space')
    .option('--progress', 'with --json: print progress as JSON lines before the result')
    .action((source: string, options: unknown) => {
      const values = new Values(options)
      done({
        verb: 'put',
        ...commonOf(values),
        ...numbersOf(values),
        source,
        convergent: values.flag('convergent'),
        progress: values.flag('progress'),
      })
    })
}

function addGet(command: Command, done: Done): void {
  command
    .argument('<capability>', 'read capability, @FILE that holds it, or @- for standard input')
    .argument('[file]', 'where to write it, or - for standard output', '-')
    .option('--range <start-end>', 'first and last byte, both included, counted from 0; 1024- for the rest')
    .option('-f, --force', 'replace the file if it exists')
    .option('--progress', 'with --json: print progress as JSON lines before the result')
    .action((capability: string, target: string, options: unknown) => {
      const values = new Values(options)
      const common = commonOf(values)
      if (target === '-' && common.json) {
        throw new UsageError(
          '--json wants a file: the content and the report would both go to standard output',
        )
      }
      done({
        verb: 'get',
        ...common,
        capability,
        target,
        range: values.text('range'),
        force: values.flag('force'),
        progress: values.flag('progress'),
      })
    })
}

function addGrid(command: Command, done: Done): void {
  withNumbers(command)
    .requiredOption('--dir <dir>', 'folder of the grid: server-1 …, client; made if it is missing')
    .option('--servers <count>', 'how many servers (default: as many as the folder has, or 10)')
    .option('--lend <size>', 'space lent by each new server (default: 10 GiB)')
    .action((options: unknown) => {
      const values = new Values(options)
      done({
        verb: 'grid',
        ...commonOf(values),
        ...numbersOf(values),
        servers: values.whole('servers'),
        dir: values.text('dir') ?? '',
        lend: values.text('lend'),
      })
    })
}

function withNumbers(command: Command): Command {
  return command
    .option('--needed <k>', 'shares that rebuild the file (default: of the configuration, 3)')
    .option(
      '--happy <h>',
      'servers that must hold shares, or the put fails (default: of the configuration, 7)',
    )
    .option('--total <n>', 'shares made (default: of the configuration, 10)')
}

function commonOf(values: Values): CommonArgs {
  return { home: values.text('home'), json: values.flag('json'), quiet: values.flag('quiet') }
}

function numbersOf(values: Values): NumberArgs {
  return { needed: values.whole('needed'), happy: values.whole('happy'), total: values.whole('total') }
}

/** What commander has gathered, read by type. */
class Values {
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

  list(name: string): readonly string[] {
    const value = this.#values.get(name)
    return Array.isArray(value) ? value.map(String) : []
  }

  /** @throws UsageError unless it is a whole number from 1 to 255 */
  whole(name: string): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const number = /^\d{1,3}$/.test(text) ? Number(text) : 0
    if (number < 1 || number > 255)
      throw new UsageError(`--${name}: a whole number from 1 to 255 wanted, found ${text}`)
    return number
  }
}
