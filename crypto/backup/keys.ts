/** The keys of a repository of backups (FORMAT §18.1). */
import { asBlobIdKey, asCutKey, type BlobIdKey, type ContentKey, type CutKey, deriveKey } from '../hash.ts'
import { Secret } from '../secret.ts'
import { TAGS } from '../tags.ts'

export interface RepositoryKeys {
  /** Says where contents are cut. */
  readonly cutKey: Secret<CutKey>
  /** Names blobs. */
  readonly blobIdKey: Secret<BlobIdKey>
}

export function repositoryKeys(contentKey: ContentKey): RepositoryKeys {
  return {
    cutKey: new Secret(asCutKey(deriveKey(contentKey, TAGS.cutKey))),
    blobIdKey: new Secret(asBlobIdKey(deriveKey(contentKey, TAGS.blobIdKey))),
  }
}
