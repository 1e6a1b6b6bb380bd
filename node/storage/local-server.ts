/** The storage server's contract over the files of this machine, for one account. */
import { InvalidInputError, type PublicKey, TOTAL_SHARES_MAX } from '#crypto'
import type { AccountBook } from '../accounting/account-book.ts'
import { NotFoundError } from '../errors.ts'
import { forEachConcurrently } from '../flow.ts'
import {
  LEASE_UPDATES_IN_FLIGHT_MAX,
  LEASE_UPDATES_MAX,
  LIST_QUERIES_MAX,
  LISTED_SHARES_MAX,
  SLOT_READS_MAX,
} from '../limits.ts'
import type { PeerId } from '../platform/platform.ts'
import type { IncomingShares } from './incoming-shares.ts'
import { checkLeaseDuration } from './lease.ts'
import { type OpenShare, readBlockBytes, readProof } from './open-shares.ts'
import type {
  BlockRequest,
  CallOptions,
  LeaseOutcome,
  LeaseUpdate,
  ListedShare,
  OpenedFile,
  OpenRequest,
  ReadBlock,
  ScrubOutcome,
  ServerStatus,
  ShareAddress,
  ShareQuery,
  ShareWriter,
  SlotWrite,
  SlotWriteOutcome,
  StorageServer,
  WholeShare,
  WriteRequest,
} from './server.ts'
import type { ShareStore } from './share-store.ts'
import { LocalShareWriter } from './share-writer.ts'
import { FormedShare, formShare } from './whole-share.ts'

export class LocalStorageServer implements StorageServer {
  readonly serverId: PeerId
  readonly #account: PeerId
  readonly #version: string
  readonly #store: ShareStore
  readonly #book: Pick<AccountBook, 'timeOf'>
  readonly #incomingShares: IncomingShares

  constructor(options: {
    readonly serverId: PeerId
    readonly account: PeerId
    readonly version: string
    readonly store: ShareStore
    readonly book: Pick<AccountBook, 'timeOf'>
    readonly incomingShares: IncomingShares
  }) {
    this.serverId = options.serverId
    this.#account = options.account
    this.#version = options.version
    this.#store = options.store
    this.#book = options.book
    this.#incomingShares = options.incomingShares
  }

  async status({ signal }: CallOptions = {}): Promise<ServerStatus> {
    signal?.throwIfAborted()
    await this.#store.refreshDiskFree()
    const { space } = this.#store.parts
    const { chargedBytes, quotaBytes } = space.accountUse(this.#account)
    return {
      version: this.#version,
      freeBytes: space.freeBytes,
      usedBytes: space.usedBytes,
      shareCount: space.shareCount,
      accountUsedBytes: chargedBytes,
      accountQuotaBytes: quotaBytes,
      accountByteDays: this.#book.timeOf(this.#account)?.byteDays ?? 0,
    }
  }

  async listShares(
    queries: readonly ShareQuery[],
    { signal }: CallOptions = {},
  ): Promise<readonly (readonly ListedShare[])[]> {
    checkCount(queries.length, LIST_QUERIES_MAX, 'queries')
    const lists: (readonly ListedShare[])[] = []
    for (const query of queries) {
      signal?.throwIfAborted()
      const shares = await this.#store.parts.index.sharesUnder(query, LISTED_SHARES_MAX)
      lists.push(
        shares
          .map(({ address: { root, shareNumber }, shareSizeBytes }) => ({
            root,
            shareNumber,
            shareSizeBytes,
          }))
          .toSorted((left, right) => left.shareNumber - right.shareNumber),
      )
    }
    return lists
  }

  async openFile(request: OpenRequest, { signal }: CallOptions = {}): Promise<OpenedFile> {
    const { storageIndex, root, segmentIndex } = request
    for (;;) {
      signal?.throwIfAborted()
      const [shares = []] = await this.listShares([{ storageIndex, root }])
      const [first] = shares
      if (first === undefined) return { shares, manifest: undefined, block: undefined }
      const { shareNumber } = first
      try {
        return await this.#store.withShare({ storageIndex, root, shareNumber }, async (share) => {
          const hasSegment = segmentIndex !== undefined && segmentIndex < share.geometry.segmentCount
          const block = hasSegment
            ? await readProvenBlock(share, { segmentIndex, withSealedProof: true })
            : undefined
          return { shares, manifest: share.manifestBytes.slice(), block }
        })
      } catch (error) {
        // It was listed and turned out to be missing or damaged: it is listed no more.
        if (!(error instanceof NotFoundError)) throw error
      }
    }
  }

  writeShare(request: WriteRequest): ShareWriter {
    const parts = { account: this.#account, store: this.#store, incomingShares: this.#incomingShares }
    return new LocalShareWriter(parts, { ...request, uploadId: request.uploadId.slice() })
  }

  async writeWhole(share: WholeShare, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted()
    const { leaseDurationSeconds, shareNumber } = share
    checkShareNumber(shareNumber)
    checkLeaseDuration(leaseDurationSeconds)
    const { address, bytes } = await formShare(share, this.#store.parts.bulk)
    await this.#store.refreshDiskFree()
    const account = this.#account
    await this.#incomingShares.inOnePiece(account, async (path) => {
      const { parts } = this.#store
      const incoming = new FormedShare(parts, { account, bytes, path })
      try {
        const share = { address, shareSizeBytes: bytes.length, path }
        await this.#store.publish(incoming, share, leaseDurationSeconds)
      } finally {
        await incoming.drop()
      }
    })
  }

  async readManifest(address: ShareAddress, { signal }: CallOptions = {}): Promise<Uint8Array> {
    signal?.throwIfAborted()
    return this.#store.withShare(address, async (share) => share.manifestBytes.slice())
  }

  async readBlock(request: BlockRequest, { signal }: CallOptions = {}): Promise<ReadBlock> {
    signal?.throwIfAborted()
    const { address, segmentIndex } = request
    return this.#store.withShare(address, async (share) => {
      const { segmentCount } = share.geometry
      if (!Number.isInteger(segmentIndex) || segmentIndex < 0 || segmentIndex >= segmentCount) {
        throw new InvalidInputError(`a segment from 0 to ${segmentCount - 1} wanted, found ${segmentIndex}`)
      }
      return readProvenBlock(share, request)
    })
  }

  async updateLeases(
    updates: readonly LeaseUpdate[],
    { signal }: CallOptions = {},
  ): Promise<readonly LeaseOutcome[]> {
    checkCount(updates.length, LEASE_UPDATES_MAX, 'lease updates')
    for (const update of updates) if (update.action === 'renew') checkLeaseDuration(update.durationSeconds)
    const outcomes: LeaseOutcome[] = []
    await forEachConcurrently(updates.entries(), LEASE_UPDATES_IN_FLIGHT_MAX, async ([place, update]) => {
      signal?.throwIfAborted()
      const { address } = update
      outcomes[place] = await ('publicKey' in address
        ? this.#store.slots.updateLease(this.#account, address.publicKey, update)
        : this.#store.updateLease(this.#account, address, update))
    })
    return outcomes
  }

  async scrubShare(address: ShareAddress, { signal }: CallOptions = {}): Promise<ScrubOutcome> {
    signal?.throwIfAborted()
    return this.#store.scrub(address, signal)
  }

  async readSlots(
    publicKeys: readonly PublicKey[],
    { signal }: CallOptions = {},
  ): Promise<readonly (Uint8Array | undefined)[]> {
    signal?.throwIfAborted()
    checkCount(publicKeys.length, SLOT_READS_MAX, 'slots')
    return Promise.all(publicKeys.map((publicKey) => this.#store.slots.read(publicKey)))
  }

  async writeSlot(write: SlotWrite, { signal }: CallOptions = {}): Promise<SlotWriteOutcome> {
    signal?.throwIfAborted()
    const { leaseDurationSeconds } = write
    checkLeaseDuration(leaseDurationSeconds)
    const record = this.#store.slots.verified(write.record)
    await this.#store.refreshDiskFree()
    return this.#store.slots.write(this.#account, record, leaseDurationSeconds)
  }
}

async function readProvenBlock(
  share: OpenShare,
  { segmentIndex, withSealedProof }: Pick<BlockRequest, 'segmentIndex' | 'withSealedProof'>,
): Promise<ReadBlock> {
  const [block, blockProof, sealedProof] = await Promise.all([
    readBlockBytes(share, segmentIndex),
    readProof(share, 'block', segmentIndex),
    withSealedProof ? readProof(share, 'sealed', segmentIndex) : undefined,
  ])
  return { block, blockProof, sealedProof }
}

function checkShareNumber(shareNumber: number): void {
  if (Number.isInteger(shareNumber) && shareNumber >= 0 && shareNumber < TOTAL_SHARES_MAX) return
  throw new InvalidInputError(`a share number from 0 to ${TOTAL_SHARES_MAX - 1} wanted, found ${shareNumber}`)
}

function checkCount(count: number, countMax: number, what: string): void {
  if (count > countMax) throw new InvalidInputError(`at most ${countMax} ${what} wanted, found ${count}`)
}
