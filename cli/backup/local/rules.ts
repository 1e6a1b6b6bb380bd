/**
 * Rules that say what of a tree is left out, or what alone is wanted: patterns as in a .gitignore file, because that is
 * what people know, with one difference. A pattern that begins with `/` starts at the root of the machine; every other
 * one matches at any depth, also `target/debug`, for a backup has no folder that such a pattern could start from.
 *
 * `*` and `?` match within a name, `**` any number of names, `[a-z]` one character; a `/` at the end matches folders
 * alone; `!` at the beginning takes back what an earlier rule said; the last rule that matches counts. What lies in a
 * folder that is left out is never looked at, so no rule takes it back. The patterns themselves are minimatch's.
 */
import { Minimatch } from 'minimatch'
import { InvalidInputError } from '#crypto'

/** Each name is compared with each rule. */
export const RULES_MAX = 10_000
/** Longer than paths that anybody types; some that are written by programs are longer than a call takes. */
const PATTERN_LENGTH_MAX = 32_768

/** Of shells' patterns no more than a .gitignore has: braces, `@(…)` and comments are names like any other. */
const PATTERN_OPTIONS = Object.freeze({
  dot: true,
  nobrace: true,
  noext: true,
  nonegate: true,
  nocomment: true,
  platform: 'linux',
})

interface Rule {
  readonly pattern: Minimatch
  readonly isNegated: boolean
  readonly foldersOnly: boolean
}

export class PathRules {
  readonly #rules: readonly Rule[]

  private constructor(rules: readonly Rule[]) {
    this.#rules = rules
  }

  /** @throws InvalidInputError for an empty pattern, a very long one, or too many */
  static parse(
    patterns: readonly string[],
    options: { readonly ignoreCase?: boolean | undefined } = {},
  ): PathRules {
    if (patterns.length > RULES_MAX) {
      throw new InvalidInputError(`at most ${RULES_MAX} patterns are wanted, found ${patterns.length}`)
    }
    return new PathRules(
      patterns.map((pattern) => parseRule(pattern, { nocase: options.ignoreCase === true })),
    )
  }

  get isEmpty(): boolean {
    return this.#rules.length === 0
  }

  /** @param path absolute, as matchText of paths.ts has it */
  matches(path: string, { isFolder }: { readonly isFolder: boolean }): boolean {
    const last = this.#rules.findLast(
      ({ pattern, foldersOnly }) => (isFolder || !foldersOnly) && pattern.match(path),
    )
    return last !== undefined && !last.isNegated
  }

  /** Whether something below the folder might match. */
  mayMatchBelow(path: string): boolean {
    return this.#rules.some(({ pattern, isNegated }) => !isNegated && pattern.match(path, true))
  }
}

function parseRule(text: string, matching: { readonly nocase: boolean }): Rule {
  const isNegated = text.startsWith('!')
  const shown = isNegated ? text.slice(1) : text
  const foldersOnly = /[^\\]\/$/.test(shown)
  const trimmed = shown.replace(/\/+$/, '')
  if (trimmed === '') {
    throw new InvalidInputError(`a pattern is wanted, found ${JSON.stringify(text)}`)
  }
  if (trimmed.length > PATTERN_LENGTH_MAX) {
    throw new InvalidInputError(
      `a pattern has at most ${PATTERN_LENGTH_MAX} characters, found ${trimmed.length}`,
    )
  }
  const anchored = trimmed.startsWith('/') ? trimmed : `**/${trimmed}`
  return { pattern: new Minimatch(anchored, { ...PATTERN_OPTIONS, ...matching }), isNegated, foldersOnly }
}

/** The patterns in a file of rules: one a line; empty lines and those that begin with `#` are for people. */
export function patternsIn(text: string): readonly string[] {
  return text
    .split(/\r?\n/)
    .filter((line) => !line.startsWith('#'))
    .map(withoutTrailingSpaces)
    .filter((line) => line !== '')
}

/** A space counts if a backslash stands before it. */
function withoutTrailingSpaces(line: string): string {
  const trimmed = line.replace(/[ \t]+$/, '')
  const isEscaped = /(^|[^\\])(\\\\)*\\$/.test(trimmed) && trimmed.length < line.length
  return isEscaped ? line.slice(0, trimmed.length + 1) : trimmed
}
