/** Formats of backups (FORMAT §18, §19). */
export * from './blob.ts'
export * from './content.ts'
export * from './content-builder.ts'
export * from './content-parts.ts'
export * from './cut.ts'
export * from './drop.ts'
export * from './drop-capability.ts'
export * from './freed.ts'
export {
  FILE_ID_SIZE_BYTES,
  formatIndexFile,
  INDEX_FILE_MAX_BYTES,
  INDEX_PACKS_MAX,
  INDEX_ROWS_MAX,
  indexFileId,
  parseIndexFile,
} from './index-file.ts'
export * from './keys.ts'
export * from './pack.ts'
export * from './padding.ts'
export * from './repository-file.ts'
export * from './snapshot.ts'
export * from './tree.ts'
export * from './tree-entry.ts'
export * from './types.ts'
