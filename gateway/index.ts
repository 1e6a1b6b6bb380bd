/** The public face of gateway/. */
export type { Cancellable, GridFiles, PutOptions, PutOutcome, WatchedOptions, WorkProgress } from './files.ts'
export { type ErrorBody, errorBodyOf, errorOfBody, HTTP_STATUS } from './http-error.ts'
export { LocalFiles, type LocalFilesParts } from './local-files.ts'
export { openGateway } from './open-gateway.ts'
export { parseInclusiveRange } from './range.ts'
export { RemoteFiles } from './remote-files.ts'
export type { Gateway, GatewayOptions } from './server.ts'
export type { Token } from './token.ts'
