/**
 * A host that may add backups and neither read nor remove any is taken over, with all its files and keys. What was
 * there before stays, and stays secret.
 */
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { nextDropSeed, type PublicKey, parseDropCapability, slotKeys } from '#crypto'
import { GridProcess } from '../../support/cairn-process.ts'
import { editTree } from '../../support/mixed/edits.ts'
import { makeMixedTree } from '../../support/mixed/tree.ts'
import { Host } from './host.ts'
import { Ransomware, rootsIn, type StoredShare, storedShares } from './ransomware.ts'
import { copyWhole } from './sources.ts'
import { type Stage, want } from './stage.ts'

/** Of a lease of 31 days, as much as must be left: the clocks of the machines, and the time that the proof takes. */
const LEASE_LEAST_SECONDS = 30 * 24 * 3600
/** Stands in a file that is backed up, and nowhere else. */
const MARKER = 'the combination of the safe is 41-7-23'
const REPOSITORY = 'fortress:'

export interface DropBoxOptions {
  readonly folder: string
  readonly sizeBytes: number
}

export async function playDropBox(stage: Stage, options: DropBoxOptions): Promise<void> {
  const { folder } = options
  const grid = await GridProcess.start(join(folder, 'grid'), ['--servers', '10'])
  try {
    const owner = new Host(grid.client)
    const host = await Host.create(join(folder, 'host'), grid.servers)
    const { copies, slots, shares } = await playBackups(stage, { ...options, grid, owner, host })
    const stolen = join(folder, 'stolen')
    await stage.step('the host is taken over: a copy of its home, with every key', async () => {
      copyWhole(host.home, stolen)
      await rm(host.home, { recursive: true })
    })
    await playCommands(stage, new Host(stolen))
    await playProtocol(stage, { stolen, slots, shares })
    await stage.step('the owner collects what is left, and lists it', async () => {
      const found = await owner.snapshots('--repository', REPOSITORY)
      want(found.length === 2, `2 snapshots, found ${found.length}`)
    })
    for (const [day, { id, original }] of copies.entries()) {
      await stage.step(
        `the backup of day ${day + 1} is restored by the owner, and compared`,
        () =>
          owner.provesEqual(id, [{ path: join(folder, 'source'), original }], {
            target: join(folder, 'restored'),
            repository: REPOSITORY,
          }),
        (entries) => `${entries} entries equal`,
      )
    }
  } finally {
    await grid.stop()
  }
}

interface DroppedBackups {
  readonly copies: readonly { readonly id: string; readonly original: string }[]
  /** Of the drops that stand, which whoever has only what is on the host cannot know; the first was collected. */
  readonly slots: readonly PublicKey[]
  /** That the host has put. */
  readonly shares: readonly StoredShare[]
}

interface BackupsOptions extends DropBoxOptions {
  readonly grid: GridProcess
  readonly owner: Host
  readonly host: Host
}

async function playBackups(
  stage: Stage,
  { folder, sizeBytes, grid, owner, host }: BackupsOptions,
): Promise<DroppedBackups> {
  const source = join(folder, 'source')
  await makeMixedTree(source, { seed: 51, sizeBytes })
  await writeFile(join(source, 'secret.txt'), MARKER)
  const dropFile = join(folder, 'drop.cap')
  await stage.step('the owner makes a drop-box, and the host accepts it', async () => {
    await owner.do('drop', 'create', 'fortress', '--output', dropFile)
    await host.do('drop', 'accept', `@${dropFile}`)
  })
  let seed = parseDropCapability((await readFile(dropFile, 'utf8')).trim()).seed.reveal()
  await rm(dropFile)
  const shares: StoredShare[] = []
  const copies: { id: string; original: string }[] = []
  for (const day of [1, 2]) {
    await stage.step(`day ${day}: the host backs up into the drop-box`, async () => {
      if (day > 1) {
        await editTree(source, { seed: 52, share: 0.2 })
        await rm(join(source, 'secret.txt'))
      }
      const before = new Set((await storedShares(grid.servers)).map(nameOf))
      const snapshot = JSON.parse(await host.do('backup', source, '--json'))
      shares.push(...(await storedShares(grid.servers)).filter((share) => !before.has(nameOf(share))))
      const original = join(folder, `day ${day}`)
      copyWhole(source, original)
      copies.push({ id: snapshot.id, original })
    })
    // What is dropped on the second day is not collected before the host is taken over.
    if (day === 1) await owner.do('snapshots', '--repository', REPOSITORY)
  }
  const slots: PublicKey[] = []
  for (let drop = 0; drop < copies.length; drop += 1) {
    slots.push(slotKeys(seed).publicKey)
    seed = nextDropSeed(seed)
  }
  return { copies, slots, shares }
}

/** What a user could type. Nothing of it may work, nor show what is in a file. */
async function playCommands(stage: Stage, stolen: Host): Promise<void> {
  const tries = [
    ['snapshots'],
    ['restore', 'latest', '--target', `${stolen.home}-restored`],
    ['ls', '--snapshot', 'latest', '/'],
    ['find', '*'],
    ['dump', 'latest', '/'],
    ['check', '--read-data'],
    ['drill'],
    ['recovery-kit'],
    ['forget', '--keep-last', '1', '--unsafe-allow-remove-all', '--prune'],
    ['prune', '--unfinished'],
    ['rm', '-r', REPOSITORY],
  ]
  for (const args of tries) {
    await stage.step(
      `he tries: cairn ${args.slice(0, 2).join(' ')}`,
      async () => {
        const { code, stdout, stderr } = await stolen.run(...args)
        want(typeof code === 'number' && code > 1 && code !== 70, `a refusal, found exit code ${code}`)
        want(!`${stdout}${stderr}`.includes(MARKER), 'nothing that was in a file')
        return `refused, exit code ${code}`
      },
      (told) => told,
    )
  }
}

interface ProtocolOptions extends Pick<DroppedBackups, 'slots' | 'shares'> {
  readonly stolen: string
}

async function playProtocol(stage: Stage, { stolen, slots, shares }: ProtocolOptions): Promise<void> {
  await stage.step(
    'he searches what he stole for capabilities of what was backed up',
    async () => {
      const found = await rootsIn(stolen, shares)
      want(found === 0, `none, found ${found}`)
    },
    () => 'none',
  )
  const thief = await Ransomware.begin(stolen)
  try {
    await stage.step(
      'he tries every stolen key on the drops that stand',
      async () => {
        for (const slot of slots) want(!(await thief.opensDrop(slot)), 'a drop that does not open')
      },
      () => 'none opens',
    )
    await stage.step(
      'he overwrites the drops, by the protocol',
      async () => {
        let refusals = 0
        for (const slot of slots) refusals += await thief.overwriteSlot(slot)
        return refusals
      },
      (refusals) => `refused ${refusals} times by the servers`,
    )
    await stage.step(
      'he cancels the leases of all that the host has put, by the protocol',
      async () => {
        const ends = await thief.cancelLeases(shares, slots)
        want(ends.length >= shares.length, `${shares.length} shares and more, found ${ends.length}`)
        const first = Math.min(...ends)
        const days = (first - Date.now() / 1000) / 86_400
        want(days * 86_400 >= LEASE_LEAST_SECONDS, `leases that bind for 30 days, found ${days.toFixed(1)}`)
        return `${ends.length} leases bind for ${days.toFixed(1)} days more`
      },
      (told) => told,
    )
    await stage.step('he spoils what he can: drops that are none come after those that stand', () =>
      thief.spoilDropBox(),
    )
  } finally {
    await thief[Symbol.asyncDispose]()
  }
}

function nameOf({ serverId, address }: StoredShare): string {
  const { storageIndex, root, shareNumber } = address
  return [
    serverId,
    Buffer.from(storageIndex).toString('hex'),
    Buffer.from(root).toString('hex'),
    shareNumber,
  ].join()
}
