/** The public face of node/. */

export type { AccountingReport, AccountReport } from './accounting/account-report.ts'
export {
  type CheckOptions,
  type CheckReport,
  checkFile,
  type VerifyOptions,
  verifyFile,
} from './check.ts'
export { type Config, type HostPort, parseConfig, parseConfigToml } from './config.ts'
export { checkDeep, type DeepOptions, repairDeep, verifyDeep } from './directory/deep.ts'
export { Directory, editDirectory, makeDirectory, makeTree, openDirectory } from './directory/directory.ts'
export { findPath, isDirectory } from './directory/path.ts'
export type * from './directory/types.ts'
export { type WalkOptions, walkDirectory } from './directory/walk.ts'
export { type ByteRange, type Download, type DownloadOptions, downloadFile } from './download/download.ts'
export * from './errors.ts'
export { fittingNumbers, SHARE_NUMBERS_DEFAULT, type ShareNumbers, survivalOf } from './fitting-encoding.ts'
export { mapInOrder, untilAborted } from './flow.ts'
export { type Grid, type GridServer, shortId, summarizeFailures } from './grid.ts'
export { happiness, type Placement } from './happiness.ts'
export { type AuditOutcome, type ServerRecord, ServerRecords, uptimeOf } from './keeping/server-records.ts'
export * from './limits.ts'
export { ROLE_CLIENT } from './membership/certificate.ts'
export { type Chain, formatChain, issueChain, parseChain } from './membership/chain.ts'
export { type Invitation, parseInvitation } from './membership/invitation.ts'
export { foundGrid } from './membership/issuer.ts'
export { signerOf } from './membership/members-desk.ts'
export { loadOwnChain, saveOwnChain } from './membership/membership-files.ts'
export { redeemInvitation } from './membership/redeem.ts'
export type * from './membership/types.ts'
export type * from './metrics/meter.ts'
export type { GatewayRequest, Metrics } from './metrics/metrics.ts'
export { openMetrics } from './metrics/open-metrics.ts'
export { createNode, Node, type NodeOptions } from './node.ts'
export { peerIdOfPublicKey, publicKeyOfPeerId } from './peers/peer-id.ts'
export { nativeBulkCrypto } from './platform/bulk-crypto.ts'
export { systemClock, utcText } from './platform/clock.ts'
export { nodeDisk } from './platform/disk.ts'
export { jsonLog, LOG_LEVELS, type LogLevel, silentLog } from './platform/log.ts'
export { MemoryDisk } from './platform/memory-disk.ts'
export {
  findNodeKey,
  loadOrCreateNodeKey,
  type NodeKey,
  nodeKeyFromSeed,
  temporaryNodeKey,
} from './platform/node-key.ts'
export type * from './platform/platform.ts'
export { publicKeyOf } from './platform/public-key.ts'
export { systemRandom } from './platform/random.ts'
export { type NodePlatform, systemPlatform } from './platform/system.ts'
export { type RepairOptions, type RepairReport, repairFile } from './repair.ts'
export { parseSize } from './size.ts'
export type { SlotOptions } from './slots/replicas.ts'
export { type RetrievedSlot, retrieveSlot } from './slots/retrieve.ts'
export { type SeenSlot, SlotsSeen } from './slots/seen.ts'
export { type PublishedSlot, type SlotEdit, type SlotUpdateOptions, updateSlot } from './slots/update.ts'
export { checkSlot, repairSlot, type SlotRepairReport, type SlotReport } from './slots/upkeep.ts'
export { getSlotValue, type PutSlotValueOptions, putSlotValue, type SlotValueReading } from './slots/value.ts'
export type { SlotWarning } from './slots/warning.ts'
export type { KnownServer, NodeStatus, OwnMembership } from './status.ts'
export { BufferedFile } from './storage/buffered-file.ts'
export type * from './storage/server.ts'
export { Storage, type StorageConfig, type StorageOptions, type StorageStatus } from './storage/storage.ts'
export type { UploadSource } from './upload/segments.ts'
export { uploadFile } from './upload/upload.ts'
export type * from './upload/upload-options.ts'
export { ClosingSteps, whileOpen } from './while-open.ts'
