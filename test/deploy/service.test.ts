/** The unit of systemd that comes with the sources is the one that the command writes, and systemd takes it. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { InvalidInputError } from '#crypto'
import { serviceUnit } from '../../cli/service-unit.ts'

const HOME = '/var/lib/cairn'
const PACKAGED = { command: ['/usr/local/bin/cairn', 'run', '--home', HOME], home: HOME, user: 'cairn' }

describe('serviceUnit', () => {
  test('is what deploy/cairn.service holds', () => {
    const file = new URL('../../deploy/cairn.service', import.meta.url)
    expect(readFileSync(file, 'utf8')).toBe(serviceUnit(PACKAGED).text)
  })

  test('of a user leaves out what only the machine can do', () => {
    const { text } = serviceUnit({ ...PACKAGED, user: undefined })
    expect(text).not.toMatch(/^(User|ProtectSystem|CapabilityBoundingSet)=/m)
    expect(text).toContain('WantedBy=default.target')
  })

  test('holds no path that would be read as something else', () => {
    const { text } = serviceUnit({ ...PACKAGED, home: '/srv/100% "mine" $HOME' })
    expect(text).toContain('ReadWritePaths="/srv/100%% \\"mine\\" $HOME"')
    expect(() => serviceUnit({ ...PACKAGED, home: '/srv/a\nExecStart=/bin/sh' })).toThrow(InvalidInputError)
  })

  test.skipIf(spawnSync('systemd-analyze', ['--version']).status !== 0)('is one that systemd takes', () => {
    const folder = mkdtempSync(join(tmpdir(), 'cairn-unit-'))
    try {
      const path = join(folder, 'cairn.service')
      // It looks whether the program is there, and can be run.
      writeFileSync(path, serviceUnit({ ...PACKAGED, command: [process.execPath, 'run'] }).text)
      const { stderr } = spawnSync('systemd-analyze', ['verify', path], { encoding: 'utf8' })
      expect(
        stderr.split('\n').filter((line) => line.includes(folder) || line.includes('cairn.service')),
      ).toEqual([])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
