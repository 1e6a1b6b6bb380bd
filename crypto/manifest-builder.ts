/**
 * Collects what a manifest commits to while a file's segments go by, in memory that grows with the logarithm of
 * their count: a frontier for each of the n block trees, and one for the sealed tree.
 */
import { assert } from './errors.ts'
import { type Encoding, fileGeometry } from './geometry.ts'
import type { FileRoot, StorageIndex, TreeHash } from './hash.ts'
import { formatManifest, manifestRoot } from './manifest.ts'
import { TreeFrontier } from './merkle.ts'

export class ManifestBuilder {
  readonly #encoding: Encoding
  readonly #storageIndex: StorageIndex
  readonly #sealedTree = new TreeFrontier()
  readonly #blockTrees: readonly TreeFrontier[]

  constructor(encoding: Encoding, storageIndex: StorageIndex) {
    this.#encoding = encoding
    this.#storageIndex = storageIndex
    this.#blockTrees = Array.from({ length: encoding.totalShares }, () => new TreeFrontier())
  }

  /** Segments come in order. */
  add(leaves: { readonly sealedLeaf: TreeHash; readonly blockLeaves: readonly TreeHash[] }): void {
    assert(leaves.blockLeaves.length === this.#blockTrees.length, 'a leaf for each share')
    this.#sealedTree.append(leaves.sealedLeaf)
    this.#blockTrees.forEach((tree, shareNumber) => {
      const leaf = leaves.blockLeaves[shareNumber]
      assert(leaf !== undefined, 'a leaf for each share')
      tree.append(leaf)
    })
  }

  /** The manifest's bytes and root, once every segment has come. @param fileSizeBytes of the plaintext */
  finish(fileSizeBytes: number): { readonly manifest: Uint8Array; readonly root: FileRoot } {
    const geometry = fileGeometry(this.#encoding, fileSizeBytes)
    assert(this.#sealedTree.leafCount === geometry.segmentCount, 'every segment has come')
    const manifest = formatManifest({
      encoding: this.#encoding,
      fileSizeBytes,
      storageIndex: this.#storageIndex,
      sealedRoot: this.#sealedTree.root(),
      shareRoots: this.#blockTrees.map((tree) => tree.root()),
    })
    return { manifest, root: manifestRoot(manifest) }
  }
}
