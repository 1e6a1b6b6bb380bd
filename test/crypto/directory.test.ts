import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  asBoxKey,
  asSlotSeed,
  checkedName,
  childWriteKey,
  compareBytes,
  compareNames,
  type DirectoryChild,
  type DirectoryNode,
  decodeFields,
  encodeFields,
  FIELDS_VALUES_MAX,
  formatCapability,
  formatDirectoryNode,
  IntegrityError,
  InvalidInputError,
  isSameCapability,
  literalCapability,
  NAME_MAX_BYTES,
  NODE_ENTRIES_MAX,
  type NodeEntry,
  openChildWrite,
  packCapability,
  parseDirectoryLinks,
  parseDirectoryNode,
  sealChildWrite,
  slotWriteCapability,
  toReadCapability,
  toVerifyCapability,
  utf8,
} from '#crypto'
import { childCapabilities, directoryNodes, names, writeCapabilities } from '../support/arbitraries.ts'
import { hex, pattern } from '../support/pattern.ts'

const key = childWriteKey(asSlotSeed(pattern(1, 32)))
const small = literalCapability(Uint8Array.of(1))

function leaf(...entries: readonly NodeEntry[]): DirectoryNode {
  return { entries, nodes: [] }
}

function named(name: string, child: Partial<DirectoryChild> = {}): NodeEntry {
  return { name, child: { capability: small, sealedWrite: undefined, metadata: {}, ...child } }
}

describe('parseDirectoryNode', () => {
  test('undoes formatDirectoryNode, and each node has one form', () => {
    fc.assert(
      fc.property(directoryNodes, (node) => {
        const content = formatDirectoryNode(node)
        const parsed = parseDirectoryNode(content)
        expect(formatDirectoryNode(parsed)).toEqual(content)
        expect(parsed.entries.map(shape)).toEqual(node.entries.map(shape))
        expect(parsed.nodes.map(({ start, file }) => [start, formatCapability(file)])).toEqual(
          node.nodes.map(({ start, file }) => [start, formatCapability(file)]),
        )
      }),
      { numRuns: 200 },
    )
  })

  test('keeps names and metadata that objects have names of already', () => {
    const user = Object.fromEntries([
      ['__proto__', 'p'],
      ['constructor', 1],
      ['hasOwnProperty', true],
    ])
    const node = leaf(named('__proto__', { metadata: { user } }), named('constructor'), named('toString'))
    const parsed = parseDirectoryNode(formatDirectoryNode(node))
    expect(parsed.entries.map(({ name }) => name)).toEqual(['__proto__', 'constructor', 'toString'])
    const found = parsed.entries[0]?.child?.metadata.user ?? {}
    expect(Object.entries(found).sort()).toEqual(Object.entries(user).sort())
    expect(Object.getPrototypeOf(found)).toBe(Object.prototype)
    expect('p' in {}).toBe(false)
  })

  test('refuses every body with a byte less or more', () => {
    const { links, body } = formatDirectoryNode(leaf(named('a'), named('b', { metadata: { sizeBytes: 1 } })))
    for (let size = 0; size < body.length; size += 1) {
      expect(() => parseDirectoryNode({ links, body: body.slice(0, size) })).toThrow(InvalidInputError)
    }
    expect(() => parseDirectoryNode({ links, body: Uint8Array.of(...body, 0) })).toThrow(InvalidInputError)
  })
})

function shape({ name, child }: NodeEntry) {
  if (child === undefined) return { name }
  const { capability, sealedWrite, metadata } = child
  const { sizeBytes, modifiedAtMilliseconds, user } = metadata
  return {
    name,
    capability: formatCapability(capability),
    sealedWrite: sealedWrite && hex(sealedWrite),
    sizeBytes,
    modifiedAtMilliseconds,
    user: user && Object.entries(user).sort(([left], [right]) => compareNames(left, right)),
  }
}

describe('formatDirectoryNode', () => {
  test('gives verifiers the children, each once, and neither names nor read keys', () => {
    fc.assert(
      fc.property(directoryNodes, (node) => {
        const content = formatDirectoryNode(node)
        const { children, nodes } = parseDirectoryLinks(content.links)
        const wanted = node.entries.flatMap(({ child }) =>
          child === undefined || child.capability.kind === 'lit'
            ? []
            : [formatCapability(toVerifyCapability(child.capability))],
        )
        expect(children.map(formatCapability).sort()).toEqual([...new Set(wanted)].sort())
        expect(nodes.map(formatCapability)).toEqual(node.nodes.map(({ file }) => formatCapability(file)))
        for (const { child } of node.entries) {
          if (child === undefined || !('readKey' in child.capability)) continue
          expect(hex(content.links)).not.toContain(hex(child.capability.readKey.reveal()))
        }
      }),
    )
  })

  test('gives the same links whatever the children are called', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(names, { minLength: 3, maxLength: 3 }),
        fc.array(childCapabilities),
        (some, all) => {
          const [one, two, three] = all
          fc.pre(one !== undefined && two !== undefined && three !== undefined)
          const sorted = [...some].sort(compareNames)
          const called = (...order: readonly (typeof one)[]) =>
            formatDirectoryNode(
              leaf(...order.map((capability, place) => named(sorted[place] ?? '', { capability }))),
            ).links
          expect(called(one, two, three)).toEqual(called(three, one, two))
        },
      ),
    )
  })

  test.each<[string, DirectoryNode]>([
    ['names out of order', leaf(named('b'), named('a'))],
    ['a name twice', leaf(named('a'), named('a'))],
    ['half a character in a name', leaf(named('\u{d800}'))],
    ['a name removed from a leaf', leaf({ name: 'a', child: undefined })],
    ['a write capability of a literal', leaf(named('a', { sealedWrite: new Uint8Array(73) }))],
    ['half a character in metadata', leaf(named('a', { metadata: { user: { a: '\u{dc00}' } } }))],
    ['half a character in the name of metadata', leaf(named('a', { metadata: { user: { '\u{dc00}': 1 } } }))],
    ['a negative number in metadata', leaf(named('a', { metadata: { user: { a: -1 } } }))],
    ['a fraction in metadata', leaf(named('a', { metadata: { user: { a: 0.5 } } }))],
    ['metadata beyond 2^53 - 1', leaf(named('a', { metadata: { user: { a: 2 ** 53 } } }))],
  ])('refuses %s', (_, node) => {
    expect(() => formatDirectoryNode(node)).toThrow(InvalidInputError)
  })

  test('writes what parseDirectoryNode reads up to the most entries and metadata', () => {
    const many = (count: number, user: Record<string, number>) =>
      leaf(
        ...Array.from({ length: count }, (_, place) =>
          named(`${1_000_000 + place}`, { metadata: { sizeBytes: 1, modifiedAtMilliseconds: 1, user } }),
        ),
      )
    const full = many(NODE_ENTRIES_MAX, { a: 1 })
    expect(parseDirectoryNode(formatDirectoryNode(full)).entries).toHaveLength(NODE_ENTRIES_MAX)
    expect(() => formatDirectoryNode(many(NODE_ENTRIES_MAX + 1, {}))).toThrow(/too many entries/)
    expect(NODE_ENTRIES_MAX * 20).toBeGreaterThan(FIELDS_VALUES_MAX)
    expect(() => formatDirectoryNode(many(NODE_ENTRIES_MAX, { a: 1, b: 2, c: 3, d: 4 }))).toThrow(/metadata/)
  })
})

test('errors of bodies hold no capability', () => {
  const read = packCapability(toReadCapability(slotWriteCapability('dir', asSlotSeed(pattern(2, 32)))))
  const links = encodeFields({ children: [], nodes: [] })
  for (const entry of [
    { name: 'a', read, size: 'x' },
    { name: '/', read },
    { name: 'a', read: read.slice(1) },
  ]) {
    const body = encodeFields({ entries: [entry], starts: [] })
    let message = ''
    try {
      parseDirectoryNode({ links, body })
    } catch (error) {
      message = String(error)
    }
    expect(message).not.toBe('')
    expect(message).not.toContain(hex(read).slice(2, 12))
  }
})

describe('compareNames', () => {
  test('is the order of bytes in UTF-8', () => {
    const units = fc.oneof(
      names,
      fc.string({ unit: fc.constantFrom('\u{d7ff}', '\u{e000}', '\u{ffff}', '\u{10000}', 'a') }),
    )
    fc.assert(
      fc.property(units, units, (left, right) => {
        expect(Math.sign(compareNames(left, right))).toBe(Math.sign(compareBytes(utf8(left), utf8(right))))
      }),
      { numRuns: 1000 },
    )
  })

  test('is zero for equal strings alone, also where a character is cut in half', () => {
    const any = fc.array(fc.integer({ min: 0xd700, max: 0xe100 }), { maxLength: 4 }).map((units) => {
      return String.fromCharCode(...units)
    })
    fc.assert(
      fc.property(any, any, (left, right) => {
        expect(compareNames(left, right) === 0).toBe(left === right)
        expect(Math.sign(compareNames(left, right))).toBe(-Math.sign(compareNames(right, left)) + 0)
      }),
    )
  })
})

describe('checkedName', () => {
  test('makes NFC of a name, and is content with what it made', () => {
    expect(checkedName('cafe\u0301')).toBe('caf\u00e9')
    fc.assert(
      fc.property(names, (name) => {
        const normal = name.normalize('NFC')
        fc.pre(utf8(normal).length <= NAME_MAX_BYTES)
        expect(checkedName(checkedName(name))).toBe(normal)
      }),
    )
  })

  test('counts bytes, not characters', () => {
    expect(checkedName('\u{1f5ff}'.repeat(63))).toHaveLength(126)
    expect(() => checkedName('\u{1f5ff}'.repeat(64))).toThrow(/at most 255 bytes/)
    expect(checkedName('x'.repeat(255))).toHaveLength(255)
    expect(() => checkedName('x'.repeat(256))).toThrow(/at most 255 bytes/)
  })

  test.each(['', '.', '..', 'a/b', '/', 'a\0', '\u{d800}', 'a\u{dc00}'])('refuses %j', (name) => {
    expect(() => checkedName(name)).toThrow(InvalidInputError)
  })
})

describe('openChildWrite', () => {
  const childOf = (sealedWrite: Uint8Array | undefined, capability: DirectoryChild['capability']) => ({
    capability,
    sealedWrite,
    metadata: {},
  })

  test('undoes sealChildWrite for the child it leads to', () => {
    fc.assert(
      fc.property(writeCapabilities, (write) => {
        const opened = openChildWrite(key, childOf(sealChildWrite(key, write), toReadCapability(write)))
        expect(opened !== undefined && isSameCapability(opened, write)).toBe(true)
      }),
      { numRuns: 10 },
    )
  })

  test('refuses the write capability of another child, and of the same seed in another kind', () => {
    const seed = asSlotSeed(pattern(3, 32))
    const slot = slotWriteCapability('slot', seed)
    const directory = slotWriteCapability('dir', seed)
    const other = slotWriteCapability('slot', asSlotSeed(pattern(4, 32)))
    for (const wrong of [directory, other]) {
      const child = childOf(sealChildWrite(key, wrong), toReadCapability(slot))
      expect(() => openChildWrite(key, child)).toThrow(IntegrityError)
    }
    expect(openChildWrite(key, childOf(undefined, toReadCapability(slot)))).toBeUndefined()
  })

  test('gives a reader nothing: no key that he derives opens it', () => {
    const write = slotWriteCapability('dir', asSlotSeed(pattern(3, 32)))
    const child = childOf(sealChildWrite(key, write), toReadCapability(write))
    expect(() => openChildWrite(asBoxKey(pattern(5, 32)), child)).toThrow(IntegrityError)
  })
})

test('links of a slot that is no directory are links of no nodes', () => {
  expect(decodeFields(encodeFields({ children: [], nodes: [] }), 'links').list('nodes', 0)).toEqual([])
})
