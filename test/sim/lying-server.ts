/** A storage server that lies in one chosen way, in front of one that does its work. */
import {
  type CallOptions,
  NotFoundError,
  type OpenedFile,
  type OpenRequest,
  type ReadBlock,
  type StorageServer,
} from '#node'

/**
 * `wrong bytes`: whatever it gives has a bit turned over, and it calls its shares good. `withholding`: it takes
 * everything and has nothing. `forgetful`: it says that it has stored or renewed what it has not, and goes on giving what
 * it had before.
 */
export type Lie = 'wrong bytes' | 'withholding' | 'forgetful'

export const LIES: readonly Lie[] = ['wrong bytes', 'withholding', 'forgetful']

/** @param lieOf asked at each call; undefined: it tells the truth */
export function lyingServer(inner: StorageServer, lieOf: () => Lie | undefined): StorageServer {
  const nothing = () => new NotFoundError('no such share here')
  return {
    serverId: inner.serverId,
    status: (options) => inner.status(options),
    listShares: async (queries, options) =>
      lieOf() === 'withholding' ? queries.map(() => []) : inner.listShares(queries, options),
    openFile: (request, options) => openFile(inner, lieOf(), { request, options }),
    readManifest: async (address, options) => {
      if (lieOf() === 'withholding') throw nothing()
      const manifest = await inner.readManifest(address, options)
      return lieOf() === 'wrong bytes' ? flipped(manifest) : manifest
    },
    readBlock: async (request, options) => {
      if (lieOf() === 'withholding') throw nothing()
      const answer = await inner.readBlock(request, options)
      return lieOf() === 'wrong bytes' ? wrongBlock(answer) : answer
    },
    updateLeases: async (updates, options) =>
      lieOf() === 'forgetful'
        ? updates.map((update) => ({
            ok: true,
            expiresAtSeconds: update.action === 'renew' ? update.durationSeconds : 0,
          }))
        : inner.updateLeases(updates, options),
    scrubShare: async (address, options) =>
      lieOf() === undefined ? inner.scrubShare(address, options) : { healthy: true },
    readSlots: async (publicKeys, options) => {
      const records = await inner.readSlots(publicKeys, options)
      if (lieOf() === 'withholding') return records.map(() => undefined)
      return lieOf() === 'wrong bytes' ? records.map((record) => record && flipped(record)) : records
    },
    writeSlot: async (write, options) =>
      lieOf() === 'forgetful' ? { accepted: true } : inner.writeSlot(write, options),
    writeWhole: async (share, options) =>
      lieOf() === 'forgetful' ? undefined : inner.writeWhole(share, options),
    writeShare: (request) => {
      const writer = inner.writeShare(request)
      return {
        open: (options) => writer.open(options),
        writeBlock: (write, options) => writer.writeBlock(write, options),
        finish: (last, options) => (lieOf() === 'forgetful' ? writer.abort() : writer.finish(last, options)),
        abort: () => writer.abort(),
        detach: () => writer.detach(),
      }
    },
  }
}

async function openFile(
  inner: StorageServer,
  lie: Lie | undefined,
  { request, options }: { readonly request: OpenRequest; readonly options: CallOptions | undefined },
): Promise<OpenedFile> {
  if (lie === 'withholding') return { shares: [], manifest: undefined, block: undefined }
  const opened = await inner.openFile(request, options)
  if (lie !== 'wrong bytes') return opened
  return {
    shares: opened.shares,
    manifest: opened.manifest && flipped(opened.manifest),
    block: opened.block && wrongBlock(opened.block),
  }
}

function wrongBlock(answer: ReadBlock): ReadBlock {
  return { ...answer, block: flipped(answer.block) }
}

/** A copy with one bit turned over, somewhere in the middle. */
function flipped(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice()
  const middle = copy.length >> 1
  if (copy.length > 0) copy[middle] = (copy[middle] ?? 0) ^ 1
  return copy
}
