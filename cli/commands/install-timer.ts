/** `cairn backup --install-timer`: the same backup on a schedule of systemd. */
import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { InvalidInputError } from '#crypto'
import type { BackupArgs, TimerArgs } from '../backup/invocation.ts'
import { placeOf } from '../backup/open.ts'
import { type TimerPlan, timerCommands, timerUnits, UNIT_HEAD } from '../backup/timer.ts'
import type { CommandContext } from '../context.ts'
import { errnoOf } from '../errno.ts'
import { EXIT_DONE } from '../exit-code.ts'
import { printable } from '../names.ts'
import { installUnits, unitFolder } from '../systemd.ts'

const run = promisify(execFile)

export async function installTimer(
  args: BackupArgs,
  timer: TimerArgs,
  context: CommandContext,
): Promise<number> {
  const plan = planOf(args, timer, context)
  const units = timerUnits(plan)
  const next = await checkTime(timer.when)
  await installUnits(
    {
      units,
      isSystem: plan.isSystem,
      commands: timerCommands(plan, unitFolder(plan.isSystem)),
      printOnly: timer.printOnly,
      ours: { head: UNIT_HEAD, rename: '--timer-name gives ours another name.' },
      subject: 'the units are',
      success: `${plan.name}.timer is on${next === undefined ? '' : `; ${next}`}`,
    },
    context.output,
  )
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
