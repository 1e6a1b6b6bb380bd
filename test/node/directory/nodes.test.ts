import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  asBoxKey,
  asFileRoot,
  asReadKey,
  compareNames,
  type DirectoryChild,
  type DirectoryNode,
  fileReadCapability,
  formatDirectoryNode,
  formatNodeFile,
  literalCapability,
  parseDirectoryNode,
  SLOT_CONTENT_MAX_BYTES,
  sha256Small,
  toBase32,
  utf8,
} from '#crypto'
import type { NodeStore } from '../../../node/directory/node-store.ts'
import { changedRoot, EMPTY_NODE, entriesOf, findIn } from '../../../node/directory/nodes.ts'
import { LEAF_MAX_BYTES, NODE_POINTERS_MAX } from '../../../node/limits.ts'

/** Keeps nodes as bytes, so that what is not in the format is not kept. */
class MemoryNodes implements NodeStore {
  readonly #nodes = new Map<string, ReturnType<typeof formatDirectoryNode>>()
  loadCount = 0
  savedSizes: number[] = []

  async load(file: Parameters<NodeStore['load']>[0]): Promise<DirectoryNode> {
    this.loadCount += 1
    const content = this.#nodes.get(toBase32(file.root))
    if (content === undefined) throw new Error('no such node')
    return parseDirectoryNode(content)
  }

  async save(node: DirectoryNode) {
    const content = formatDirectoryNode(node)
    const key = sha256Small(utf8('a key'))
    const root = asFileRoot(sha256Small(formatNodeFile(content, asBoxKey(key))))
    this.#nodes.set(toBase32(root), content)
    this.savedSizes.push(content.links.length + content.body.length)
    return fileReadCapability(asReadKey(key), root)
  }
}

function childOf(number: number): DirectoryChild {
  return {
    capability: literalCapability(utf8(`content ${number}`)),
    sealedWrite: undefined,
    metadata: { sizeBytes: number },
  }
}

async function namesOf(root: DirectoryNode, store: NodeStore): Promise<readonly string[]> {
  const names: string[] = []
  for await (const { name } of entriesOf(root, store)) names.push(name)
  return names
}

function requireFits(root: DirectoryNode): void {
  const { links, body } = formatDirectoryNode(root)
  expect(links.length + body.length).toBeLessThanOrEqual(SLOT_CONTENT_MAX_BYTES)
  expect(root.nodes.length).toBeLessThanOrEqual(NODE_POINTERS_MAX)
}

describe('a directory as a tree of nodes', () => {
  const name = fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 0, max: 3000 }).map((number) => `name ${number}`) },
    { weight: 1, arbitrary: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }) },
  )
  const edit = fc.array(
    fc.tuple(name, fc.option(fc.nat(1e6))).filter(([text]) => !/[/\0]|^\.{1,2}$/.test(text)),
    { maxLength: 400 },
  )

  test('holds what a map would hold, whatever is done to it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { maxLength: 12 }), async (edits) => {
        const store = new MemoryNodes()
        const model = new Map<string, number>()
        let root = EMPTY_NODE
        for (const changes of edits) {
          const last = new Map(changes.map(([text, number]) => [text.normalize('NFC'), number]))
          root = await changedRoot(
            root,
            [...last]
              .map(([text, number]) => ({
                name: text,
                child: number === null ? undefined : childOf(number),
              }))
              .toSorted((left, right) => compareNames(left.name, right.name)),
            store,
          )
          for (const [text, number] of last) {
            if (number === null) model.delete(text)
            else model.set(text, number)
          }
          requireFits(root)
          expect(await namesOf(root, store)).toEqual([...model.keys()].toSorted(compareNames))
          for (const text of last.keys()) {
            expect((await findIn(root, text, store))?.metadata.sizeBytes).toBe(model.get(text))
          }
        }
      }),
      { numRuns: 60 },
    )
  })

  test('costs a change no more when it has grown a hundredfold', async () => {
    const costs = await Promise.all([100, 1000, 10_000].map((count) => costOfAdding(count)))
    for (const { savedBytes, rootBytes } of costs) {
      expect(rootBytes).toBeLessThan(32 * 1024)
      expect(savedBytes / 100).toBeLessThan(LEAF_MAX_BYTES)
    }
  })

  test('stays whole with 40,000 entries, and shrinks to nothing again', async () => {
    const store = new MemoryNodes()
    const names = Array.from({ length: 40_000 }, (_, number) => `a rather long name of a file ${number}`)
    const sorted = names.toSorted(compareNames)
    let root = EMPTY_NODE
    const child = childOf(1)
    for (let start = 0; start < sorted.length; start += 8000) {
      const changes = sorted.slice(start, start + 8000).map((text) => ({ name: text, child }))
      root = await changedRoot(root, changes, store)
    }
    requireFits(root)
    expect(await namesOf(root, store)).toEqual(sorted)
    root = await changedRoot(
      root,
      sorted.map((text) => ({ name: text, child: undefined })),
      store,
    )
    expect(await namesOf(root, store)).toEqual([])
    expect(root.nodes).toEqual([])
  })
})

/** Bytes that a hundred changes, one at a time, write into nodes of a directory of so many entries. */
async function costOfAdding(count: number): Promise<{ savedBytes: number; rootBytes: number }> {
  const store = new MemoryNodes()
  const child = childOf(1)
  const before = Array.from({ length: count }, (_, number) => ({
    name: `file ${String(number * 7919).padStart(9, '0')}`,
    child,
  })).toSorted((left, right) => compareNames(left.name, right.name))
  let root = await changedRoot(EMPTY_NODE, before, store)
  store.savedSizes = []
  for (let number = 0; number < 100; number += 1) {
    const text = `file ${String((number * 104_729 * 31) % (count * 7919)).padStart(9, '0')} new`
    root = await changedRoot(root, [{ name: text, child }], store)
  }
  const { links, body } = formatDirectoryNode(root)
  return {
    savedBytes: store.savedSizes.reduce((sum, size) => sum + size, 0),
    rootBytes: links.length + body.length,
  }
}
