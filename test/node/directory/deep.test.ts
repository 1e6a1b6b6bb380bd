import { expect, test } from 'vitest'
import {
  asReadKey,
  asSlotSeed,
  bodyKey,
  fileReadCapability,
  formatDirectoryNode,
  literalCapability,
  slotKeys,
  slotWriteCapability,
  toVerifyCapability,
  utf8,
} from '#crypto'
import { checkDeep, type DeepReport, type DirectoryOptions, updateSlot } from '#node'
import { gridNodeStore } from '../../../node/directory/node-store.ts'
import { ENCODING, MemoryGrid } from '../../support/memory-grid.ts'
import { pattern } from '../../support/pattern.ts'

const OPTIONS: DirectoryOptions = { encoding: ENCODING, happyServers: 4, replicas: 7 }

test('upkeep reaches a node that another link names under a wrong key', async () => {
  const grid = await MemoryGrid.open(7)
  const seed = asSlotSeed(pattern(1, 32))
  const keys = slotKeys(seed)
  const child = { capability: literalCapability(utf8('x')), sealedWrite: undefined, metadata: {} }
  const store = gridNodeStore(grid, bodyKey(keys.readKey.reveal()), OPTIONS)
  const file = await store.save({ entries: [{ name: 'z', child }], nodes: [] })
  const wrong = fileReadCapability(asReadKey(pattern(2, 32)), file.root)
  const nodes = [
    { start: '', file: wrong },
    { start: 'm', file },
  ]
  await updateSlot(grid, keys, async () => formatDirectoryNode({ entries: [], nodes }), OPTIONS)
  const reports: DeepReport[] = []
  const verify = toVerifyCapability(slotWriteCapability('dir', seed))
  for await (const report of checkDeep(grid, verify, OPTIONS)) reports.push(report)
  const found = reports.filter(({ kind }) => kind === 'node').map(({ isRecoverable }) => isRecoverable)
  expect(found.sort()).toEqual([false, true])
})
