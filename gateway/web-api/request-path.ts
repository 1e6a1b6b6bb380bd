/**
 * What a path of the web API names: a capability, and names from there down (WEB-API.md §3).
 *
 * The path is taken as it came over the wire: a name is one segment of it, decoded once, so `%2F` is no way to smuggle
 * a second one in. No message holds any of it.
 */
import { type Capability, checkedName, InvalidInputError, parseCapability } from '#crypto'

/** With capabilities of some hundred characters, names of 255 bytes, percent-encoded, and all levels of a path. */
export const TARGET_LENGTH_MAX = 8192
/** Deeper than any file system goes; each level costs a round trip to the grid. */
export const PATH_DEPTH_MAX = 128

export interface WebPath {
  readonly capability: Capability
  /** From the capability down; as directories have them (NFC). */
  readonly names: readonly string[]
  /** It ends with a slash, as paths of directories do. */
  readonly hasEndSlash: boolean
}

const PREFIX = '/uri/'

/** @param target path and query as the request line has them. @throws InvalidInputError */
export function parseWebPath(target: string): WebPath {
  const path = pathOfTarget(target)
  if (!path.startsWith(PREFIX)) throw new InvalidInputError(`a path below ${PREFIX} is wanted`)
  const [first = '', ...rest] = path.slice(PREFIX.length).split('/')
  return { capability: parseCapability(decoded(first)), ...parseNames(rest) }
}

/** A capability and names after it, as `to_dir` has them. @throws InvalidInputError */
export function parseCapabilityPath(text: string): WebPath {
  const [first = '', ...rest] = text.split('/')
  return { capability: parseCapability(first), ...parseNames(rest, (name) => name) }
}

/** @throws InvalidInputError if the target is too long */
export function pathOfTarget(target: string): string {
  return checkedLength(target).split('?', 1)[0] ?? ''
}

/** Without the question mark; empty if there is none. @throws InvalidInputError if the target is too long */
export function queryOfTarget(target: string): string {
  const start = checkedLength(target).indexOf('?')
  return start === -1 ? '' : target.slice(start + 1)
}

function checkedLength(target: string): string {
  if (target.length <= TARGET_LENGTH_MAX) return target
  throw new InvalidInputError(
    `a path and query of at most ${TARGET_LENGTH_MAX} characters are wanted, found ${target.length}`,
  )
}

function parseNames(segments: readonly string[], decode = decoded): Omit<WebPath, 'capability'> {
  const hasEndSlash = segments.at(-1) === ''
  const all = hasEndSlash ? segments.slice(0, -1) : segments
  if (all.length > PATH_DEPTH_MAX) {
    throw new InvalidInputError(`a path of at most ${PATH_DEPTH_MAX} names is wanted, found ${all.length}`, {
      wanted: PATH_DEPTH_MAX,
      found: all.length,
      where: 'path',
    })
  }
  return { names: all.map((segment) => nameOf(decode(segment))), hasEndSlash }
}

/** @throws InvalidInputError saying which rule it breaks, without the name */
export function nameOf(text: string): string {
  try {
    return checkedName(text)
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error
    throw new InvalidInputError(error.message, { where: 'path' })
  }
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw new InvalidInputError('percent-encoded UTF-8 is wanted in the path', { where: 'path' })
  }
}
