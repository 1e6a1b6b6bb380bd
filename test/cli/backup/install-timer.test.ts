import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ConflictError } from '#node'
import { timerUnits, UNIT_HEAD } from '../../../cli/backup/timer.ts'
import { writeUnits } from '../../../cli/systemd.ts'

const PLAN = {
  name: 'cairn-backup',
  command: ['/bin/true'],
  environment: new Map<string, string>(),
  when: 'daily',
  isSystem: false,
  description: 'Backup of /home',
}

const OURS = { head: UNIT_HEAD, rename: 'give it another name' }

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cairn-units-'))
})
afterEach(() => rm(folder, { recursive: true }))

test('units are written, and replaced by later ones', async () => {
  const place = join(folder, 'systemd', 'user')
  await writeUnits(place, timerUnits(PLAN), OURS)
  await writeUnits(place, timerUnits({ ...PLAN, when: 'hourly' }), OURS)
  expect((await readdir(place)).sort()).toEqual(['cairn-backup.service', 'cairn-backup.timer'])
  const path = join(place, 'cairn-backup.timer')
  expect(await readFile(path, 'utf8')).toContain('OnCalendar=hourly\n')
  expect((await stat(path)).mode & 0o777).toBe(0o644)
})

test('nothing of somebody else is replaced, and then nothing at all is written', async () => {
  await writeFile(join(folder, 'cairn-backup.timer'), '[Timer]\n')
  await expect(writeUnits(folder, timerUnits(PLAN), OURS)).rejects.toThrow(ConflictError)
  expect(await readdir(folder)).toEqual(['cairn-backup.timer'])
  expect(await readFile(join(folder, 'cairn-backup.timer'), 'utf8')).toBe('[Timer]\n')
})
