/**
 * `npm run e2e:fire [-- --mib N] [--full] [--only TEXT]`: what backups are for, by the commands that a user has, on grids
 * of ten server processes. /usr/share, the installed node_modules, everything odd that a disk can hold and mixed files
 * from a seed are backed up; three servers are destroyed with their disks; all is restored elsewhere by another home, and
 * again, when the machine is lost too, from the recovery kit alone; each time all content and metadata are equal by a
 * comparison that shares no code with Cairn. Then: backups that are killed and go on, two hosts at once, a host whose
 * attacker has all its keys, and prunes that are killed.
 *
 * Of /usr/share and node_modules as much as fits into N MiB each (12), or all of it with --full; mixed trees have about
 * N MB. `--only` plays the sections whose titles have that text.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { makeOddTree } from '../support/compare-trees.ts'
import { makeMixedTree } from '../support/mixed/tree.ts'
import { playDropBox } from './fire/drop-box.ts'
import { playInterrupted } from './fire/interrupted.ts'
import { playFire } from './fire/lost-servers.ts'
import { playPruned } from './fire/pruned.ts'
import { copyPart } from './fire/sources.ts'
import { Stage } from './fire/stage.ts'
import { playTwoHosts } from './fire/two-hosts.ts'

const MIB_DEFAULT = 12
const MIB_FULL = 256
const SHARED = '/usr/share'
const INSTALLED = fileURLToPath(new URL('../../node_modules', import.meta.url))

const { values } = parseArgs({
  options: {
    mib: { type: 'string' },
    full: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
  },
})
const mib = Number(values.mib ?? (values.full ? MIB_FULL : MIB_DEFAULT))
if (!(mib >= 4 && mib <= 65_536)) throw new Error(`--mib: 4 to 65536 wanted, found ${values.mib}`)
const sizeBytes = mib * 2 ** 20

const folder = await mkdtemp(join(tmpdir(), 'cairn-fire-'))
const stage = new Stage()
try {
  await play('three servers destroyed with their disks, then the local machine', async (own) => {
    await playFire(stage, { folder: own, sources: await sourcesIn(own) })
  })
  // Large enough for packs that are full when it is killed.
  await play('a backup killed half-way', (own) =>
    playInterrupted(stage, { folder: own, sizeBytes: Math.max(sizeBytes * 8, 160e6) }),
  )
  await play('two hosts at once', (own) => playTwoHosts(stage, { folder: own, sizeBytes }))
  await play('a host with a drop-box, taken over', (own) => playDropBox(stage, { folder: own, sizeBytes }))
  await play('a prune killed half-way', (own) => playPruned(stage, { folder: own, sizeBytes }))
} finally {
  await rm(folder, { recursive: true, force: true })
}
console.log(`\n${stage.summary()}`)
if (stage.failed > 0) process.exitCode = 1

async function play(title: string, section: (own: string) => Promise<void>): Promise<void> {
  if (!title.includes(values.only)) return
  const own = await mkdtemp(join(folder, 'section-'))
  await stage.section(title, () => section(own))
  await rm(own, { recursive: true, force: true })
}

async function sourcesIn(own: string): Promise<readonly string[]> {
  const made = join(own, 'sources')
  await mkdir(made)
  const [odd, mixed] = [join(made, 'odd'), join(made, 'mixed')]
  await makeOddTree(odd)
  await makeMixedTree(mixed, { seed: 41, sizeBytes })
  if (values.full) return [SHARED, INSTALLED, odd, mixed]
  const [shared, installed] = [join(made, 'share'), join(made, 'node_modules')]
  await copyPart(SHARED, shared, sizeBytes)
  await copyPart(INSTALLED, installed, sizeBytes)
  return [shared, installed, odd, mixed]
}
