/** The contract over a running daemon's HTTP API. */
import type { z } from 'zod'
import {
  type Capability,
  type DirectoryWriteCapability,
  type FileVerifyCapability,
  formatCapability,
  type SlotWriteCapability,
  type TreeReadCapability,
  type VerifyCapability,
} from '#crypto'
import {
  type CheckReport,
  type DeepReport,
  type DirectoryCapability,
  type DirectoryChange,
  type EditReport,
  type ExpelReport,
  type Found,
  type Invited,
  type InviteOptions,
  type MemberList,
  type NamedChild,
  type NodeStatus,
  type Random,
  type RepairReport,
  UnreachableError,
  type UploadSource,
  type WalkedChild,
} from '#node'
import type { ContentCapability } from './capabilities.ts'
import { type DaemonCall, DaemonConnection } from './daemon-request.ts'
import type { EditOptions, MakeDirectoryOptions, SlotUpkeepCapability, WarnedOptions } from './directories.ts'
import {
  changeMessageOf,
  childMessage,
  childMessageOf,
  deepReportMessage,
  editMessage,
  foundMessage,
  madeDirectoryMessage,
  madeSlotMessage,
  madeTreeMessage,
  walkedMessage,
} from './directory-messages.ts'
import type {
  Cancellable,
  Content,
  GetOptions,
  GridFiles,
  PutOptions,
  PutOutcome,
  PutSlotOptions,
  WatchedOptions,
} from './files.ts'
import { expelMessage, invitedMessage, memberListMessage } from './member-messages.ts'
import { checkMessage, helloMessage, putMessage, repairMessage, statusMessage } from './messages.ts'
import { formatRangeHeader } from './range.ts'
import { itemsOf, resultOf } from './remote-lines.ts'
import { downloadOf, sendSource } from './remote-transfer.ts'
import { helloProof, isSameText, newNonce, type Token } from './token.ts'

export class RemoteFiles implements GridFiles {
  readonly #daemon: DaemonConnection

  private constructor(daemon: DaemonConnection) {
    this.#daemon = daemon
  }

  /**
   * Connect to a daemon and have it prove that it knows the token. After a crash another program may hold the port.
   *
   * @throws UnreachableError if nobody answers, or somebody else
   */
  static async open(
    place: { readonly port: number; readonly token: Token },
    random: Random,
  ): Promise<RemoteFiles> {
    const daemon = new DaemonConnection(place.port, place.token)
    try {
      const nonce = newNonce(random)
      const call = { method: 'GET', path: '/v1/hello', headers: { 'cairn-nonce': nonce } } as const
      const { proof } = await daemon.callJson(call, helloMessage, { withToken: false })
      if (isSameText(proof, helloProof(place.token, nonce))) return new RemoteFiles(daemon)
    } catch (cause) {
      daemon.close()
      throw new UnreachableError(`no daemon answers on port ${place.port}`, {}, { cause })
    }
    daemon.close()
    throw new UnreachableError(`what answers on port ${place.port} is not the daemon`)
  }

  status(options: Cancellable = {}): Promise<NodeStatus> {
    return this.#daemon.callJson({ method: 'GET', path: '/v1/status', ...options }, statusMessage)
  }

  put(source: UploadSource, options: PutOptions = {}): Promise<PutOutcome> {
    const path = `/v1/files?${putQueryOf(options)}`
    return sendSource(this.#daemon, { path, headers: {}, source, ...options }, putMessage)
  }

  async get(capability: ContentCapability, options: GetOptions = {}): Promise<Content> {
    const { range, signal } = options
    const headers = {
      ...headersOf(capability),
      te: 'trailers',
      ...(range === undefined ? {} : { range: formatRangeHeader(range) }),
    }
    const response = await this.#daemon.call({ method: 'GET', path: '/v1/files', headers, signal })
    return downloadOf(response, options)
  }

  check(capability: FileVerifyCapability, options: Cancellable = {}): Promise<CheckReport> {
    return this.#daemon.callJson(postOf('/v1/check', { capability, ...options }), checkMessage)
  }

  verify(capability: FileVerifyCapability, options: WatchedOptions = {}): Promise<CheckReport> {
    return this.#watched('/v1/verify', capability, { ...options, result: checkMessage })
  }

  repair(capability: FileVerifyCapability, options: WatchedOptions = {}): Promise<RepairReport> {
    return this.#watched('/v1/repair', capability, { ...options, result: repairMessage })
  }

  async makeDirectory(options: MakeDirectoryOptions = {}): Promise<DirectoryWriteCapability> {
    const { children = [], signal } = options
    const call = postOf('/v1/directories', { body: { children: children.map(childMessageOf) }, signal })
    return (await this.#daemon.callJson(call, madeDirectoryMessage)).capability
  }

  async makeTree(children: readonly NamedChild[], options: Cancellable = {}): Promise<TreeReadCapability> {
    const body = { children: children.map(childMessageOf) }
    const call = postOf('/v1/trees', { body, ...options })
    return (await this.#daemon.callJson(call, madeTreeMessage)).capability
  }

  list(capability: DirectoryCapability, options: WarnedOptions = {}): AsyncIterable<NamedChild> {
    const { signal } = options
    const call = { method: 'GET', path: '/v1/directories', headers: headersOf(capability), signal } as const
    return itemsOf(this.#daemon, call, { ...options, item: childMessage })
  }

  find(capability: Capability, path: readonly string[], options: Cancellable = {}): Promise<Found> {
    const call = postOf('/v1/directories/find', { capability, body: { path }, ...options })
    return this.#daemon.callJson(call, foundMessage)
  }

  edit(
    capability: DirectoryWriteCapability,
    changes: readonly DirectoryChange[],
    { acceptRollback, signal }: EditOptions = {},
  ): Promise<EditReport> {
    const body = { changes: changes.map(changeMessageOf), acceptRollback }
    return this.#daemon.callJson(postOf('/v1/directories/edit', { capability, body, signal }), editMessage)
  }

  walk(capability: DirectoryCapability, options: WarnedOptions = {}): AsyncIterable<WalkedChild> {
    const call = postOf('/v1/directories/walk', { capability, signal: options.signal })
    return itemsOf(this.#daemon, call, { ...options, item: walkedMessage })
  }

  checkDeep(capability: VerifyCapability, options: Cancellable = {}): AsyncIterable<DeepReport> {
    const call = postOf('/v1/deep/check', { capability, ...options })
    return itemsOf(this.#daemon, call, { ...options, item: deepReportMessage })
  }

  verifyDeep(capability: VerifyCapability, options: Cancellable = {}): AsyncIterable<DeepReport> {
    const call = postOf('/v1/deep/verify', { capability, ...options })
    return itemsOf(this.#daemon, call, { ...options, item: deepReportMessage })
  }

  repairDeep(capability: VerifyCapability, options: Cancellable = {}): AsyncIterable<DeepReport> {
    const call = postOf('/v1/deep/repair', { capability, ...options })
    return itemsOf(this.#daemon, call, { ...options, item: deepReportMessage })
  }

  checkSlot(capability: SlotUpkeepCapability, options: Cancellable = {}): Promise<DeepReport> {
    return this.#daemon.callJson(postOf('/v1/slots/check', { capability, ...options }), deepReportMessage)
  }

  repairSlot(capability: SlotUpkeepCapability, options: Cancellable = {}): Promise<DeepReport> {
    return this.#daemon.callJson(postOf('/v1/slots/repair', { capability, ...options }), deepReportMessage)
  }

  async putSlot(
    capability: SlotWriteCapability | undefined,
    source: UploadSource,
    options: PutSlotOptions = {},
  ): Promise<SlotWriteCapability> {
    const path = `/v1/slots?${putQueryOf(options)}`
    const headers = capability === undefined ? {} : headersOf(capability)
    const made = await sendSource(this.#daemon, { path, headers, source, ...options }, madeSlotMessage)
    for (const warning of made.warnings) options.onWarning?.(warning)
    return made.capability
  }

  async invite({ signal, ...body }: InviteOptions & Cancellable): Promise<readonly Invited[]> {
    const call = postOf('/v1/invitations', { body, signal })
    return (await this.#daemon.callJson(call, invitedMessage)).invitations
  }

  members(options: Cancellable = {}): Promise<MemberList> {
    return this.#daemon.callJson({ method: 'GET', path: '/v1/members', ...options }, memberListMessage)
  }

  expel(member: string, options: Cancellable = {}): Promise<ExpelReport> {
    return this.#daemon.callJson(postOf('/v1/expulsions', { body: { member }, ...options }), expelMessage)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#daemon.close()
  }

  #watched<Result>(
    path: string,
    capability: FileVerifyCapability,
    options: WatchedOptions & { readonly result: z.ZodType<Result> },
  ): Promise<Result> {
    const call = postOf(path, { capability, signal: options.signal })
    return resultOf(this.#daemon, call, options)
  }
}

function postOf(
  path: string,
  call: Cancellable & { readonly capability?: Capability; readonly body?: object },
): DaemonCall {
  const { capability, body, signal } = call
  const headers = capability === undefined ? {} : headersOf(capability)
  return { method: 'POST', path, headers, signal, body }
}

function headersOf(capability: Capability): Readonly<Record<string, string>> {
  return { 'cairn-capability': formatCapability(capability) }
}

function putQueryOf(options: PutOptions & PutSlotOptions): string {
  const { numbers, convergent, bindingLease, acceptRollback, ifVersion } = options
  const query = new URLSearchParams()
  if (ifVersion !== undefined) query.set('if-version', ifVersion)
  if (numbers?.neededShares !== undefined) query.set('needed', String(numbers.neededShares))
  if (numbers?.happyServers !== undefined) query.set('happy', String(numbers.happyServers))
  if (numbers?.totalShares !== undefined) query.set('total', String(numbers.totalShares))
  if (acceptRollback === true) query.set('accept-rollback', 'true')
  if (convergent === true) query.set('convergent', 'true')
  if (bindingLease === true) query.set('binding-lease', 'true')
  return query.toString()
}
