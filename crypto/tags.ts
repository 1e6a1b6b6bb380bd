/**
 * Every domain-separation tag (FORMAT §2). A tag is never reused for another purpose and never edited: a change of
 * meaning takes a new tag.
 */
export const TAGS = Object.freeze({
  /** Checksum inside a capability string. */
  capabilityChecksum: 'cairn/v1/capability-checksum',
  /** HKDF info: read key -> encryption key of an immutable file. */
  fileEncryptionKey: 'cairn/v1/file-encryption-key',
  /** HKDF info: read key -> storage index of an immutable file. */
  fileStorageIndex: 'cairn/v1/file-storage-index',
  /** HMAC message prefix: convergence secret -> read key. */
  fileConvergentKey: 'cairn/v1/file-convergent-key',
  /** Leaf of a share's block tree. */
  blockLeaf: 'cairn/v1/block-leaf',
  /** Leaf of the tree over the sealed segments. */
  sealedLeaf: 'cairn/v1/sealed-leaf',
  /** Inner node of either tree. */
  treeNode: 'cairn/v1/tree-node',
  /** Hash of the manifest: the root in a capability. */
  manifest: 'cairn/v1/manifest',
  /** Order of the servers for one storage index. */
  ring: 'cairn/v1/ring',
  /** Signed bytes of a roster announcement. */
  announcement: 'cairn/v1/announcement',
} as const)

export type Tag = (typeof TAGS)[keyof typeof TAGS]
