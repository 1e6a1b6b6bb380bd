/** The book of accounts in the storage index: told again when the storage is opened, kept every so often. */
import { GridError } from '#crypto'
import type { IndexOperation, Log } from '../platform/platform.ts'
import { accountTimeKey } from '../storage/index-keys.ts'
import type { ShareIndex } from '../storage/share-index.ts'
import { type AccountBook, formatAccountRecord, parseAccountRecord } from './account-book.ts'

/** A record that cannot be read is passed over: nobody loses a share by it. */
export async function loadAccounts(index: ShareIndex, book: AccountBook, log: Log): Promise<void> {
  for await (const [account, bytes] of index.accountTimes()) {
    try {
      book.load(account, parseAccountRecord(bytes))
    } catch (error) {
      if (!(error instanceof GridError)) throw error
      log.warn('what an account has used over time cannot be read and begins anew', { account, error })
    }
  }
}

/** In one batch: durable when the promise resolves, and counted again next time if it fails. */
export async function keepAccounts(index: ShareIndex, book: AccountBook): Promise<void> {
  const changes = book.changes()
  if (changes.size === 0) return
  const operations = [...changes].map(([account, record]): IndexOperation => {
    const key = accountTimeKey(account)
    return record === undefined
      ? { type: 'del', key }
      : { type: 'put', key, value: formatAccountRecord(record) }
  })
  try {
    await index.commit(operations)
  } catch (error) {
    book.takeBack(changes)
    throw error
  }
}
