import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'

const SCRIPT = fileURLToPath(new URL('../../cli/ensure-installed.cjs', import.meta.url))
const LOCK = {
  packages: {
    '': {},
    'node_modules/a': { version: '1.0.0' },
    'node_modules/b': { version: '1.0.0', optional: true },
  },
}

/** A project with an npm that writes down what it was asked for. */
function makeProject(): {
  readonly root: string
  run(): { readonly status: number | null; readonly asked: string }
} {
  const root = mkdtempSync(join(tmpdir(), 'cairn-install-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  mkdirSync(join(root, 'cli'))
  copyFileSync(SCRIPT, join(root, 'cli', 'ensure-installed.cjs'))
  const npm = join(root, 'npm.cjs')
  writeFileSync(
    npm,
    `require('node:fs').writeFileSync('asked', process.argv.slice(2).join(' ')); process.exit(+process.env.FAIL)`,
  )
  const run = (fail = '0') => {
    const env = { ...process.env, npm_execpath: npm, FAIL: fail }
    const { status } = spawnSync(process.execPath, [join(root, 'cli', 'ensure-installed.cjs')], { env })
    const asked = join(root, 'asked')
    return { status, asked: existsSync(asked) ? readFileSync(asked, 'utf8') : '' }
  }
  return { root, run }
}

function writeJson(root: string, path: string, value: object): void {
  mkdirSync(join(root, 'node_modules'), { recursive: true })
  writeFileSync(join(root, path), JSON.stringify(value))
}

describe('ensure-installed', () => {
  test('installs what the lock file names when nothing is there', () => {
    const { root, run } = makeProject()
    writeFileSync(join(root, 'package-lock.json'), JSON.stringify(LOCK))
    expect(run()).toMatchObject({ status: 0, asked: expect.stringMatching(/^ci /) })
  })

  test('does nothing when everything is there, whatever optional parts are not', () => {
    const { root, run } = makeProject()
    writeJson(root, 'package-lock.json', LOCK)
    writeJson(root, 'node_modules/.package-lock.json', {
      packages: { 'node_modules/a': { version: '1.0.0' } },
    })
    expect(run()).toEqual({ status: 0, asked: '' })
  })

  test('installs again when the lock file has another version', () => {
    const { root, run } = makeProject()
    writeJson(root, 'package-lock.json', LOCK)
    writeJson(root, 'node_modules/.package-lock.json', {
      packages: { 'node_modules/a': { version: '0.9.0' } },
    })
    expect(run().asked).toMatch(/^ci /)
  })

  test('does without a lock file', () => {
    expect(makeProject().run().asked).toMatch(/^install /)
  })
})
