/**
 * The storage of one node: a folder that it alone holds, and the servers that accounts see of it.
 *
 * Opening mends what a crash left: incoming/ is wiped, and the index is compared with the share files unless it was
 * closed in order.
 */
import type { BulkCrypto } from '#crypto'
import { IntegrityError, InvalidInputError, utf8 } from '#crypto'
import { AccountBook, type AccountTime } from '../accounting/account-book.ts'
import { keepAccounts, loadAccounts } from '../accounting/kept-accounts.ts'
import { COLLECT_SECONDS, SMALL_SHARE_LIMIT_BYTES, STORAGE_TEND_SECONDS } from '../limits.ts'
import type { StorageFigures } from '../metrics/meter.ts'
import type { Clock, Disk, Log, PeerId } from '../platform/platform.ts'
import { type Collection, collectExpired } from './collector.ts'
import { IncomingShares } from './incoming-shares.ts'
import { LocalStorageServer } from './local-server.ts'
import { firstRemedy, markDamaged, openShareIndex, type Remedy, strongerRemedy } from './open-index.ts'
import { StoragePaths } from './paths.ts'
import { walkShares } from './rebuild.ts'
import type { StorageServer } from './server.ts'
import type { ShareIndex } from './share-index.ts'
import { ShareStore } from './share-store.ts'
import { SpaceLedger, type SpaceLimits } from './space.ts'
import { ensureVersionStamp } from './version-stamp.ts'

/** Peer ids of Ed25519 keys have 52 characters. */
const ACCOUNT_LENGTH_MAX = 128

export interface StorageConfig extends SpaceLimits {
  /** Held by this storage alone; made if it is missing. */
  readonly folder: string
  readonly serverId: PeerId
  /** Of the software, as status() tells it. */
  readonly version: string
  /**
   * Shares of at most this many bytes stand in the index instead of a file each: many become durable in one batch.
   * 0: every share is a file. At most SMALL_SHARE_LIMIT_BYTES, which is the default.
   */
  readonly smallShareMaxBytes?: number | undefined
  /** Distrust the index: make it again from the share files. Leases of shares that are found stay. */
  readonly rebuildIndex?: boolean | undefined
}

export interface StorageStatus {
  readonly usedBytes: number
  readonly shareCount: number
  readonly incomingBytes: number
  readonly freeBytes: number
  /** Those that are charged anything; the empty account holds shares whose leases were lost. */
  readonly accounts: readonly AccountUse[]
}

export interface AccountUse {
  readonly account: PeerId
  readonly chargedBytes: number
  readonly incomingBytes: number
  readonly quotaBytes: number | undefined
  /** Undefined: there are more accounts than are counted over time. */
  readonly time: AccountTime | undefined
}

export interface StorageOptions {
  readonly disk: Disk
  readonly clock: Clock
  readonly log: Log
  readonly bulk: BulkCrypto
  readonly config: StorageConfig
}

export class Storage implements AsyncDisposable {
  readonly #config: StorageConfig
  readonly #clock: Clock
  readonly #log: Log
  readonly #store: ShareStore
  readonly #book: AccountBook
  readonly #incomingShares: IncomingShares
  readonly #closing = new AbortController()
  readonly #tending: Promise<void>
  #collectedAt: number
  #hasNotedDamage = false

  private constructor(options: StorageOptions, store: ShareStore, book: AccountBook) {
    this.#config = options.config
    this.#book = book
    this.#clock = options.clock
    this.#log = options.log
    this.#store = store
    this.#incomingShares = new IncomingShares(store.parts, store.parts.paths.incoming)
    this.#collectedAt = options.clock.elapsed()
    this.#tending = this.#tend()
  }

  /**
   * @throws ConflictError if another process holds the folder; InvalidInputError if a later version wrote it;
   * NoSpaceError
   */
  static async open(options: StorageOptions): Promise<Storage> {
    const { disk, log, config } = options
    if ((config.smallShareMaxBytes ?? 0) > SMALL_SHARE_LIMIT_BYTES) {
      throw new InvalidInputError(`small shares have at most ${SMALL_SHARE_LIMIT_BYTES} bytes`)
    }
    const paths = new StoragePaths(config.folder)
    await disk.makeFolder(paths.root)
    await ensureVersionStamp(disk, paths)
    for (let remedy: Remedy = await firstRemedy(disk, paths); ; ) {
      try {
        return await Storage.#openWith(options, paths, remedy)
      } catch (error) {
        const next = strongerRemedy(remedy)
        // Only the index says so: damaged share files are put aside.
        if (!(error instanceof IntegrityError) || next === undefined) throw error
        log.error('the index cannot be read', { error })
        remedy = next
      }
    }
  }

  static async #openWith(options: StorageOptions, paths: StoragePaths, remedy: Remedy): Promise<Storage> {
    const { disk, clock, log, bulk, config } = options
    const { index, totals } = await openShareIndex(
      { disk, paths, log },
      { rebuild: config.rebuildIndex === true, remedy },
    )
    try {
      await makeFolders(disk, paths)
      const book = new AccountBook(clock)
      await loadAccounts(index, book, log)
      const space = new SpaceLedger(config, (account, chargedBytes) => book.charge(account, chargedBytes))
      const { smallShareMaxBytes = SMALL_SHARE_LIMIT_BYTES } = config
      const store = new ShareStore({ disk, clock, log, bulk, paths, index, space, smallShareMaxBytes })
      store.parts.space.load(totals ?? (await walkShares(store)))
      await store.refreshDiskFree()
      return new Storage(options, store, book)
    } catch (error) {
      await closeIndex(index)
      throw error
    }
  }

  /** The server as one account sees it. @throws InvalidInputError if that is not an account's name */
  forAccount(account: PeerId): StorageServer {
    if (account === '' || utf8(account).length > ACCOUNT_LENGTH_MAX) {
      throw new InvalidInputError(`an account's name has 1 to ${ACCOUNT_LENGTH_MAX} bytes`)
    }
    const { serverId, version } = this.#config
    return new LocalStorageServer({
      serverId,
      version,
      account,
      store: this.#store,
      book: this.#book,
      incomingShares: this.#incomingShares,
    })
  }

  /** An account has asked something: for whoever serves it. */
  noteSeen(account: PeerId): void {
    this.#book.noteSeen(account)
  }

  /** Have it durable what accounts have used over time, now; otherwise it is done every STORAGE_TEND_SECONDS. */
  keepAccounts(): Promise<void> {
    return keepAccounts(this.#store.parts.index, this.#book)
  }

  /** As they were when the disk was last asked. */
  get figures(): StorageFigures {
    const { usedBytes, freeBytes, incomingBytes, shareCount, accountCount } = this.#store.parts.space
    return { usedBytes, freeBytes, incomingBytes, shareCount, accountCount }
  }

  /** The index met damage, and is repaired when the storage is next opened. */
  get isDamaged(): boolean {
    return this.#store.parts.index.isDamaged
  }

  /** For the owner. */
  async status(): Promise<StorageStatus> {
    await this.#store.refreshDiskFree()
    const { space } = this.#store.parts
    return {
      usedBytes: space.usedBytes,
      shareCount: space.shareCount,
      incomingBytes: space.incomingBytes,
      freeBytes: space.freeBytes,
      accounts: space.accounts().map((account) => this.#useOf(account)),
    }
  }

  /** Of all that store anything, or have. */
  accountUses(): readonly AccountUse[] {
    const accounts = new Set([...this.#store.parts.space.accounts(), ...this.#book.accounts()])
    return [...accounts].map((account) => this.#useOf(account))
  }

  #useOf(account: PeerId): AccountUse {
    return {
      account,
      ...this.#store.parts.space.accountUse(account),
      time: this.#book.timeOf(account),
    }
  }

  /** Free what no lease holds, now; otherwise it is done every COLLECT_SECONDS. */
  collect(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<Collection> {
    return collectExpired(this.#store, options.signal)
  }

  /** Drop incoming shares that nobody writes, now; otherwise it is done every STORAGE_TEND_SECONDS. */
  dropIdle(): Promise<void> {
    return this.#incomingShares.dropIdle()
  }

  /** Callers have stopped calling; what they left unfinished is dropped. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error('the storage is closing'))
    await this.#tending
    await this.#incomingShares[Symbol.asyncDispose]()
    await this.#store[Symbol.asyncDispose]()
    const { index, space } = this.#store.parts
    try {
      if (!index.isDamaged) await this.keepAccounts()
      if (this.#store.isInStep && !index.isDamaged) await index.markClosed(space.totals)
    } catch (error) {
      if (!index.isDamaged) throw error
      this.#log.error('the index could not be closed in order', { error })
    } finally {
      await this.#noteDamage()
      await index[Symbol.asyncDispose]()
    }
  }

  /** Only an opening can repair the index. */
  async #noteDamage(): Promise<void> {
    const { disk, paths, index } = this.#store.parts
    if (!index.isDamaged || this.#hasNotedDamage) return
    this.#hasNotedDamage = true
    this.#log.error('the index is damaged and will be repaired when the storage is next opened')
    await markDamaged(disk, paths)
  }

  async #tend(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      try {
        await this.#clock.sleep(STORAGE_TEND_SECONDS * 1000, { signal })
        await this.#noteDamage()
        await this.keepAccounts()
        await this.dropIdle()
        if (this.#clock.elapsed() - this.#collectedAt < COLLECT_SECONDS * 1000) continue
        this.#collectedAt = this.#clock.elapsed()
        await this.collect({ signal })
      } catch (error) {
        if (!signal.aborted) this.#log.error('tending the storage failed', { error })
      }
    }
  }
}

/** The folders of the layout, durable, and incoming/ empty. */
async function makeFolders(disk: Disk, paths: StoragePaths): Promise<void> {
  await disk.makeFolder(paths.shares)
  await disk.makeFolder(paths.incoming)
  for (const entry of await disk.list(paths.incoming)) {
    if (!entry.isFolder) await disk.removeFile(`${paths.incoming}/${entry.name}`)
  }
  await disk.syncFolder(paths.root)
}

/** On the way out of a failed opening; what failed first is what counts. */
async function closeIndex(index: ShareIndex): Promise<void> {
  await index[Symbol.asyncDispose]().catch(() => undefined)
}
