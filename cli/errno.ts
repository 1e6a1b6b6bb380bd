/** Errors of the operating system, as what a user can act on. */
import { InvalidInputError } from '#crypto'
import { ConflictError, NoSpaceError } from '#node'

/** `ENOENT` and the like; undefined if it is no such error. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** For use in `.catch`: rethrows what went wrong with a file that the user named. */
export function explain(doing: string, path: string): (cause: unknown) => never {
  return (cause) => {
    const code = errnoOf(cause)
    switch (code) {
      case 'ENOSPC':
      case 'EDQUOT':
      case 'EFBIG':
        throw new NoSpaceError(`${doing} ${path}: no space`, {}, { cause })
      case 'ENOENT':
        throw new InvalidInputError(`${doing} ${path}: there is no such file or folder`, {}, { cause })
      case 'EACCES':
      case 'EPERM':
      case 'EROFS':
        throw new InvalidInputError(`${doing} ${path}: not permitted (${code})`, {}, { cause })
      case 'EISDIR':
        throw new InvalidInputError(`${doing} ${path}: it is a folder`, {}, { cause })
      case 'ENOTDIR':
        throw new InvalidInputError(`${doing} ${path}: part of the path is not a folder`, {}, { cause })
      case 'EEXIST':
        throw new ConflictError(`${doing} ${path}: it exists already`, {}, { cause })
      default:
        throw cause
    }
  }
}
