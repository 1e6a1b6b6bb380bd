/** Formats of backups (FORMAT §18). */
export * from './types.ts'
