/** A prune that is killed again and again loses nothing that a snapshot needs. */
import { join } from 'node:path'
import { GridProcess, until } from '../../support/cairn-process.ts'
import { editTree } from '../../support/mixed/edits.ts'
import { makeMixedTree } from '../../support/mixed/tree.ts'
import { receivedBytes } from '../../support/received-bytes.ts'
import { Host } from './host.ts'
import { copyWhole } from './sources.ts'
import { type Stage, want } from './stage.ts'

const SNAPSHOTS = 5
/** By their age: of what they alone need there is much, and what the others need lies beside it. */
const FORGOTTEN = [0, 2, 3]
/** So much of the tree changes from one snapshot to the next. */
const CHANGED_PART = 0.35
/** A prune is first killed when the servers have received so much from it; then at twice that, until it ends before. */
const FIRST_KILL_BYTES = 8_000
const KILLS_LEAST = 3

export async function playPruned(
  stage: Stage,
  { folder, sizeBytes }: { readonly folder: string; readonly sizeBytes: number },
): Promise<void> {
  const source = join(folder, 'source')
  const grid = await GridProcess.start(join(folder, 'grid'), ['--servers', '10'])
  try {
    const host = new Host(grid.client)
    const kept = new Map<string, string>()
    await makeMixedTree(source, { seed: 31, sizeBytes })
    await stage.step(`${SNAPSHOTS} snapshots of a tree that changes`, async () => {
      for (let age = 0; age < SNAPSHOTS; age += 1) {
        if (age > 0) await editTree(source, { seed: 31 + age, share: CHANGED_PART })
        await host.do('backup', source)
        const [snapshot] = await host.snapshots('--latest', '1')
        want(snapshot !== undefined, 'a snapshot')
        const copy = join(folder, `as of snapshot ${age}`)
        copyWhole(source, copy)
        kept.set(snapshot?.id ?? '', copy)
      }
    })
    await stage.step(
      'some are forgotten',
      async () => {
        const ids = [...kept.keys()].filter((_, age) => FORGOTTEN.includes(age))
        await host.do('forget', ...ids)
        for (const id of ids) kept.delete(id)
        return kept.size
      },
      (count) => `${count} left`,
    )
    const restoreAll = async (): Promise<number> => {
      let entries = 0
      const options = { target: join(folder, 'restored'), repository: 'backup:' }
      for (const [id, original] of kept) {
        entries += await host.provesEqual(id, [{ path: source, original }], options)
      }
      return entries
    }
    const told = (entries: number): string => `${entries} entries equal`
    let kills = 0
    for (let bytes = FIRST_KILL_BYTES; await killedPrune(host, grid, bytes); bytes *= 2) {
      kills += 1
      await stage.step(
        `prune killed when the servers had received ${bytes} bytes from it; every snapshot restored, and compared`,
        restoreAll,
        told,
      )
    }
    want(kills >= KILLS_LEAST, `${KILLS_LEAST} prunes killed half-way, found ${kills}`)
    await stage.step('prune to its end, with what unfinished backups put', () =>
      host.do('prune', '--unfinished'),
    )
    await stage.step('every snapshot restored, and compared', restoreAll, told)
    await stage.step('check, with every byte read', () => host.do('check', '--read-data'))
    await stage.step('one more backup', () => host.do('backup', source))
  } finally {
    await grid.stop()
  }
}

/** @returns false if it ended before */
async function killedPrune(host: Host, grid: GridProcess, bytes: number): Promise<boolean> {
  const received = (): number => receivedBytes(grid.servers.map(({ pid }) => pid))
  const before = received()
  const prune = host.start('prune', '--unfinished')
  let hasEnded = false
  void prune.ended.then(() => {
    hasEnded = true
  })
  await until(() => hasEnded || received() - before >= bytes)
  prune.child.kill('SIGKILL')
  const { code, stderr } = await prune.ended
  want(code === 0 || code === 'SIGKILL', `a prune that ends well or by the kill, found ${code}: ${stderr}`)
  return code === 'SIGKILL'
}
