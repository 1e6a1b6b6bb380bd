/** The public face of node/. */
export {
  type CheckOptions,
  type CheckReport,
  checkFile,
  type VerifyOptions,
  verifyFile,
} from './check.ts'
export { type Config, parseConfig, parseConfigToml } from './config.ts'
export type * from './directory/types.ts'
export { type ByteRange, type Download, type DownloadOptions, downloadFile } from './download/download.ts'
export * from './errors.ts'
export { fittingNumbers, SHARE_NUMBERS_DEFAULT, type ShareNumbers, survivalOf } from './fitting-encoding.ts'
export { type Grid, type GridServer, shortId, summarizeFailures } from './grid.ts'
export { happiness, type Placement } from './happiness.ts'
export * from './limits.ts'
export { createNode, Node, type NodeOptions } from './node.ts'
export { peerIdOfPublicKey } from './peers/peer-id.ts'
export { nativeBulkCrypto } from './platform/bulk-crypto.ts'
export { systemClock } from './platform/clock.ts'
export { nodeDisk } from './platform/disk.ts'
export { jsonLog, LOG_LEVELS, type LogLevel, silentLog } from './platform/log.ts'
export { MemoryDisk } from './platform/memory-disk.ts'
export { loadOrCreateNodeKey, type NodeKey } from './platform/node-key.ts'
export type * from './platform/platform.ts'
export { publicKeyOf } from './platform/public-key.ts'
export { systemRandom } from './platform/random.ts'
export { type NodePlatform, systemPlatform } from './platform/system.ts'
export { type RepairOptions, type RepairReport, repairFile } from './repair.ts'
export { parseSize } from './size.ts'
export type { SlotWarning } from './slots/warning.ts'
export type { KnownServer, NodeStatus } from './status.ts'
export type * from './storage/server.ts'
export { Storage, type StorageConfig, type StorageOptions, type StorageStatus } from './storage/storage.ts'
export type { UploadSource } from './upload/segments.ts'
export { type UploadOptions, type UploadProgress, type UploadResult, uploadFile } from './upload/upload.ts'
export { ClosingSteps, whileOpen } from './while-open.ts'
