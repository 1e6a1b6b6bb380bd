/**
 * A backup on a schedule, as units of systemd: the texts and where they go. Pure.
 *
 * The service runs the very command that was given, without the option that asked for the timer.
 */
import { InvalidInputError } from '#crypto'

export interface TimerPlan {
  /** Of the units, without ending. */
  readonly name: string
  /** The program and its arguments. */
  readonly command: readonly string[]
  /** Set for the service. */
  readonly environment: ReadonlyMap<string, string>
  /** In the words of systemd.time(7), such as `daily` or `Mon..Fri 03:30`. */
  readonly when: string
  /** For the machine, by root; otherwise for one user. */
  readonly isSystem: boolean
  /** What people read of it. */
  readonly description: string
}

export interface Unit {
  readonly fileName: string
  readonly text: string
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9:_.-]{0,99}$/
/** The first line of what is written here, and what may be replaced by it. */
export const UNIT_HEAD = '# Written by cairn backup --install-timer'
/** So that the machines of a grid do not all begin at midnight. */
const DELAY_MAX = '15min'

/** @throws InvalidInputError for what a unit cannot hold */
export function timerUnits(plan: TimerPlan): readonly Unit[] {
  if (!NAME.test(plan.name)) {
    throw new InvalidInputError(
      '--timer-name: up to 100 letters, digits and .:_- wanted, and a letter or digit at the beginning',
    )
  }
  if (plan.when.trim() === '')
    throw new InvalidInputError('--install-timer: a time such as daily or 03:30 wanted')
  return [
    { fileName: `${plan.name}.service`, text: serviceText(plan) },
    { fileName: `${plan.name}.timer`, text: timerText(plan) },
  ]
}

/** What turns the timer on, and what undoes all of it. @param folder where the units are */
export function timerCommands(
  { name, isSystem }: Pick<TimerPlan, 'name' | 'isSystem'>,
  folder: string,
): { readonly enable: readonly (readonly string[])[]; readonly undo: readonly (readonly string[])[] } {
  const systemctl = ['systemctl', ...(isSystem ? [] : ['--user'])]
  const files = ['service', 'timer'].map((ending) => `${folder}/${name}.${ending}`)
  return {
    enable: [
      [...systemctl, 'daemon-reload'],
      [...systemctl, 'enable', '--now', `${name}.timer`],
    ],
    undo: [
      [...systemctl, 'disable', '--now', `${name}.timer`],
      ['rm', ...files],
      [...systemctl, 'daemon-reload'],
    ],
  }
}

/** As a shell takes it. */
export function shellText(command: readonly string[]): string {
  return command
    .map((word) => (/^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(' ')
}

function serviceText({ command, environment, isSystem, description }: TimerPlan): string {
  const variables = [...environment]
    .map(([name, value]) => `Environment=${quoted(`${name}=${value}`)}\n`)
    .join('')
  // A user's systemd has no such target.
  const network = isSystem ? 'Wants=network-online.target\nAfter=network-online.target\n' : ''
  return `${UNIT_HEAD}
[Unit]
Description=${oneLine(description)}
${network}
[Service]
Type=oneshot
${variables}ExecStart=${command.map(argument).join(' ')}
Nice=10
IOSchedulingClass=idle
`
}

function timerText({ when, description }: TimerPlan): string {
  return `${UNIT_HEAD}
[Unit]
Description=${oneLine(description)}, on a schedule

[Timer]
OnCalendar=${oneLine(when)}
# A machine that was off at the time makes up for it.
Persistent=true
RandomizedDelaySec=${DELAY_MAX}

[Install]
WantedBy=timers.target
`
}

/** One word of ExecStart: there a dollar begins a variable too. */
function argument(word: string): string {
  return quoted(word.replaceAll('$', '$$$$'))
}

/** One word, in which no specifier and no escape means anything. @throws InvalidInputError */
function quoted(word: string): string {
  if (/[\0\n\r]/.test(word))
    throw new InvalidInputError('a path with a line end cannot stand in a unit of systemd')
  return `"${word.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%')}"`
}

/** @throws InvalidInputError */
function oneLine(text: string): string {
  if (/[\0\n\r]/.test(text)) throw new InvalidInputError('a unit of systemd wants this in one line')
  return text.replaceAll('%', '%%').replace(/\\$/, '\\\\')
}
