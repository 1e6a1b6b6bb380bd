/** The public face of node/. */
export * from './errors.ts'
export * from './limits.ts'
export type * from './platform/platform.ts'
export type * from './storage/server.ts'
