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
  /** HKDF info: seed of a slot -> seed of its signing key. */
  slotSigningSeed: 'cairn/v1/slot-signing-seed',
  /** HKDF info: seed of a slot -> its read key. */
  slotReadKey: 'cairn/v1/slot-read-key',
  /** HKDF info: seed of a directory -> the key that seals the write capabilities of its children. */
  childWriteKey: 'cairn/v1/child-write-key',
  /** HKDF info: read key of a slot or tree -> its verify key. */
  verifyKey: 'cairn/v1/verify-key',
  /** HKDF info: read key -> the key that seals bodies. */
  bodyKey: 'cairn/v1/body-key',
  /** HKDF info: verify key -> the key that seals the links of a slot record. */
  linksKey: 'cairn/v1/links-key',
  /** Hash of a slot's public key: its storage index. */
  slotStorageIndex: 'cairn/v1/slot-storage-index',
  /** Signed bytes of a slot record. */
  slotRecord: 'cairn/v1/slot-record',
  /** Hash of a whole slot record. */
  slotRecordHash: 'cairn/v1/slot-record-hash',
  /** HMAC message prefix: what is sealed -> its nonce. */
  secretNonce: 'cairn/v1/secret-nonce',
  /** HKDF info: content key of a repository of backups -> what its contents are cut by. */
  cutKey: 'cairn/v1/cut-key',
  /** HKDF info: content key of a repository -> what its blobs are named by. */
  blobIdKey: 'cairn/v1/blob-id-key',
  /** HMAC message prefix: cut key -> words of the rolling hash. */
  cutTable: 'cairn/v1/cut-table',
  /** HMAC message prefix: bytes before a place -> whether a blob ends after it, and how far. */
  cutPlace: 'cairn/v1/cut-place',
  /** HMAC message prefix: content of a blob -> its id. */
  blobId: 'cairn/v1/blob-id',
  /** Hash of the table of a pack: its id. */
  packId: 'cairn/v1/pack-id',
  /** Hash of an index file: its id. */
  indexId: 'cairn/v1/index-id',
  /** Hash of a snapshot: its id. */
  snapshotId: 'cairn/v1/snapshot-id',
  /** Hash of the record of freed packs: its id. */
  freedId: 'cairn/v1/freed-id',
  /** HKDF info: first seed of a drop-box -> content key of its repository. */
  dropContentKey: 'cairn/v1/drop-content-key',
  /** HKDF info: seed of the slot of one drop -> seed of the next. */
  dropNext: 'cairn/v1/drop-next',
  /** HKDF info: what X25519 gives -> the key that seals a drop. */
  dropBoxKey: 'cairn/v1/drop-box-key',
  /** Signed bytes of a member's certificate. */
  certificate: 'cairn/v1/certificate',
  /** Signed bytes of an expulsion. */
  expulsion: 'cairn/v1/expulsion',
  /** Key of a member's entry in the roster. */
  rosterMember: 'cairn/v1/roster-member',
  /** Key of an expulsion in the roster. */
  rosterExpulsion: 'cairn/v1/roster-expulsion',
  /** Checksum inside the link of an invitation. */
  invitationChecksum: 'cairn/v1/invitation-checksum',
  /** Hash of an invitation's token, which is all that the inviter keeps of it. */
  invitationToken: 'cairn/v1/invitation-token',
  /** HKDF info: read key -> name of the writes of a convergent put. */
  uploadId: 'cairn/v1/upload-id',
} as const)

export type Tag = (typeof TAGS)[keyof typeof TAGS]
