/**
 * A backup on a schedule, as units of systemd: the texts and where they go. Pure.
 *
 * The service runs the very command that was given, without the option that asked for the timer.
 */
import { InvalidInputError } from '#crypto'
import type { SystemdCommands } from '../systemd.ts'
import { argument, oneLine, quoted, type Unit } from '../unit-text.ts'

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
): SystemdCommands {
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
