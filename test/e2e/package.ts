/**
 * `npm run test:package`: build the package, pack it, install it in an empty folder as a user would, and put a file
 * through a grid with the installed `cairn`.
 */
import { strict as assert } from 'node:assert'
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const folder = mkdtempSync(`${tmpdir()}/cairn-package-`)
const run = (command: string, args: readonly string[], cwd: string): string =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })

try {
  run(process.execPath, ['test/support/build-package.ts'], root)
  const [tarball] = run('npm', ['pack', `${root}dist`, '--silent'], folder)
    .trim()
    .split('\n')
    .toReversed()
  assert(tarball !== undefined, 'npm pack names its file')
  writeFileSync(`${folder}/package.json`, '{ "private": true }')
  run('npm', ['install', '--silent', '--no-audit', '--no-fund', `./${tarball}`], folder)
  const cairn = `${folder}/node_modules/.bin/cairn`
  assert.match(run(cairn, ['--version'], folder), /^\d+\.\d+\.\d+/)
  await putThroughGrid(cairn)
  console.log('1 passed, 0 failed')
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function putThroughGrid(cairn: string): Promise<void> {
  const grid = spawn(cairn, ['grid', '--servers', '3', '--dir', `${folder}/grid`, '--json'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  try {
    for await (const line of createInterface({ input: grid.stdout })) {
      const { client } = JSON.parse(line)
      const content = readFileSync(process.execPath).subarray(0, 3_000_000)
      writeFileSync(`${folder}/file`, content)
      const numbers = ['--needed', '2', '--happy', '3', '--total', '3']
      const capability = run(cairn, ['put', `${folder}/file`, '--home', client, ...numbers], folder).trim()
      run(cairn, ['get', capability, `${folder}/again`, '--home', client], folder)
      assert(readFileSync(`${folder}/again`).equals(content), 'the file comes back as it was')
      break
    }
  } finally {
    grid.kill('SIGINT')
    await new Promise((resolve) => grid.once('exit', resolve))
  }
}
