/**
 * The invitations that a home has made, by the hashes of their tokens (PROTOCOL §12.5). The file is the truth: a daemon
 * and a command may both change it, one after the other.
 *
 * An invitation is used up durably before anything is signed for it, and bound to the key that used it. So it is good
 * for one key whatever crashes, and that key may ask again if it did not hear the answer.
 */
import {
  decodeFields,
  encodeFields,
  equalBytes,
  type Fields,
  IntegrityError,
  InvalidInputError,
} from '#crypto'
import { ConflictError, NoSpaceError } from '../errors.ts'
import {
  ANNOUNCED_NAME_LENGTH_MAX,
  INVITATIONS_FILE_MAX_BYTES,
  INVITATIONS_LOCK_TRIES_MAX,
  INVITATIONS_LOCK_WAIT_MILLISECONDS,
  INVITATIONS_MAX,
  ROLES_MAX,
} from '../limits.ts'
import { PUBLIC_KEY_SIZE_BYTES, peerIdOfPublicKey } from '../peers/peer-id.ts'
import { utcText } from '../platform/clock.ts'
import type { Clock, Disk, KeyValueIndex } from '../platform/platform.ts'
import { readWholeFile, replaceFile } from '../replace-file.ts'
import { refusal } from './member-records.ts'

const FILE = 'invitations.cbor'
const LOCK = 'invitations-lock'
const HASH_SIZE_BYTES = 32

/** What whoever redeems an invitation is granted. */
export interface InvitationTerms {
  readonly name: string
  readonly roles: readonly string[]
  readonly quotaBytes: number | undefined
  /** Seconds since 1970 UTC, at which the membership ends for good; undefined: it is renewed. */
  readonly endsAtSeconds: number | undefined
  readonly inviteDepth: number
}

interface Entry extends InvitationTerms {
  readonly tokenHash: Uint8Array
  /** Seconds since 1970 UTC up to which it can be redeemed. */
  readonly validUntilSeconds: number
  /** Public key of whoever has used it. */
  readonly usedBy: Uint8Array | undefined
  readonly usedAtSeconds: number | undefined
}

export class InvitationBook {
  readonly #disk: Disk
  readonly #clock: Clock
  readonly #home: string

  constructor(options: { readonly disk: Disk; readonly clock: Clock; readonly home: string }) {
    this.#disk = options.disk
    this.#clock = options.clock
    this.#home = options.home
  }

  /** @throws NoSpaceError if too many are open */
  async add(
    invitations: readonly { readonly tokenHash: Uint8Array; readonly terms: InvitationTerms }[],
    validUntilSeconds: number,
  ): Promise<void> {
    await this.#change(async (entries) => {
      if (entries.length + invitations.length > INVITATIONS_MAX) {
        throw new NoSpaceError(
          `at most ${INVITATIONS_MAX} invitations are open at a time; the oldest end first`,
        )
      }
      const fresh = invitations.map(({ tokenHash, terms }) => {
        return { ...terms, tokenHash, validUntilSeconds, usedBy: undefined, usedAtSeconds: undefined }
      })
      return { entries: [...entries, ...fresh], result: undefined }
    })
  }

  /** Use up an invitation. @throws NotAdmittedError if there is none such, or another key has used it */
  async redeem(tokenHash: Uint8Array, usedBy: Uint8Array): Promise<InvitationTerms> {
    // Anyone may try a token: what is none takes no lock.
    findEntry(await this.#read(), tokenHash)
    return await this.#change(async (entries) => {
      const found = findEntry(entries, tokenHash)
      if (found.usedBy !== undefined && !equalBytes(found.usedBy, usedBy)) {
        const when = utcText(found.usedAtSeconds ?? 0)
        throw refusal(
          'invitation',
          `this invitation was used already, on ${when} by ${peerIdOfPublicKey(found.usedBy)}: each is good once, ` +
            'ask for another',
        )
      }
      const used = { ...found, usedBy, usedAtSeconds: found.usedAtSeconds ?? this.#nowSeconds() }
      return { entries: entries.map((entry) => (entry === found ? used : entry)), result: found }
    })
  }

  /** Under the lock: read, change, write. Those whose time is over are dropped on the way. */
  async #change<T>(
    change: (
      entries: readonly Entry[],
    ) => Promise<{ readonly entries: readonly Entry[]; readonly result: T }>,
  ): Promise<T> {
    const lock = await this.#hold()
    try {
      const bytes = await readWholeFile(this.#disk, `${this.#home}/${FILE}`, INVITATIONS_FILE_MAX_BYTES)
      const known = bytes === undefined ? [] : this.#parse(bytes)
      const now = this.#nowSeconds()
      const { entries, result } = await change(
        known.filter(({ validUntilSeconds }) => validUntilSeconds > now),
      )
      await replaceFile(this.#disk, this.#home, { name: FILE, bytes: formatEntries(entries) })
      return result
    } finally {
      await lock.close()
    }
  }

  /** Those whose time is not over. */
  async #read(): Promise<readonly Entry[]> {
    const bytes = await readWholeFile(this.#disk, `${this.#home}/${FILE}`, INVITATIONS_FILE_MAX_BYTES)
    const now = this.#nowSeconds()
    return (bytes === undefined ? [] : this.#parse(bytes)).filter(
      ({ validUntilSeconds }) => validUntilSeconds > now,
    )
  }

  #parse(bytes: Uint8Array): readonly Entry[] {
    try {
      return decodeFields(bytes, 'invitations').records('invitations', INVITATIONS_MAX).map(readEntry)
    } catch (cause) {
      if (!(cause instanceof InvalidInputError)) throw cause
      throw new IntegrityError(
        `${this.#home}/${FILE} is damaged: ${cause.message}`,
        { hint: 'Remove it: the invitations that are open are then void, and members stay members.' },
        { cause },
      )
    }
  }

  async #hold(): Promise<KeyValueIndex> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#disk.openIndex(`${this.#home}/${LOCK}`)
      } catch (error) {
        if (!(error instanceof ConflictError) || tries === INVITATIONS_LOCK_TRIES_MAX) throw error
        await this.#clock.sleep(INVITATIONS_LOCK_WAIT_MILLISECONDS)
      }
    }
  }

  #nowSeconds(): number {
    return Math.floor(this.#clock.now() / 1000)
  }
}

function findEntry(entries: readonly Entry[], tokenHash: Uint8Array): Entry {
  const found = entries.find((entry) => equalBytes(entry.tokenHash, tokenHash))
  if (found !== undefined) return found
  throw refusal('invitation', 'no such invitation was made here, or its time is over: ask for another')
}

function formatEntries(entries: readonly Entry[]): Uint8Array {
  return encodeFields({
    invitations: entries.map((entry) => ({
      token: entry.tokenHash,
      until: entry.validUntilSeconds,
      name: entry.name,
      roles: entry.roles,
      quota: entry.quotaBytes,
      ends: entry.endsAtSeconds,
      invite: entry.inviteDepth,
      by: entry.usedBy,
      at: entry.usedAtSeconds,
    })),
  })
}

function readEntry(fields: Fields): Entry {
  return {
    tokenHash: fields.bytes('token', HASH_SIZE_BYTES),
    validUntilSeconds: fields.uint('until'),
    name: fields.text('name', ANNOUNCED_NAME_LENGTH_MAX),
    roles: fields.list('roles', ROLES_MAX).map(String),
    quotaBytes: fields.optional('quota', () => fields.uint('quota')),
    endsAtSeconds: fields.optional('ends', () => fields.uint('ends')),
    inviteDepth: fields.uint('invite'),
    usedBy: fields.optional('by', () => fields.bytes('by', PUBLIC_KEY_SIZE_BYTES)),
    usedAtSeconds: fields.optional('at', () => fields.uint('at')),
  }
}
