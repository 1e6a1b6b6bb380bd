/** The public face of gateway/. */
export {
  type ContentCapability,
  requireContent,
  requireDirectory,
  requireDirectoryWrite,
  requireSlotUpkeep,
  requireSlotWrite,
} from './capabilities.ts'
export type {
  EditOptions,
  GridDirectories,
  MakeDirectoryOptions,
  SlotUpkeepCapability,
  WarnedOptions,
} from './directories.ts'
export { EDIT_CHANGES_MAX, TREE_CHILDREN_MAX } from './directory-messages.ts'
export type {
  Cancellable,
  GetOptions,
  GridFiles,
  PutOptions,
  PutOutcome,
  PutSlotOptions,
  WatchedOptions,
  WorkProgress,
} from './files.ts'
export { type ErrorBody, errorBodyOf, errorOfBody, HTTP_STATUS } from './http-error.ts'
export { LocalFiles, type LocalFilesParts } from './local-files.ts'
export type { GridMembers } from './members.ts'
export type { Monitor } from './monitor.ts'
export { openGateway, openMonitor } from './open-gateway.ts'
export { parseInclusiveRange } from './range.ts'
export { RemoteFiles } from './remote-files.ts'
export type { Monitored } from './routes/monitoring.ts'
export type { Gateway, GatewayOptions } from './server.ts'
export type { Token } from './token.ts'
