/**
 * `cairn:drop:…`: what a host needs that may add backups and neither read nor remove any (FORMAT §19.1).
 *
 * It is no Capability: it grants nothing on one thing of the grid, and only a backup can do anything with it.
 */
import { concat } from '../bytes.ts'
import { formatCapabilityText, parseCapabilityText } from '../capability-text.ts'
import { InvalidInputError } from '../errors.ts'
import {
  asContentKey,
  asDropPublicKey,
  asSlotSeed,
  type ContentKey,
  type DropPublicKey,
  deriveKey,
  HASH_SIZE_BYTES,
  type SlotSeed,
} from '../hash.ts'
import { Secret } from '../secret.ts'
import { TAGS } from '../tags.ts'

const BODY_SIZE_BYTES = 2 * HASH_SIZE_BYTES

export interface DropCapability {
  readonly kind: 'drop'
  /** Of the slot of the first drop. A host forgets it as soon as that drop stands. */
  readonly seed: Secret<SlotSeed>
  /** What drops are sealed to. */
  readonly ownerKey: DropPublicKey
}

export function dropCapability(seed: SlotSeed, ownerKey: DropPublicKey): DropCapability {
  return Object.freeze({ kind: 'drop', seed: new Secret(seed), ownerKey })
}

/** As text, which is a secret. */
export function formatDropCapability({ seed, ownerKey }: DropCapability): string {
  return formatCapabilityText('drop', concat(seed.reveal(), ownerKey))
}

/** @throws InvalidInputError as parseCapability does; no message has anything of the text */
export function parseDropCapability(text: string): DropCapability {
  const { body } = parseCapabilityText(text, requireDrop)
  if (body.length !== BODY_SIZE_BYTES) {
    throw new InvalidInputError(`a drop capability holds ${BODY_SIZE_BYTES} bytes, found ${body.length}`)
  }
  const seed = asSlotSeed(body.slice(0, HASH_SIZE_BYTES))
  return dropCapability(seed, asDropPublicKey(body.slice(HASH_SIZE_BYTES)))
}

/** The content key of the repository behind a drop-box, from the seed of its first drop. */
export function dropContentKey(first: SlotSeed): ContentKey {
  return asContentKey(deriveKey(first, TAGS.dropContentKey))
}

/** The seed of the slot of the next drop. Nothing leads back. */
export function nextDropSeed(seed: SlotSeed): SlotSeed {
  return asSlotSeed(deriveKey(seed, TAGS.dropNext))
}

function requireDrop(kind: string): 'drop' {
  if (kind === 'drop') return kind
  throw new InvalidInputError('the capability of a drop-box is wanted: cairn:drop:…')
}
