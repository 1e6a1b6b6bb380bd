import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  asTreeHash,
  buildTree,
  equalBytes,
  IntegrityError,
  proofFromTree,
  rootOfTree,
  TAGS,
  TreeFrontier,
  type TreeHash,
  taggedHash,
  treeNode,
  treeSizeBytes,
  verifyProof,
} from '#crypto'

const leavesOf = (count: number): TreeHash[] =>
  Array.from({ length: count }, (_, index) =>
    asTreeHash(taggedHash(TAGS.blockLeaf, Uint8Array.of(index >> 8, index & 255))),
  )

/** RFC 9162 §2.1.1, word for word: the slow twin. */
function recursiveRoot(leaves: readonly TreeHash[]): TreeHash {
  const [first] = leaves
  if (first === undefined) throw new Error('no leaf')
  if (leaves.length === 1) return first
  let split = 1
  while (split * 2 < leaves.length) split *= 2
  return treeNode(recursiveRoot(leaves.slice(0, split)), recursiveRoot(leaves.slice(split)))
}

describe('a tree', () => {
  test('has the root of RFC 9162, kept whole or as a frontier, for every count to 70', () => {
    const frontier = new TreeFrontier()
    for (let count = 1; count <= 70; count += 1) {
      const leaves = leavesOf(count)
      const last = leaves.at(-1)
      if (last !== undefined) frontier.append(last)
      const tree = buildTree(leaves)
      expect(tree.length).toBe(treeSizeBytes(count))
      expect(equalBytes(rootOfTree(tree), recursiveRoot(leaves))).toBe(true)
      expect(equalBytes(frontier.root(), recursiveRoot(leaves))).toBe(true)
    }
  })

  test('proves each of its leaves at its place, and at no other', () => {
    for (const leafCount of [1, 2, 3, 5, 8, 13, 21]) {
      const leaves = leavesOf(leafCount)
      const tree = buildTree(leaves)
      const root = rootOfTree(tree)
      leaves.forEach((leaf, leafIndex) => {
        const proof = proofFromTree(tree, leafIndex, leafCount)
        verifyProof(root, leaf, { leafIndex, leafCount, proof })
        leaves.forEach((_, otherIndex) => {
          if (otherIndex === leafIndex) return
          expect(() => verifyProof(root, leaf, { leafIndex: otherIndex, leafCount, proof })).toThrow(
            IntegrityError,
          )
        })
      })
    }
  })

  test('refuses a proof with any byte changed, too long or too short', () => {
    const leaves = leavesOf(11)
    const tree = buildTree(leaves)
    fc.assert(
      fc.property(fc.nat(10), fc.nat(), fc.integer({ min: 1, max: 255 }), (leafIndex, position, flip) => {
        const leaf = leaves[leafIndex]
        if (leaf === undefined) return
        const proof = proofFromTree(tree, leafIndex, 11)
        const check = (changed: Uint8Array) => () =>
          verifyProof(rootOfTree(tree), leaf, { leafIndex, leafCount: 11, proof: changed })
        const changed = proof.slice()
        const at = position % proof.length
        changed[at] = (changed[at] ?? 0) ^ flip
        expect(check(changed)).toThrow('another root')
        expect(check(proof.subarray(32))).toThrow('wanted')
        expect(check(new Uint8Array([...proof, ...new Uint8Array(32)]))).toThrow('wanted')
      }),
    )
  })
})
