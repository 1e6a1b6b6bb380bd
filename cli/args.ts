/**
 * The command line: argv -> Invocation. Nothing is opened or read here, so that `--help` is quick and every rule can
 * be tested without a process.
 */
import { Command, CommanderError } from 'commander'
import { addBackup, addDrill, addDrop, addForget, addPrune, addRecoveryKit } from './args/backup-args.ts'
import { addAlias, addCp, addLn, addLs, addMkdir, addMv, addRm, addShare } from './args/directory-args.ts'
import { addCheck, addGet, addPut, addUpkeep } from './args/file-args.ts'
import { addExpel, addInvite, addJoin, addMembers } from './args/member-args.ts'
import { addGrid, addInit, addRun, addStatus } from './args/node-args.ts'
import { addDiff, addDump, addFind, addRestore, addSnapshots } from './args/snapshot-args.ts'
import type { Done } from './args/values.ts'
import { HELP_AFTER, SUMMARY, VERBS } from './help.ts'
import type { Invocation } from './invocation.ts'
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
  for (const command of withAllBelow(program)) {
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
    if (error.code === 'commander.help') {
      const asked = program.commands.find((command) => command.name() === args[0]) ?? program
      return { kind: 'text', text: asked.helpInformation() }
    }
    throw new UsageError(error.message.replace(/^error: /, ''))
  }
  if (invocation === undefined) return { kind: 'text', text: program.helpInformation() }
  return { kind: 'run', invocation }
}

function withAllBelow(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(withAllBelow)]
}

type Adder = (command: Command, done: Done) => void

/** In the order of the help. */
const GROUPS: Readonly<Record<string, readonly (readonly [keyof typeof VERBS, Adder])[]>> = {
  'Files and directories:': [
    ['put', addPut],
    ['get', addGet],
    ['mkdir', addMkdir],
    ['ls', addLs],
    ['cp', addCp],
    ['mv', addMv],
    ['rm', addRm],
    ['ln', addLn],
    ['alias', addAlias],
    ['share', addShare],
  ],
  'Backups:': [
    ['backup', addBackup],
    ['snapshots', addSnapshots],
    ['find', addFind],
    ['diff', addDiff],
    ['restore', addRestore],
    ['dump', addDump],
    ['forget', addForget],
    ['prune', addPrune],
    ['drill', addDrill],
    ['recovery-kit', addRecoveryKit],
    ['drop', addDrop],
  ],
  'Upkeep:': [
    ['check', addCheck],
    ['verify', addUpkeep('verify')],
    ['repair', addUpkeep('repair')],
  ],
  'Members of a grid:': [
    ['init', addInit],
    ['invite', addInvite],
    ['join', addJoin],
    ['members', addMembers],
    ['expel', addExpel],
    ['run', addRun],
    ['status', addStatus],
    ['grid', addGrid],
  ],
}

function buildProgram(version: string, done: Done): Command {
  const program = new Command('cairn')
    .description(SUMMARY)
    .usage('VERB …')
    .version(version, '-V, --version', 'print the version')
    .helpCommand(false)
    .helpOption('-h, --help', 'print this help; `cairn VERB --help` has examples')
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .addHelpText('after', HELP_AFTER)
  for (const [heading, adders] of Object.entries(GROUPS)) {
    for (const [name, add] of adders) {
      const { summary, examples } = VERBS[name]
      const command = program
        .command(name)
        .helpGroup(heading)
        .configureHelp({})
        .description(summary)
        .helpOption('-h, --help', 'print this help')
        .addHelpText('after', examples)
      add(command, done)
    }
  }
  return program
}
