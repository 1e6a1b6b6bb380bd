/**
 * Where the arguments of a command point: into the grid, or onto this machine. Pure.
 *
 *     home:photos/2026        below the capability that the alias `home` stands for
 *     cairn:dir:…/photos      below a capability
 *     @FILE:photos            below the capability that FILE holds; @- for standard input
 *     ./odd:name, photos/x:y  anything else, and whatever has a / before its first colon: a file of this machine
 */
import { type Capability, checkedName, InvalidInputError, parseCapability } from '#crypto'

export type Place = LocalPlace | GridPlace

export interface LocalPlace {
  readonly kind: 'local'
  /** As it was given; `-` is standard input or output. */
  readonly path: string
  /** A slash at the end: it has to be a folder. */
  readonly isFolder: boolean
}

export interface GridPlace {
  readonly kind: 'grid'
  readonly root: GridRoot
  /** Names from the root down. */
  readonly path: readonly string[]
  /** A slash at the end: it has to be a directory. */
  readonly isFolder: boolean
}

export type GridRoot =
  | { readonly kind: 'alias'; readonly name: string }
  | { readonly kind: 'capability'; readonly capability: Capability }
  /** A file that holds a capability; `-` is standard input. */
  | { readonly kind: 'file'; readonly file: string }

const ALIAS_NAME = /^[\p{L}\p{N}][\p{L}\p{N}\p{M}._-]{0,63}$/u
/** The scheme of capabilities is no alias. */
const RESERVED_ALIAS = 'cairn'
/** A directory of directories of this depth is no accident; a cycle of links would have no end. */
export const PATH_DEPTH_MAX = 256

/** @throws InvalidInputError; its message never holds a capability */
export function parsePlace(text: string): Place {
  if (text === '') throw new InvalidInputError('a path is not empty; home: is what the alias home stands for')
  if (text.startsWith('cairn:')) return capabilityPlace(text)
  if (text.startsWith('@')) return filePlace(text.slice(1))
  const colon = text.indexOf(':')
  const name = text.slice(0, Math.max(0, colon)).normalize('NFC')
  if (!ALIAS_NAME.test(name)) return { kind: 'local', path: text, isFolder: text.endsWith('/') }
  return gridPlace({ kind: 'alias', name }, text.slice(colon + 1))
}

/** @throws InvalidInputError if it is on this machine */
export function requireGrid(place: Place): GridPlace {
  if (place.kind === 'grid') return place
  throw new InvalidInputError(`${place.path} is a path of this machine, and one of the grid is wanted`, {
    hint: 'Such as home:photos or cairn:dir:…/photos; cairn alias list tells what stands before the colon.',
  })
}

/** @returns the name in its normal form; @throws InvalidInputError */
export function checkedAlias(text: string): string {
  const name = text.replace(/:$/, '').normalize('NFC')
  if (name !== RESERVED_ALIAS && ALIAS_NAME.test(name)) return name
  throw new InvalidInputError(
    'the name of an alias has up to 64 letters, digits, dots, dashes and underscores, begins with a letter or ' +
      'digit, and is not cairn',
  )
}

/** As messages and listings show it: a capability is left out. */
export function describePlace({ root, path }: GridPlace): string {
  const below = path.join('/')
  switch (root.kind) {
    case 'alias':
      return `${root.name}:${below}`
    case 'file':
      return `@${root.file}${below === '' ? '' : `:${below}`}`
    case 'capability':
      return `cairn:${root.capability.kind}:…${below === '' ? '' : `/${below}`}`
  }
}

/** The place one name further down. */
export function placeBelow(place: GridPlace, name: string): GridPlace {
  return { ...place, path: [...place.path, name], isFolder: false }
}

function capabilityPlace(text: string): GridPlace {
  const slash = text.indexOf('/')
  const end = slash === -1 ? text.length : slash
  const capability = parseCapability(text.slice(0, end).trim())
  return gridPlace({ kind: 'capability', capability }, text.slice(end))
}

function filePlace(text: string): GridPlace {
  const colon = text.indexOf(':')
  const file = colon === -1 ? text : text.slice(0, colon)
  if (file === '') throw new InvalidInputError('@FILE: the path of a file that holds a capability wanted')
  return gridPlace({ kind: 'file', file }, colon === -1 ? '' : text.slice(colon + 1))
}

function gridPlace(root: GridRoot, below: string): GridPlace {
  const parts = below.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..')) {
    throw new InvalidInputError(
      'a path of the grid goes down only: a directory does not know what it lies in',
    )
  }
  if (parts.length > PATH_DEPTH_MAX) {
    throw new InvalidInputError(`a path of the grid has at most ${PATH_DEPTH_MAX} names`)
  }
  const isFolder = below === '' ? false : /(^|\/)\.?$/.test(below)
  return { kind: 'grid', root, path: parts.map(checkedName), isFolder }
}
