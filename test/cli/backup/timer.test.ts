import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InvalidInputError } from '#crypto'
import { type TimerPlan, timerCommands, timerUnits } from '../../../cli/backup/timer.ts'
import { shellText } from '../../../cli/unit-text.ts'

const PLAN: TimerPlan = {
  name: 'cairn-backup',
  command: ['/usr/bin/env', 'cairn', 'backup', '/home/ann/100 % "new" $HOME\\'],
  environment: new Map([['PATH', '/usr/bin:/opt/50%']]),
  when: 'daily',
  isSystem: true,
  description: 'Backup of /home/ann',
}
const textOf = (plan: TimerPlan, ending: string): string =>
  timerUnits(plan).find(({ fileName }) => fileName.endsWith(ending))?.text ?? ''

/** As systemd.syntax(7) and systemd.service(5) say that a line of ExecStart is read, with no specifier and variable. */
function readCommand(text: string): readonly string[] {
  const line = /^ExecStart=(.*)$/m.exec(text)?.[1] ?? ''
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, word = '']) => {
    expect(word.replaceAll('%%', '')).not.toContain('%')
    expect(word.replaceAll('$$', '')).not.toContain('$')
    return word.replace(/\\(.)/g, '$1').replaceAll('%%', '%').replaceAll('$$', '$')
  })
}

describe('timerUnits', () => {
  test('runs the command as it was given, whatever is in it', () => {
    expect(readCommand(textOf(PLAN, '.service'))).toEqual(PLAN.command)
    const word = fc.string({ unit: fc.constantFrom(...'a/ "\\%$\'#;ü', '\t') })
    fc.assert(
      fc.property(fc.array(word, { minLength: 1 }), (command) => {
        expect(readCommand(textOf({ ...PLAN, command }, '.service'))).toEqual(command)
      }),
    )
  })

  test('waits for the network where systemd can, and makes up for what was missed', () => {
    expect(textOf(PLAN, '.service')).toContain('After=network-online.target')
    expect(textOf({ ...PLAN, isSystem: false }, '.service')).not.toContain('network-online')
    expect(textOf(PLAN, '.timer')).toContain('OnCalendar=daily\n')
    expect(textOf(PLAN, '.timer')).toContain('Persistent=true')
  })

  test('refuses what a unit cannot hold', () => {
    expect(() => timerUnits({ ...PLAN, name: '../x' })).toThrow(InvalidInputError)
    expect(() => timerUnits({ ...PLAN, when: ' ' })).toThrow(InvalidInputError)
    expect(() => timerUnits({ ...PLAN, when: 'daily\nUser=x' })).toThrow(InvalidInputError)
    expect(() => timerUnits({ ...PLAN, command: ['a\nb'] })).toThrow(InvalidInputError)
    expect(() => timerUnits({ ...PLAN, description: 'a\nb' })).toThrow(InvalidInputError)
  })

  const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0
  test.runIf(hasSystemd)('passes systemd-analyze verify, where it is installed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cairn-units-'))
    try {
      for (const isSystem of [true, false]) {
        const units = timerUnits({ ...PLAN, isSystem })
        for (const { fileName, text } of units) await writeFile(join(folder, fileName), text)
        const files = units.map(({ fileName }) => join(folder, fileName))
        const { stderr } = await promisify(execFile)('systemd-analyze', ['verify', ...files])
        expect(stderr.split('\n').filter((line) => line.includes(folder))).toEqual([])
      }
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

test('tells what turns it on and what undoes it, as a shell takes it', () => {
  const { enable, undo } = timerCommands({ name: 'cairn-backup', isSystem: false }, "/home/o'hara/units")
  expect(enable.map(shellText)).toEqual([
    'systemctl --user daemon-reload',
    'systemctl --user enable --now cairn-backup.timer',
  ])
  expect(undo.map(shellText)).toEqual([
    'systemctl --user disable --now cairn-backup.timer',
    `rm '/home/o'\\''hara/units/cairn-backup.service' '/home/o'\\''hara/units/cairn-backup.timer'`,
    'systemctl --user daemon-reload',
  ])
})
