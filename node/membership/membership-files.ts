/**
 * What a home keeps of its membership.
 *
 * | path | what |
 * |---|---|
 * | `membership.cbor` | its own chain; its being there makes the home a member |
 * | `expulsions.cbor` | every expulsion it has heard of: forgotten, an expelled member would be let in again |
 */
import { decodeFields, encodeFields, IntegrityError, InvalidInputError } from '#crypto'
import { EXPULSION_MAX_BYTES, EXPULSIONS_MAX } from '../limits.ts'
import type { Roster } from '../peers/roster.ts'
import type { Disk } from '../platform/platform.ts'
import { readWholeFile, replaceFile } from '../replace-file.ts'
import { CHAIN_MAX_BYTES, type Chain, formatChain, parseChain } from './chain.ts'
import type { MemberRecords } from './member-records.ts'

const CHAIN_FILE = 'membership.cbor'
const EXPULSIONS_FILE = 'expulsions.cbor'

/** Undefined: the home has no certificate. @throws IntegrityError if the file is damaged */
export async function loadOwnChain(disk: Disk, home: string): Promise<Chain | undefined> {
  const path = `${home}/${CHAIN_FILE}`
  const bytes = await readWholeFile(disk, path, CHAIN_MAX_BYTES)
  if (bytes === undefined) return undefined
  try {
    return parseChain(bytes)
  } catch (cause) {
    if (!(cause instanceof InvalidInputError) && !(cause instanceof IntegrityError)) throw cause
    throw new IntegrityError(
      `${path} is damaged: ${cause.message}`,
      { hint: 'Ask whoever invited you for another invitation, and join with it: cairn join LINK' },
      { cause },
    )
  }
}

export async function saveOwnChain(disk: Disk, home: string, chain: Chain): Promise<void> {
  await replaceFile(disk, home, { name: CHAIN_FILE, bytes: formatChain(chain) })
}

/** @throws IntegrityError if the file is damaged: without it the expelled would come back */
export async function loadExpulsions(disk: Disk, home: string, roster: Roster): Promise<void> {
  const path = `${home}/${EXPULSIONS_FILE}`
  const bytes = await readWholeFile(disk, path, EXPULSIONS_MAX * (EXPULSION_MAX_BYTES + 3) + 64)
  if (bytes === undefined) return
  try {
    for (const entry of decodeFields(bytes, 'expulsions').list('expulsions', EXPULSIONS_MAX)) {
      if (!(entry instanceof Uint8Array) || roster.add(entry) === 'forged') {
        throw new InvalidInputError('an expulsion in it is not sound')
      }
    }
  } catch (cause) {
    if (!(cause instanceof InvalidInputError)) throw cause
    throw new IntegrityError(
      `${path} is damaged: ${cause.message}`,
      { hint: 'Remove it: the other servers tell this one again who is expelled.' },
      { cause },
    )
  }
}

/** Writes the file as often as it is asked to, one time after the other. */
export class ExpulsionsFile {
  readonly #disk: Disk
  readonly #home: string
  readonly #records: MemberRecords
  #last: Promise<void> = Promise.resolve()

  constructor(disk: Disk, home: string, records: MemberRecords) {
    this.#disk = disk
    this.#home = home
    this.#records = records
  }

  /** All that is known now is durable on return. */
  save(): Promise<void> {
    const write = async () => {
      const expulsions = this.#records.expulsions().map(({ bytes }) => bytes)
      await replaceFile(this.#disk, this.#home, {
        name: EXPULSIONS_FILE,
        bytes: encodeFields({ expulsions }),
      })
    }
    this.#last = this.#last.then(write, write)
    return this.#last
  }
}
