import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { asSlotSeed, slotKeys, slotStorageIndex, slotWriteCapability } from '#crypto'
import { type DeepReport, UnreachableError } from '#node'
import { noteRenewed, renewIfDue } from '../../../cli/backup/renew.ts'
import type { CommandContext } from '../../../cli/context.ts'
import { Home } from '../../../cli/home.ts'
import { Output } from '../../../cli/output.ts'
import { Roots } from '../../../cli/roots.ts'
import { fakeFiles } from '../../support/fake-files.ts'

const DAY = 24 * 3600 * 1000
const seed = asSlotSeed(new Uint8Array(32).fill(3))
const capability = slotWriteCapability('dir', seed)
const REPORT: DeepReport = {
  kind: 'file',
  storageIndex: slotStorageIndex(slotKeys(seed).publicKey),
  foundCount: 5,
  wantedCount: 5,
  isHealthy: true,
  isRecoverable: true,
  madeCount: 0,
  failures: [],
  warnings: [],
}

let home: Home
let context: CommandContext
let reports: readonly DeepReport[]
let asked: string[]
beforeEach(async () => {
  home = new Home(await mkdtemp(join(tmpdir(), 'cairn-renew-')))
  context = {
    output: new Output({ json: true, quiet: true }),
    signal: new AbortController().signal,
    home,
    roots: new Roots(home),
    acceptRollback: false,
    openFiles: () => Promise.reject(new Error('no grid here')),
  }
  reports = [REPORT, { ...REPORT, madeCount: 2 }]
  asked = []
})
afterEach(() => rm(home.folder, { recursive: true }))

const found = () => ({
  files: fakeFiles({
    async *repairDeep(root) {
      asked.push(root.kind)
      yield* reports
    },
  }),
  capability,
  label: 'backup:',
})
const file = async () => {
  const [name = ''] = await readdir(home.backupFolder)
  return join(home.backupFolder, name)
}

test('leases are renewed once a week, with no more than the right to verify', async () => {
  expect(await renewIfDue(found(), context)).toEqual({ things: 2, repaired: 1, unrecoverable: 0 })
  expect(await renewIfDue(found(), context)).toBeUndefined()
  const path = await file()
  await writeFile(path, `${Date.now() - 6 * DAY}\n`)
  expect(await renewIfDue(found(), context)).toBeUndefined()
  await writeFile(path, `${Date.now() - 8 * DAY}\n`)
  expect(await renewIfDue(found(), context)).toBeDefined()
  expect(Number(await readFile(path, 'utf8'))).toBeGreaterThan(Date.now() - DAY)
  expect(asked).toEqual(['dir-verify', 'dir-verify'])
})

test('a date that means nothing, or lies ahead, is no reason to wait', async () => {
  await noteRenewed(found(), home)
  expect(await renewIfDue(found(), context)).toBeUndefined()
  for (const content of ['never', '', `${Date.now() + 400 * DAY}`]) {
    await writeFile(await file(), content)
    expect(await renewIfDue(found(), context)).toBeDefined()
  }
})

test('what cannot be rebuilt is told, and tried again the next time', async () => {
  reports = [REPORT, { ...REPORT, isHealthy: false, isRecoverable: false, foundCount: 1 }]
  expect(await renewIfDue(found(), context)).toEqual({ things: 2, repaired: 0, unrecoverable: 1 })
  expect(await renewIfDue(found(), context)).toMatchObject({ unrecoverable: 1 })
})

test('a grid that does not answer is no failure of the backup', async () => {
  const files = fakeFiles({
    // biome-ignore lint/correctness/useYield: it fails before there is anything.
    async *repairDeep() {
      throw new UnreachableError('nobody answers')
    },
  })
  expect(await renewIfDue({ ...found(), files }, context)).toBeUndefined()
  expect(await renewIfDue(found(), context)).toBeDefined()
})
