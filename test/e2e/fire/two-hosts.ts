/** Two hosts of one owner back up into one repository at the same time. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { GridProcess } from '../../support/cairn-process.ts'
import { editTree } from '../../support/mixed/edits.ts'
import { makeMixedTree } from '../../support/mixed/tree.ts'
import { receivedBytes } from '../../support/received-bytes.ts'
import { Host } from './host.ts'
import { copyWhole } from './sources.ts'
import { done, megabytes, type Stage, want } from './stage.ts'

/** Of what the second host has, so little is new after the first has all of it. */
const SAME_PART_MOST = 0.2

export async function playTwoHosts(
  stage: Stage,
  { folder, sizeBytes }: { readonly folder: string; readonly sizeBytes: number },
): Promise<void> {
  const [here, there] = [join(folder, 'here'), join(folder, 'there')]
  await makeMixedTree(here, { seed: 21, sizeBytes })
  await makeMixedTree(there, { seed: 22, sizeBytes })
  const grid = await GridProcess.start(join(folder, 'grid'), ['--servers', '10'])
  try {
    const first = new Host(grid.client)
    const second = await Host.create(join(folder, 'second'), grid.servers)
    await stage.step('the second host is given the repository of the first', async () => {
      await first.do('backup', '--create', here, '--host', 'first', '--tag', 'alone')
      const writeCap = join(folder, 'write.cap')
      await writeFile(writeCap, await first.do('share', '--write', 'backup:'), { mode: 0o600 })
      await second.do('alias', 'add', 'backup', `@${writeCap}`)
    })
    await editTree(here, { seed: 23, share: 0.2 })
    await stage.step('both back up at once', async () => {
      const ends = await Promise.all([
        first.run('backup', here, '--host', 'first'),
        second.run('backup', there, '--host', 'second'),
      ])
      for (const end of ends) done(end)
    })
    await stage.step(
      'both find three snapshots',
      async () => {
        const [mine, theirs] = await Promise.all([first.snapshots(), second.snapshots()])
        want(
          mine.length === 3 && theirs.length === 3,
          `3 snapshots, found ${mine.length} and ${theirs.length}`,
        )
        return mine
      },
      (snapshots) => snapshots.map(({ id }) => id).join(', '),
    )
    const options = { target: join(folder, 'restored'), repository: 'backup:' }
    for (const [by, what, host] of [
      [first, there, 'second'],
      [second, here, 'first'],
    ] as const) {
      await stage.step(
        `what the ${host} host put is restored by the other, and compared`,
        async () => {
          const [snapshot] = await by.snapshots('--host', host, '--latest', '1')
          return by.provesEqual(snapshot?.id ?? 'none', [{ path: what }], options)
        },
        (entries) => `${entries} entries equal`,
      )
    }
    const copy = join(folder, 'copy')
    copyWhole(there, copy)
    await stage.step(
      'what the second host has sent, the first need not send again',
      async () => {
        const pids = grid.servers.map(({ pid }) => pid)
        const before = receivedBytes(pids)
        await first.do('backup', copy, '--host', 'first')
        const bytes = receivedBytes(pids) - before
        want(
          bytes < sizeBytes * SAME_PART_MOST,
          `little sent, found ${megabytes(bytes)} of ${megabytes(sizeBytes)}`,
        )
        return bytes
      },
      (bytes) => `ten servers received ${megabytes(bytes)} of a tree of ${megabytes(sizeBytes)}`,
    )
  } finally {
    await grid.stop()
  }
}
