/** The fire itself: three of ten servers gone with their disks, then the machine that was backed up too. */
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cairn, GridProcess } from '../../support/cairn-process.ts'
import { receivedBytes } from '../../support/received-bytes.ts'
import { destroy, Host, requireEqual } from './host.ts'
import { done, megabytes, type Stage, want } from './stage.ts'

const LOST_SERVERS = 3
/** Of records and answers, where nothing is sent: far below one pack, which servers would hold ten thirds of. */
const NOTHING_SENT_BYTES = 4e6

export interface FireOptions {
  /** Empty, for all that is made. */
  readonly folder: string
  /** Absolute. */
  readonly sources: readonly string[]
}

export async function playFire(stage: Stage, { folder, sources }: FireOptions): Promise<void> {
  const grid = await GridProcess.start(join(folder, 'grid'), ['--servers', '10'])
  try {
    const pids = grid.servers.map(({ pid }) => pid)
    const host = new Host(grid.client)
    const received = async (work: () => Promise<unknown>): Promise<number> => {
      const before = receivedBytes(pids)
      await work()
      return receivedBytes(pids) - before
    }
    const told = (bytes: number): string => `ten servers received ${megabytes(bytes)}`
    await stage.step('backup', () => received(() => host.do('backup', ...sources)), told)
    await stage.step(
      'backup again, with nothing changed',
      async () => {
        const bytes = await received(() => host.do('backup', ...sources))
        want(bytes < NOTHING_SENT_BYTES, `next to nothing sent, found ${megabytes(bytes)}`)
        return bytes
      },
      told,
    )
    await stage.step('check, with every byte read', () => host.do('check', '--read-data'))
    await stage.step('drill', () => host.do('drill'))
    const kit = join(folder, 'kit.txt')
    await stage.step('recovery-kit', () => host.do('recovery-kit', '--output', kit))
    const readCap = join(folder, 'read.cap')
    await writeFile(readCap, await host.do('share', 'backup:'), { mode: 0o600 })

    const lost = grid.servers.slice(-LOST_SERVERS)
    const left = grid.servers.slice(0, -LOST_SERVERS)
    await stage.step(`${LOST_SERVERS} servers destroyed with their disks`, () => destroy(grid, lost))
    const friend = await Host.create(join(folder, 'friend'), left)
    await playRestore(stage, { host: friend, repository: `@${readCap}`, sources, folder })

    await stage.step('the machine that was backed up lost, with its home', async () => {
      await rm(grid.client, { recursive: true })
      await rm(friend.home, { recursive: true })
      await rm(readCap)
    })
    const bare = new Host(join(folder, 'bare'))
    await stage.step('a new home from the recovery kit alone', async () =>
      done(await cairn(['init', '--kit', kit, '--home', bare.home])),
    )
    await playRestore(stage, { host: bare, repository: 'backup:', sources, folder })
  } finally {
    await grid.stop()
  }
}

interface RestoreOptions extends FireOptions {
  readonly host: Host
  readonly repository: string
}

async function playRestore(
  stage: Stage,
  { host, repository, sources, folder }: RestoreOptions,
): Promise<void> {
  const target = join(folder, 'restored')
  await stage.step('restore elsewhere, by another home', () =>
    host.do('restore', 'latest', '--repository', repository, '--target', target, '--verify'),
  )
  for (const source of sources) {
    await stage.step(
      `compared with ${source}`,
      () => requireEqual(source, `${target}${source}`),
      (entries) => `${entries} entries equal, content and metadata`,
    )
  }
  await rm(target, { recursive: true })
}
