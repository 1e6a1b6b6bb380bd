/** A backup that is killed again and again, and goes on where it was: what servers received is counted. */
import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { GridProcess, shareFiles, until } from '../../support/cairn-process.ts'
import { makeMixedTree } from '../../support/mixed/tree.ts'
import { receivedBytes } from '../../support/received-bytes.ts'
import { Host } from './host.ts'
import { megabytes, type Stage, want } from './stage.ts'

/** Where it is killed: when the servers have received so much of what a whole backup sends. */
const KILLED_AT = [0.15, 0.3, 0.45, 0.6, 0.75]
/** What is on its way to the servers when a client dies arrives again: so many packs, each ten thirds of 32 MiB. */
const PACKS_ON_THEIR_WAY = 2
const PACK_ON_SERVERS_BYTES = ((32 * 2 ** 20) / 3) * 10
/** Records, indexes and connections of one session. */
const SESSION_BYTES = 8e6

export async function playInterrupted(
  stage: Stage,
  { folder, sizeBytes }: { readonly folder: string; readonly sizeBytes: number },
): Promise<void> {
  const source = join(folder, 'source')
  await makeMixedTree(source, { seed: 11, sizeBytes })
  const grid = await GridProcess.start(join(folder, 'grid'), ['--servers', '10'])
  try {
    const host = new Host(grid.client)
    const received = (): number => receivedBytes(grid.servers.map(({ pid }) => pid))
    const whole = await stage.step(
      'a backup that nobody interrupts, for comparison',
      async () => {
        const before = received()
        await host.do('backup', source, '--repository', 'whole:', '--create')
        return received() - before
      },
      (bytes) => `ten servers received ${megabytes(bytes)}`,
    )
    await host.do('backup', await smallFile(folder), '--repository', 'killed:', '--create')
    const start = received()
    let kept: ReadonlyMap<string, number> = new Map()
    for (const part of KILLED_AT) {
      await stage.step(
        `SIGKILL when the servers have ${part * 100} % of that`,
        async () => {
          const backup = host.start('backup', source, '--repository', 'killed:')
          let hasEnded = false
          void backup.ended.then(() => {
            hasEnded = true
          })
          await until(() => hasEnded || received() - start >= whole * part)
          want(!hasEnded, `a backup that is still going on, found it ended: ${backup.stderr}`)
          backup.child.kill('SIGKILL')
          await backup.ended
          await requireKept(grid, kept)
          kept = await sharesOf(grid)
          return kept.size
        },
        (shares) => `${shares} share files on the servers`,
      )
    }
    await stage.step('the backup goes on and ends', async () => {
      await host.do('backup', source, '--repository', 'killed:')
      await requireKept(grid, kept)
    })
    await stage.step(
      'nothing that was recorded was sent twice',
      async () => {
        const more = received() - start - whole
        const most = KILLED_AT.length * (PACKS_ON_THEIR_WAY * PACK_ON_SERVERS_BYTES + SESSION_BYTES)
        want(more <= most, `at most ${megabytes(most)} more than without the kills, found ${megabytes(more)}`)
        return more
      },
      (more) => `${megabytes(more)} more than without ${KILLED_AT.length} kills`,
    )
    await stage.step(
      'restore, and compare',
      () =>
        host.provesEqual('latest', [{ path: source }], {
          target: join(folder, 'restored'),
          repository: 'killed:',
        }),
      (entries) => `${entries} entries equal`,
    )
  } finally {
    await grid.stop()
  }
}

/** What a repository is made with, so that making it is not counted. */
async function smallFile(folder: string): Promise<string> {
  const path = join(folder, 'small')
  await writeFile(path, 'small')
  return path
}

/** Every share file of every server, by its path, and which file it is. */
async function sharesOf(grid: GridProcess): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>()
  for (const { dir } of grid.servers) {
    for (const path of await shareFiles(dir)) found.set(path, (await stat(path)).ino)
  }
  return found
}

/** What a server had it has, and it is the same file: nobody wrote it a second time. */
async function requireKept(grid: GridProcess, kept: ReadonlyMap<string, number>): Promise<void> {
  const found = await sharesOf(grid)
  for (const [path, inode] of kept) want(found.get(path) === inode, `${path} as it was`)
}
