/** `cairn backup --install-timer`: the same backup on a schedule of systemd. */
import { execFile } from 'node:child_process'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { InvalidInputError } from '#crypto'
import { ConflictError } from '#node'
import type { BackupArgs, TimerArgs } from '../backup/invocation.ts'
import { placeOf } from '../backup/open.ts'
import {
  shellText,
  type TimerPlan,
  timerCommands,
  timerUnits,
  UNIT_HEAD,
  type Unit,
} from '../backup/timer.ts'
import type { CommandContext } from '../context.ts'
import { errnoOf, explain } from '../errno.ts'
import { EXIT_DONE } from '../exit-code.ts'
import { printable } from '../names.ts'
import { draftOf } from '../private-file.ts'

const UNIT_MODE = 0o644
const run = promisify(execFile)

export async function installTimer(
  args: BackupArgs,
  timer: TimerArgs,
  context: CommandContext,
): Promise<number> {
  const { output } = context
  const plan = planOf(args, timer, context)
  const units = timerUnits(plan)
  const next = await checkTime(timer.when)
  const folder = unitFolder(plan.isSystem)
  const commands = timerCommands(plan, folder)
  for (const { fileName, text } of units) output.note(`# ${join(folder, fileName)}\n${text}`)
  const report = { folder, units, undo: commands.undo.map(shellText) }
  if (timer.printOnly) {
    await output.report({ ...report, installed: false })
    return EXIT_DONE
  }
  await writeUnits(folder, units)
  await verifyUnits(folder, units, context)
  const failure = await enable(commands.enable)
  if (failure === undefined) output.note(`${plan.name}.timer is on${next === undefined ? '' : `; ${next}`}`)
  else {
    const lines = commands.enable.map((command) => `  ${shellText(command)}`).join('\n')
    output.warning(`the units are written, and not turned on: ${failure}\nThis does it:\n${lines}`)
  }
  if (!plan.isSystem) output.note('To run it while you are not logged in: loginctl enable-linger')
  output.note(`To undo it all:\n${commands.undo.map((command) => `  ${shellText(command)}`).join('\n')}`)
  await output.report({ ...report, installed: true, enabled: failure === undefined })
  return EXIT_DONE
}

/** @throws InvalidInputError if the units would hold a secret */
function planOf(args: BackupArgs, timer: TimerArgs, { home }: CommandContext): TimerPlan {
  if (args.repository !== undefined && placeOf(args).root.kind !== 'alias') {
    throw new InvalidInputError(
      'a unit of systemd can be read by everybody: name the repository by an alias',
      {
        hint: 'cairn alias add NAME @FILE makes one.',
      },
    )
  }
  const script = process.argv[1]
  return {
    name: timer.name,
    when: timer.when,
    isSystem: process.getuid?.() === 0,
    environment: new Map(),
    description: `Backup of ${printable(args.paths.map((path) => resolve(path)).join(', '))}`,
    command: [
      process.execPath,
      ...(script === undefined ? [] : [script]),
      'backup',
      '--home',
      home.folder,
      ...optionsOf(args),
      '--',
      ...args.paths.map((path) => resolve(path)),
    ],
  }
}

/** What was given, but for the timer itself, and with paths that do not depend on the folder it was given in. */
function optionsOf(args: BackupArgs): readonly string[] {
  const values = (option: string, list: readonly string[]): readonly string[] =>
    list.map((value) => `${option}=${value}`)
  const flag = (option: string, isOn: boolean): readonly string[] => (isOn ? [option] : [])
  return [
    ...values('--repository', args.repository === undefined ? [] : [args.repository]),
    ...values('--exclude', args.excludes),
    ...values(
      '--exclude-file',
      args.excludeFiles.map((file) => resolve(file)),
    ),
    ...values('--tag', args.tags),
    ...values('--host', args.host === undefined ? [] : [args.host]),
    ...flag('--exclude-caches', args.excludeCaches),
    ...flag('--one-file-system', args.oneFileSystem),
    ...flag('--force', args.force),
    ...flag('--create', args.create),
    ...flag('--accept-rollback', args.acceptRollback),
    ...flag('--json', args.json),
    ...flag('--quiet', args.quiet),
  ]
}

function unitFolder(isSystem: boolean): string {
  if (isSystem) return '/etc/systemd/system'
  const { XDG_CONFIG_HOME } = process.env
  const config = XDG_CONFIG_HOME?.startsWith('/') === true ? XDG_CONFIG_HOME : join(homedir(), '.config')
  return join(config, 'systemd', 'user')
}

/** @returns when it would run next, for people; undefined without systemd. @throws InvalidInputError */
async function checkTime(when: string): Promise<string | undefined> {
  try {
    const { stdout } = await run('systemd-analyze', ['calendar', '--', when])
    const next = /Next elapse: (.*)/.exec(stdout)?.[1]
    return next === undefined ? undefined : `next at ${next}`
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw new InvalidInputError(`--install-timer: systemd does not know the time ${printable(when)}`, {
      hint: 'Such as daily, hourly, "03:30", "Mon..Fri 12:00"; man systemd.time has them all.',
    })
  }
}

/** @throws ConflictError if something else has one of the names: then nothing is written */
export async function writeUnits(folder: string, units: readonly Unit[]): Promise<void> {
  await mkdir(folder, { recursive: true }).catch(explain('making', folder))
  for (const { fileName } of units) {
    const path = join(folder, fileName)
    const before = await readFile(path, 'utf8').catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return undefined
      return explain('reading', path)(error)
    })
    if (before !== undefined && !before.startsWith(UNIT_HEAD)) {
      throw new ConflictError(`${path} is there, and not of cairn`, {
        hint: '--timer-name gives ours another name.',
      })
    }
  }
  for (const { fileName, text } of units) await writeUnit(join(folder, fileName), text)
}

async function writeUnit(path: string, text: string): Promise<void> {
  const draft = draftOf(path)
  try {
    const file = await open(draft, 'wx', UNIT_MODE).catch(explain('writing', path))
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(draft, path).catch(explain('writing', path))
  } finally {
    await rm(draft, { force: true })
  }
}

async function verifyUnits(
  folder: string,
  units: readonly Unit[],
  { output }: CommandContext,
): Promise<void> {
  const files = units.map(({ fileName }) => join(folder, fileName))
  try {
    const { stderr } = await run('systemd-analyze', ['verify', ...files])
    // It looks at what the units need too, which is not ours.
    for (const line of stderr.split('\n')) if (line.includes(folder)) output.warning(printable(line))
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return
    output.warning(`systemd-analyze verify: ${printable(String(error))}`)
  }
}

/** @returns why it could not be turned on */
async function enable(commands: readonly (readonly string[])[]): Promise<string | undefined> {
  for (const [program = '', ...args] of commands) {
    try {
      await run(program, args)
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return 'there is no systemctl'
      const said =
        typeof error === 'object' && error !== null && 'stderr' in error ? String(error.stderr) : ''
      return printable(said.trim().split('\n').at(-1) ?? '') || String(error)
    }
  }
  return undefined
}
