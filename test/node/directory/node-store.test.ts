import { beforeEach, describe, expect, test } from 'vitest'
import {
  asReadKey,
  bodyKey,
  type DirectoryNode,
  fileReadCapability,
  IntegrityError,
  literalCapability,
  utf8,
} from '#crypto'
import { type DirectoryOptions, NotEnoughSharesError } from '#node'
import { gridNodeStore } from '../../../node/directory/node-store.ts'
import { ENCODING, MemoryGrid } from '../../support/memory-grid.ts'
import { pattern } from '../../support/pattern.ts'

const OPTIONS: DirectoryOptions = { encoding: ENCODING, happyServers: 4, replicas: 7 }
const mine = bodyKey(asReadKey(pattern(1, 32)))
const another = bodyKey(asReadKey(pattern(2, 32)))
const child = { capability: literalCapability(utf8('x')), sealedWrite: undefined, metadata: {} }
const node: DirectoryNode = { entries: [{ name: 'secret name', child }], nodes: [] }

let grid: MemoryGrid
beforeEach(async () => {
  grid = await MemoryGrid.open(7)
})

describe('gridNodeStore', () => {
  test('remembers a node for its own directory', async () => {
    const file = await gridNodeStore(grid, mine, OPTIONS).save(node)
    expect(await gridNodeStore(grid, mine, OPTIONS).load(file)).toBe(node)
  })

  test('shows no other directory that leads there what it remembers', async () => {
    const file = await gridNodeStore(grid, mine, OPTIONS).save(node)
    await expect(gridNodeStore(grid, another, OPTIONS).load(file)).rejects.toThrow(IntegrityError)
    const loaded = await gridNodeStore(grid, mine, OPTIONS).load(file)
    expect(loaded.entries.map(({ name }) => name)).toEqual(['secret name'])
  })

  test('shows nothing to who knows the root of a file and not its key', async () => {
    const { root } = await gridNodeStore(grid, mine, OPTIONS).save(node)
    const guessed = fileReadCapability(asReadKey(pattern(3, 32)), root)
    await expect(gridNodeStore(grid, mine, OPTIONS).load(guessed)).rejects.toThrow(NotEnoughSharesError)
  })
})
