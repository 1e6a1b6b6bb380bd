/**
 * Runs before `npm start` and `npm test`: installs what package-lock.json names, if it is not there. Plain CommonJS for
 * any Node since 16, because the one that Cairn needs is among the things it installs.
 */
'use strict'
const { spawnSync } = require('node:child_process')
const { existsSync, readFileSync } = require('node:fs')
const { dirname, join } = require('node:path')

const root = dirname(__dirname)

/** npm writes what it has installed into node_modules/.package-lock.json; parts for other systems are left out. */
function isInstalled() {
  const wanted = packagesOf(join(root, 'package-lock.json'))
  const found = packagesOf(join(root, 'node_modules', '.package-lock.json'))
  if (found === undefined) return false
  if (wanted === undefined) return existsSync(join(root, 'node_modules', 'node'))
  return Object.keys(wanted).every((path) => {
    if (path === '' || wanted[path].link || wanted[path].optional || wanted[path].devOptional) return true
    return found[path] !== undefined && found[path].version === wanted[path].version
  })
}

function packagesOf(lockfile) {
  if (!existsSync(lockfile)) return undefined
  try {
    return JSON.parse(readFileSync(lockfile, 'utf8')).packages
  } catch {
    return undefined
  }
}

function install() {
  const command = existsSync(join(root, 'package-lock.json')) ? 'ci' : 'install'
  process.stderr.write('Installing the packages that Cairn needs; this is done once and takes a minute.\n')
  // Inside an npm script the very npm that runs it is named here; it need not be on the path.
  const npm = process.env.npm_execpath
  const args = [command, '--no-audit', '--no-fund', '--loglevel=error']
  const options = { cwd: root, stdio: ['ignore', 2, 2] }
  const done = npm
    ? spawnSync(process.execPath, [npm, ...args], options)
    : spawnSync('npm', args, { ...options, shell: process.platform === 'win32' })
  if (done.status === 0) return 0
  process.stderr.write(`npm ${command} failed; run it by hand in ${root} to see why.\n`)
  return done.status || 1
}

if (!isInstalled()) process.exitCode = install()
