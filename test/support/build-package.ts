/**
 * `npm run build`: the publishable package in dist/, as JavaScript with types, because Node strips no types below
 * node_modules. Pack it with `npm pack ./dist`.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const dist = `${root}dist/`
const DOCUMENTS = [
  'README.md',
  'ARCHITECTURE.md',
  'CHANGELOG.md',
  'SECURITY.md',
  'LICENSE',
  'crypto/FORMAT.md',
  'node/PROTOCOL.md',
  'gateway/API.md',
]
const KEPT_FIELDS = [
  'name',
  'version',
  'description',
  'license',
  'type',
  'engines',
  'dependencies',
  'optionalDependencies',
  'allowScripts',
]

rmSync(dist, { recursive: true, force: true })
execFileSync(`${root}node_modules/.bin/tsc`, ['-p', `${root}tsconfig.build.json`], { stdio: 'inherit' })
for (const path of DOCUMENTS) cpSync(`${root}${path}`, `${dist}${path}`)

const source: Record<string, unknown> = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
const kept = Object.fromEntries(
  KEPT_FIELDS.flatMap((field) => (field in source ? [[field, source[field]]] : [])),
)
const manifest = {
  ...kept,
  bin: { cairn: 'cli/main.js' },
  exports: { '.': './node/index.js', './crypto': './crypto/index.js', './package.json': './package.json' },
  imports: { '#crypto': './crypto/index.js', '#node': './node/index.js', '#gateway': './gateway/index.js' },
}
writeFileSync(`${dist}package.json`, `${JSON.stringify(manifest, undefined, 2)}\n`)
console.log(`${manifest.bin.cairn} and its package stand in dist/`)
