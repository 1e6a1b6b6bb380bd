/** The file `repository` of a repository of backups (FORMAT §18.1): what makes a directory one. */
import { InvalidInputError } from '../errors.ts'
import { decodeFields, encodeFields } from '../fields.ts'
import {
  asContentKey,
  asDropPrivateKey,
  type ContentKey,
  type DropPrivateKey,
  HASH_SIZE_BYTES,
} from '../hash.ts'
import { Secret } from '../secret.ts'

export const REPOSITORY_VERSION = 1
/** Some 120 bytes are needed. */
export const REPOSITORY_FILE_MAX_BYTES = 1024

export interface RepositoryFile {
  readonly createdAtMilliseconds: number
  readonly contentKey: Secret<ContentKey>
  /** Of a repository that takes backups through a drop-box, and only of one: what opens its drops (FORMAT §19). */
  readonly dropPrivateKey?: Secret<DropPrivateKey> | undefined
}

export function formatRepositoryFile(file: RepositoryFile): Uint8Array {
  return encodeFields({
    version: REPOSITORY_VERSION,
    created: file.createdAtMilliseconds,
    contentKey: file.contentKey.reveal(),
    dropKey: file.dropPrivateKey?.reveal(),
  })
}

/** @throws InvalidInputError if it is no such file, or of another version */
export function parseRepositoryFile(bytes: Uint8Array): RepositoryFile {
  if (bytes.length > REPOSITORY_FILE_MAX_BYTES) {
    throw new InvalidInputError(
      `repository: at most ${REPOSITORY_FILE_MAX_BYTES} bytes wanted, found ${bytes.length}`,
    )
  }
  const fields = decodeFields(bytes, 'repository')
  const version = fields.uint('version')
  if (version !== REPOSITORY_VERSION) {
    throw new InvalidInputError(
      `repository version ${REPOSITORY_VERSION} wanted, found ${version}: use a newer Cairn for it`,
    )
  }
  const file = {
    createdAtMilliseconds: fields.uint('created'),
    contentKey: new Secret(asContentKey(fields.bytes('contentKey', HASH_SIZE_BYTES))),
    dropPrivateKey: fields.optional(
      'dropKey',
      () => new Secret(asDropPrivateKey(fields.bytes('dropKey', HASH_SIZE_BYTES))),
    ),
  }
  fields.finish()
  return file
}
