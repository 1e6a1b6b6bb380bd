/** Which part of a snapshot is wanted back. Pure. */
import { matchText } from './paths.ts'
import { PathRules } from './rules.ts'

export interface PathSelectionOptions {
  /** Patterns of rules.ts: what matches, and all below it. Left out or empty: everything. */
  readonly include?: readonly string[] | undefined
  /** Of that, what is not wanted. */
  readonly exclude?: readonly string[] | undefined
}

export class PathSelection {
  readonly #include: PathRules
  readonly #exclude: PathRules

  /** @throws InvalidInputError for a pattern that is none */
  constructor({ include = [], exclude = [] }: PathSelectionOptions) {
    this.#include = PathRules.parse(include)
    this.#exclude = PathRules.parse(exclude)
  }

  /** The root of the snapshot. */
  get root(): SelectedPath {
    return { text: '', isWanted: this.#include.isEmpty }
  }

  /** Undefined if neither it nor anything below it is wanted. */
  below(
    folder: SelectedPath,
    { name, isFolder }: { readonly name: Uint8Array; readonly isFolder: boolean },
  ): SelectedPath | undefined {
    if (this.#include.isEmpty && this.#exclude.isEmpty) return folder
    const text = `${folder.text}/${matchText(name)}`
    if (!this.#exclude.isEmpty && this.#exclude.matches(text, { isFolder })) return undefined
    const isWanted = folder.isWanted || this.#include.matches(text, { isFolder })
    const mayLead = isFolder && !isWanted && this.#include.mayMatchBelow(text)
    return isWanted || mayLead ? { text, isWanted } : undefined
  }
}

export interface SelectedPath {
  /** As rules see it; empty for the root, and of no meaning where there are no rules. */
  readonly text: string
  /** False: only something below it may be. */
  readonly isWanted: boolean
}
