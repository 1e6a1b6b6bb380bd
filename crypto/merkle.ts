/**
 * Merkle trees over leaves in order (FORMAT §7).
 *
 * A tree is kept as its levels one after the other, leaves first. Two neighbours make a node of the level above; the
 * last node of an odd level moves up unchanged. This gives the roots and proofs of RFC 9162 §2.1 with other tags.
 */

import { equalBytes } from './bytes.ts'
import { assert, IntegrityError } from './errors.ts'
import { asTreeHash, type Digest, HASH_SIZE_BYTES, type TreeHash, taggedHash } from './hash.ts'
import { TAGS } from './tags.ts'

/** Leaf of a share's block tree. @param digest SHA-256 of the whole block */
export function blockLeaf(digest: Digest): TreeHash {
  return asTreeHash(taggedHash(TAGS.blockLeaf, digest))
}

/** Leaf of the sealed tree. @param digest SHA-256 of the sealed segment, without padding */
export function sealedLeaf(digest: Digest): TreeHash {
  return asTreeHash(taggedHash(TAGS.sealedLeaf, digest))
}

export function treeNode(left: Uint8Array, right: Uint8Array): TreeHash {
  return asTreeHash(taggedHash(TAGS.treeNode, left, right))
}

/** Node counts of the levels, leaves first; the last is 1. */
export function treeLevelCounts(leafCount: number): readonly number[] {
  assert(Number.isInteger(leafCount) && leafCount >= 1, 'a tree has a leaf')
  const counts = [leafCount]
  for (let count = leafCount; count > 1; ) {
    count = Math.ceil(count / 2)
    counts.push(count)
  }
  return counts
}

/** Nodes of all levels together. */
export function treeNodeCount(leafCount: number): number {
  return treeLevelCounts(leafCount).reduce((sum, count) => sum + count, 0)
}

/** Bytes of a whole tree as it stands in a share. */
export function treeSizeBytes(leafCount: number): number {
  return treeNodeCount(leafCount) * HASH_SIZE_BYTES
}

/** The level above, from one level's nodes laid one after the other. */
export function parentLevel(level: Uint8Array): Uint8Array {
  const count = level.length / HASH_SIZE_BYTES
  assert(Number.isInteger(count) && count >= 1, 'a level holds whole nodes')
  const parents = new Uint8Array(Math.ceil(count / 2) * HASH_SIZE_BYTES)
  for (let index = 0; index < count; index += 2) {
    const offset = index * HASH_SIZE_BYTES
    const left = level.subarray(offset, offset + HASH_SIZE_BYTES)
    const parent =
      index + 1 < count
        ? treeNode(left, level.subarray(offset + HASH_SIZE_BYTES, offset + 2 * HASH_SIZE_BYTES))
        : left
    parents.set(parent, (index / 2) * HASH_SIZE_BYTES)
  }
  return parents
}

/** A whole tree from its leaves, as it stands in a share. Memory: twice the leaves. */
export function buildTree(leaves: readonly TreeHash[]): Uint8Array {
  const tree = new Uint8Array(treeSizeBytes(leaves.length))
  leaves.forEach((leaf, index) => {
    tree.set(leaf, index * HASH_SIZE_BYTES)
  })
  let offset = 0
  for (const count of treeLevelCounts(leaves.length).slice(0, -1)) {
    const end = offset + count * HASH_SIZE_BYTES
    tree.set(parentLevel(tree.subarray(offset, end)), end)
    offset = end
  }
  return tree
}

/** The root of a whole tree: its last node. A copy. */
export function rootOfTree(tree: Uint8Array): TreeHash {
  return asTreeHash(tree.slice(tree.length - HASH_SIZE_BYTES))
}

/** Which nodes of the tree, counted from its first leaf, prove a leaf: bottom up. */
export function proofNodeIndexes(leafIndex: number, leafCount: number): readonly number[] {
  assert(
    Number.isInteger(leafIndex) && leafIndex >= 0 && leafIndex < leafCount,
    'a leaf lies inside its tree',
  )
  const indexes: number[] = []
  let levelStart = 0
  let position = leafIndex
  for (const count of treeLevelCounts(leafCount)) {
    const sibling = position ^ 1
    if (sibling < count) indexes.push(levelStart + sibling)
    levelStart += count
    position >>= 1
  }
  return indexes
}

/** The proof of a leaf: sibling nodes bottom up, one after the other. A copy. */
export function proofFromTree(tree: Uint8Array, leafIndex: number, leafCount: number): Uint8Array {
  const indexes = proofNodeIndexes(leafIndex, leafCount)
  const proof = new Uint8Array(indexes.length * HASH_SIZE_BYTES)
  indexes.forEach((nodeIndex, place) => {
    const start = nodeIndex * HASH_SIZE_BYTES
    proof.set(tree.subarray(start, start + HASH_SIZE_BYTES), place * HASH_SIZE_BYTES)
  })
  return proof
}

/**
 * Check that a leaf stands at its place in the tree of that root.
 *
 * @throws IntegrityError if the proof is longer or shorter than the tree asks, or leads to another root
 */
export function verifyProof(
  root: TreeHash,
  leaf: TreeHash,
  place: { readonly leafIndex: number; readonly leafCount: number; readonly proof: Uint8Array },
): void {
  const { leafIndex, leafCount, proof } = place
  const wantedBytes = proofNodeIndexes(leafIndex, leafCount).length * HASH_SIZE_BYTES
  if (proof.length !== wantedBytes) {
    throw new IntegrityError(`a proof of ${wantedBytes} bytes wanted, found ${proof.length}`, {
      leafIndex,
      leafCount,
    })
  }
  let hash: Uint8Array = leaf
  let offset = 0
  let position = leafIndex
  for (const count of treeLevelCounts(leafCount)) {
    const siblingPosition = position ^ 1
    if (siblingPosition < count) {
      const sibling = proof.subarray(offset, offset + HASH_SIZE_BYTES)
      offset += HASH_SIZE_BYTES
      hash = position < siblingPosition ? treeNode(hash, sibling) : treeNode(sibling, hash)
    }
    position >>= 1
  }
  if (!equalBytes(hash, root)) {
    throw new IntegrityError('a proof leads to another root', { leafIndex, leafCount })
  }
}

/** Takes leaves in order and keeps only what the root needs: at most one node for each level. */
export class TreeFrontier {
  /** Roots of the full subtrees seen so far, largest first; their sizes are the set bits of `#leafCount`. */
  readonly #peaks: TreeHash[] = []
  #leafCount = 0

  get leafCount(): number {
    return this.#leafCount
  }

  append(leaf: TreeHash): void {
    let node = leaf
    for (let rest = this.#leafCount; (rest & 1) === 1; rest >>= 1) {
      const left = this.#peaks.pop()
      assert(left !== undefined, 'a frontier holds a peak for each set bit of its leaf count')
      node = treeNode(left, node)
    }
    this.#peaks.push(node)
    this.#leafCount += 1
  }

  /** The root of all leaves so far; at least one must have come. The frontier can go on afterwards. */
  root(): TreeHash {
    const [last, ...others] = this.#peaks.toReversed()
    assert(last !== undefined, 'a tree has a leaf')
    return others.reduce((right, left) => treeNode(left, right), last)
  }
}
