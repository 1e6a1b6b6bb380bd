/**
 * `npm run bench:backup [-- --mib 1024] [--quick] [--daemon] [--only TEXT] [--json] [--save]`: backups by Cairn onto ten local server
 * processes, 3 of 10, beside Debian's restic into a repository on the local disk, in one run: 100 files of 1 kB, the
 * installed node_modules, and mixed files from a seed, 1 GiB or as many MiB as `--mib` says. For each: the first backup,
 * one of the unchanged tree, one after 1 % of the files changed, and a restore, which is compared with the tree. Both are
 * the commands that users type, each a process from start to end.
 *
 * With `--daemon` the home has a daemon, as that of whoever lends too: a command then need not start a node of its own.
 * `--only` takes the subjects whose names have that text. `--save` writes the tables to test/bench/results/backup.txt.
 * Without restic (`apt-get install restic`) Cairn is measured alone. Cairn does more: it stores ten thirds of what restic
 * stores, on ten processes that check every byte, on the same two cores. Machines wander: compare within one run.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { ClosingSteps } from '#node'
import { GridProcess } from '../support/cairn-process.ts'
import { Cairn } from './backup/cairn.ts'
import { DaemonProcess } from './backup/daemon-process.ts'
import { measureSubject } from './backup/measure.ts'
import { tableOf } from './backup/report.ts'
import { Restic } from './backup/restic.ts'
import type { Row, StoredRow } from './backup/row.ts'
import { mixedFiles, nodeModules, smallFiles } from './backup/subjects.ts'
import { machine } from './machine.ts'

const SERVERS = 10
const QUICK_MIB = 32

const { values } = parseArgs({
  options: {
    mib: { type: 'string' },
    quick: { type: 'boolean', default: false },
    daemon: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
  },
})
const mib = Number(values.mib ?? (values.quick ? QUICK_MIB : 1024))
if (!(mib >= 1 && mib <= 65_536)) throw new Error(`--mib: 1 to 65536 wanted, found ${values.mib}`)
const subjects = [smallFiles, ...(values.quick ? [] : [nodeModules]), mixedFiles(mib * 2 ** 20)].filter(
  ({ name }) => name.includes(values.only),
)
const restic = Restic.version()
const loadBefore = loadavg()

const rows: Row[] = []
const stored: StoredRow[] = []
const closing = new ClosingSteps()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    void closing[Symbol.asyncDispose]().finally(() => process.exit(130))
  })
}
try {
  const folder = await mkdtemp(`${tmpdir()}/cairn-bench-`)
  closing.add(() => rm(folder, { recursive: true, force: true }))
  if (restic === undefined) console.error('restic is not installed (apt-get install restic): Cairn alone')
  for (const [number, subject] of subjects.entries()) {
    // A grid for each, so that the servers begin with nothing to look after.
    const own = `${folder}/${number}`
    await mkdir(`${own}/trees`, { recursive: true })
    const grid = closing.addResource(await GridProcess.start(`${own}/grid`, ['--servers', String(SERVERS)]))
    const daemon = values.daemon ? closing.addResource(await DaemonProcess.start(grid.client)) : undefined
    const keepers = [
      ...(restic === undefined ? [] : [await Restic.create(`${own}/restic`)]),
      await Cairn.create(grid, 'bench'),
    ]
    const note = (text: string): void => console.error(text)
    const measured = await measureSubject(subject, { folder: `${own}/trees`, keepers, note })
    rows.push(...measured.rows)
    stored.push(...measured.stored)
    await daemon?.stop()
    await grid.stop()
    await rm(own, { recursive: true })
  }
} finally {
  await closing[Symbol.asyncDispose]()
}
if (values.json) console.log(JSON.stringify({ machine: machine(), restic, loadBefore, rows, stored }))
else console.log(textOf())
if (values.save) {
  const results = new URL('results/', import.meta.url)
  await mkdir(results, { recursive: true })
  await writeFile(new URL('backup.txt', results), `${textOf()}\n`)
}

function textOf(): string {
  const head = [
    `npm run bench:backup -- ${process.argv.slice(2).join(' ')}`.trim(),
    `${machine()}; load before: ${loadBefore.map((load) => load.toFixed(1)).join(' ')}`,
    `restic: ${restic ?? 'not installed'}, to a repository on the local disk`,
    `Cairn: 3 of 10 onto ${SERVERS} local server processes, which have no processors of their own; ${
      values.daemon ? 'its home has a daemon' : 'its home has no daemon, so each command starts a node'
    }`,
    'each step a command from start to end; every restored tree was compared and equal; MB: 10^6 bytes',
  ]
  const tables = subjects.map(({ name }) => {
    const own = <Of extends { readonly subject: string }>(all: readonly Of[]): readonly Of[] =>
      all.filter(({ subject }) => subject === name)
    return `${name}\n\n${tableOf(own(rows), own(stored))}`
  })
  return [head.join('\n'), ...tables].join('\n\n')
}
