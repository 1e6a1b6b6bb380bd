/**
 * Where things stand in a storage folder.
 *
 * | path | what |
 * |---|---|
 * | `version` | the stamp of this layout |
 * | `shares/<2>/<storage index>/<root>.<share number>` | a visible share, if it is not small: the truth |
 * | `incoming/<number>`, `incoming/<number>.<spool>` | shares being written; wiped at start |
 * | `index/` | level: slots, small shares, leases, and the index of all shares, which can be made again |
 * | `index-damaged` | there if damage was met in the index: it is repaired at the next start |
 * | `corrupt/` | what was found damaged or foreign; never deleted |
 *
 * Hashes are base32; `<2>` is the first two characters of the storage index.
 */
import {
  asFileRoot,
  asStorageIndex,
  fromBase32,
  GridError,
  HASH_SIZE_BYTES,
  type StorageIndex,
  TOTAL_SHARES_MAX,
  toBase32,
} from '#crypto'
import type { ShareAddress } from './server.ts'

export class StoragePaths {
  readonly root: string
  readonly versionFile: string
  readonly shares: string
  readonly incoming: string
  readonly index: string
  readonly damageMark: string
  readonly corrupt: string

  constructor(root: string) {
    this.root = root
    this.versionFile = `${root}/version`
    this.shares = `${root}/shares`
    this.incoming = `${root}/incoming`
    this.index = `${root}/index`
    this.damageMark = `${root}/index-damaged`
    this.corrupt = `${root}/corrupt`
  }

  /** Holds the folders of all storage indexes with the same first two characters. */
  prefixFolder(storageIndex: StorageIndex): string {
    return `${this.shares}/${toBase32(storageIndex).slice(0, 2)}`
  }

  /** Holds the shares of one storage index: a bucket. */
  bucketFolder(storageIndex: StorageIndex): string {
    const name = toBase32(storageIndex)
    return `${this.shares}/${name.slice(0, 2)}/${name}`
  }

  shareFile(address: ShareAddress): string {
    return `${this.bucketFolder(address.storageIndex)}/${shareFileName(address)}`
  }
}

function shareFileName(address: ShareAddress): string {
  return `${toBase32(address.root)}.${address.shareNumber}`
}

/** The address as one text, for maps. It grants verifying: never for a log. */
export function addressKey(address: ShareAddress): string {
  return `${toBase32(address.storageIndex)}/${shareFileName(address)}`
}

/** undefined if the folder's name is not a storage index that belongs under this prefix. */
export function parseBucketName(prefix: string, name: string): StorageIndex | undefined {
  const bytes = canonicalBytes(name)
  return bytes !== undefined && name.startsWith(prefix) && prefix.length === 2
    ? asStorageIndex(bytes)
    : undefined
}

/** undefined if the file's name is not that of a share. */
export function parseShareName(storageIndex: StorageIndex, name: string): ShareAddress | undefined {
  const [rootText = '', numberText = '', ...rest] = name.split('.')
  const root = canonicalBytes(rootText)
  const shareNumber = Number(numberText)
  if (root === undefined || rest.length > 0 || !/^(0|[1-9][0-9]{0,2})$/.test(numberText)) return undefined
  if (shareNumber >= TOTAL_SHARES_MAX) return undefined
  return { storageIndex, root: asFileRoot(root), shareNumber }
}

function canonicalBytes(text: string): Uint8Array | undefined {
  try {
    const bytes = fromBase32(text)
    return bytes.length === HASH_SIZE_BYTES ? bytes : undefined
  } catch (error) {
    if (error instanceof GridError) return undefined
    throw error
  }
}
