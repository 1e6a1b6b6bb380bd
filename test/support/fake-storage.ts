/**
 * A storage server in a few lines, for tests of what stands between it and its caller. It verifies nothing and
 * keeps all in memory.
 */
import {
  concat,
  equalBytes,
  type FileRoot,
  InvalidInputError,
  manifestRoot,
  parseSlotRecord,
  toBase32,
} from '#crypto'
import { ConflictError, NotFoundError } from '../../node/errors.ts'
import type { PeerId } from '../../node/platform/platform.ts'
import type {
  BlockWrite,
  LeaseOutcome,
  LeaseUpdate,
  ListedShare,
  ScrubOutcome,
  ShareAddress,
  ShareWriter,
  StorageServer,
  WholeShare,
  WriteRequest,
} from '../../node/storage/server.ts'

interface FakeShare {
  readonly root: FileRoot
  readonly shareNumber: number
  readonly manifest: Uint8Array
  readonly blocks: readonly Uint8Array[]
}

export class FakeStorage {
  readonly shares = new Map<string, FakeShare[]>()
  /** Records by public key. */
  readonly slots = new Map<string, Uint8Array>()
  readonly uploads = new Map<string, BlockWrite[]>()
  readonly calls: string[] = []
  detachCount = 0
  /** Awaited before each call named so is carried out; may throw in its stead. */
  before: (call: string) => Promise<void> = async () => undefined

  forAccount(account: PeerId): StorageServer {
    const called = async (call: string) => {
      this.calls.push(call)
      await this.before(call)
    }
    return {
      serverId: account,
      status: async () => {
        await called('status')
        return {
          version: 'fake 1',
          freeBytes: 2 ** 50,
          usedBytes: 7,
          shareCount: this.shares.size,
          accountUsedBytes: account.length,
          accountQuotaBytes: undefined,
        }
      },
      listShares: async (queries) => {
        await called('list')
        return queries.map(({ storageIndex, root }) =>
          (this.shares.get(toBase32(storageIndex)) ?? [])
            .filter((share) => root === undefined || equalBytes(share.root, root))
            .map(
              (share): ListedShare => ({
                root: share.root,
                shareNumber: share.shareNumber,
                shareSizeBytes: concat(...share.blocks).length,
              }),
            ),
        )
      },
      openFile: async ({ storageIndex, root, segmentIndex }) => {
        await called('open')
        const found = (this.shares.get(toBase32(storageIndex)) ?? []).filter((share) =>
          equalBytes(share.root, root),
        )
        const [first] = found.toSorted((left, right) => left.shareNumber - right.shareNumber)
        const block = segmentIndex === undefined ? undefined : first?.blocks[segmentIndex]
        const proof = new Uint8Array(64).fill(segmentIndex ?? 0)
        return {
          shares: found.map((share) => ({
            root: share.root,
            shareNumber: share.shareNumber,
            shareSizeBytes: concat(...share.blocks).length,
          })),
          manifest: first?.manifest,
          block: block === undefined ? undefined : { block, blockProof: proof, sealedProof: proof },
        }
      },
      writeShare: (request) => this.#writer(request, called),
      writeWhole: async (share) => {
        await called('write-whole')
        if (share.shareNumber > 100) throw new ConflictError('no such share shall be')
        this.#add(share, [share.block.slice()])
      },
      readSlots: async (publicKeys) => {
        await called('slot-read')
        return publicKeys.map((publicKey) => this.slots.get(toBase32(publicKey)))
      },
      writeSlot: async ({ record }) => {
        await called('slot-write')
        const { publicKey, sequence } = parseSlotRecord(record)
        const held = this.slots.get(toBase32(publicKey))
        if (held !== undefined && parseSlotRecord(held).sequence >= sequence) return { accepted: false, held }
        this.slots.set(toBase32(publicKey), record.slice())
        return { accepted: true }
      },
      readManifest: async (address) => {
        await called('read-manifest')
        return this.#share(address).manifest
      },
      readBlock: async ({ address, segmentIndex, withSealedProof }) => {
        await called('read-block')
        const block = this.#share(address).blocks[segmentIndex]
        if (block === undefined) throw new InvalidInputError(`no segment ${segmentIndex}`)
        const proof = new Uint8Array(64).fill(segmentIndex)
        return { block, blockProof: proof, sealedProof: withSealedProof ? proof : undefined }
      },
      updateLeases: async (updates: readonly LeaseUpdate[]) => {
        await called('update-leases')
        return updates.map((update): LeaseOutcome => {
          const { address } = update
          if ('shareNumber' in address && address.shareNumber > 100)
            return { ok: false, reason: 'no-such-share' }
          return { ok: true, expiresAtSeconds: update.action === 'renew' ? update.durationSeconds : 0 }
        })
      },
      scrubShare: async (address): Promise<ScrubOutcome> => {
        await called('scrub')
        this.#share(address)
        return address.shareNumber === 0 ? { healthy: true } : { healthy: false, problem: 'a block is wrong' }
      },
    }
  }

  #writer(request: WriteRequest, called: (call: string) => Promise<void>): ShareWriter {
    const key = toBase32(request.uploadId)
    const blocks = this.uploads.get(key) ?? []
    this.uploads.set(key, blocks)
    let failure: unknown
    const step = async <T>(call: string, work: () => T): Promise<T> => {
      if (failure !== undefined) throw failure
      try {
        await called(call)
        return work()
      } catch (error) {
        failure = error
        throw error
      }
    }
    return {
      open: () => step('write-open', () => ({ segmentsHeld: blocks.length })),
      writeBlock: (write) =>
        step('write-block', () => {
          if (write.segmentIndex !== blocks.length) throw new ConflictError('a block is out of order')
          blocks.push({ ...write, block: write.block.slice() })
        }),
      finish: ({ manifest }) =>
        step('write-finish', () => {
          this.#add(
            { ...request, manifest },
            blocks.map(({ block }) => block),
          )
          this.uploads.delete(key)
        }),
      abort: async () => {
        this.uploads.delete(key)
      },
      detach: async () => {
        this.detachCount += 1
      },
    }
  }

  #add(
    share: Pick<WholeShare, 'storageIndex' | 'shareNumber' | 'manifest'>,
    blocks: readonly Uint8Array[],
  ): void {
    const { shareNumber, manifest } = share
    const index = toBase32(share.storageIndex)
    const added = { root: manifestRoot(manifest), shareNumber, manifest: manifest.slice(), blocks }
    this.shares.set(index, [...(this.shares.get(index) ?? []), added])
  }

  #share({ storageIndex, root, shareNumber }: ShareAddress): FakeShare {
    const shares = this.shares.get(toBase32(storageIndex)) ?? []
    const found = shares.find((share) => share.shareNumber === shareNumber && equalBytes(share.root, root))
    if (found === undefined) throw new NotFoundError('no such share', { shareNumber })
    return found
  }
}
