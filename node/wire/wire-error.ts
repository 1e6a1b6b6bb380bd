/** Errors as replies carry them: {error, message, details} (PROTOCOL §4.4). */
import { type FieldRecord, type Fields, type FieldValue, GridError, InvalidInputError } from '#crypto'
import { ERROR_CLASSES, isErrorCode, ProtocolError } from '../errors.ts'
import { WIRE_ERROR_DETAILS_MAX, WIRE_ERROR_TEXT_MAX } from '../limits.ts'
import type { PeerId } from '../platform/platform.ts'

/** What a server says when it fails on its own account. It is no ErrorCode: a client hears a ProtocolError. */
export const INTERNAL_CODE = 'INTERNAL'

/** The fields of an error reply. Of an error that is no GridError the peer learns nothing but that there was one. */
export function errorFields(error: unknown): FieldRecord {
  if (!(error instanceof GridError))
    return { error: INTERNAL_CODE, message: 'the server failed', details: {} }
  const details: Record<string, FieldValue> = {}
  for (const [name, value] of Object.entries(error.details).slice(0, WIRE_ERROR_DETAILS_MAX)) {
    if (isDetail(name, value)) details[name] = value
  }
  return { error: error.code, message: error.message.slice(0, WIRE_ERROR_TEXT_MAX), details }
}

/**
 * The error that a reply holds, of the class that its code names.
 *
 * @throws InvalidInputError if the fields are malformed
 */
export function errorOfFields(fields: Fields, serverId: PeerId): GridError {
  const code = fields.text('error', 64)
  const message = fields.text('message', WIRE_ERROR_TEXT_MAX)
  const details: Record<string, unknown> = {}
  const entries = [...fields.map('details')]
  if (entries.length > WIRE_ERROR_DETAILS_MAX) throw new InvalidInputError('an error has too many details')
  for (const [name, value] of entries) {
    if (typeof name !== 'string' || !isDetail(name, value)) {
      throw new InvalidInputError('a detail of an error is not a name and a plain value')
    }
    details[name] = value
  }
  const known = { ...details, server: serverId }
  if (isErrorCode(code)) return new ERROR_CLASSES[code](message, known)
  return new ProtocolError(`the server answered with ${JSON.stringify(code)}: ${message}`, known)
}

function isDetail(name: string, value: unknown): value is number | boolean | string {
  if (name === '' || name.length > 64) return false
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0
  return typeof value === 'boolean' || (typeof value === 'string' && value.length <= WIRE_ERROR_TEXT_MAX)
}
