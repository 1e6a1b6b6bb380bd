/** Several edits of one directory made one after the other before anything is written: each as a whole, or not. */
import {
  type BoxKey,
  checkedName,
  compareNames,
  type DirectoryChild,
  type DirectoryNode,
  isSameCapability,
  type NodeEntry,
  sealChildWrite,
  toReadCapability,
} from '#crypto'
import { ConflictError, NotFoundError } from '../errors.ts'
import type { NodeStore } from './node-store.ts'
import { findIn } from './nodes.ts'
import type { DirectoryChange, NamedChild } from './types.ts'

/**
 * What an edit found when it was first tried. After a conflict it is tried again, perhaps on a directory that it has
 * changed itself already: then what it wanted to be gone may be gone.
 */
export type EditMemory = Map<string, DirectoryChild>

export class StagedEdits {
  readonly #root: DirectoryNode
  readonly #store: NodeStore
  readonly #childWriteKey: BoxKey
  /** Undefined: removed. */
  readonly #staged = new Map<string, DirectoryChild | undefined>()

  constructor(root: DirectoryNode, store: NodeStore, key: BoxKey) {
    this.#root = root
    this.#store = store
    this.#childWriteKey = key
  }

  /** By name. */
  get changes(): readonly NodeEntry[] {
    return [...this.#staged]
      .map(([name, child]) => ({ name, child }))
      .toSorted((left, right) => compareNames(left.name, right.name))
  }

  /**
   * @param memory empty at the first try of the edit
   * @throws ConflictError, NotFoundError, InvalidInputError: nothing of the edit is staged then
   */
  async apply(edit: readonly DirectoryChange[], memory: EditMemory): Promise<void> {
    const own = new Map<string, DirectoryChild | undefined>()
    const find = async (name: string): Promise<DirectoryChild | undefined> => {
      if (own.has(name)) return own.get(name)
      return this.#find(name)
    }
    for (const change of edit) {
      switch (change.kind) {
        case 'set': {
          const name = checkedName(change.name)
          const child = this.#childOf(change)
          requireFree(name, await find(name), { child, ifExists: change.ifExists })
          own.set(name, child)
          break
        }
        case 'remove': {
          const name = checkedName(change.name)
          const child = await find(name)
          if (child === undefined && !memory.has(name) && change.ifMissing === 'refuse') throw missing(name)
          if (child === undefined) break
          memory.set(name, child)
          own.set(name, undefined)
          break
        }
        case 'rename': {
          const from = checkedName(change.from)
          const to = checkedName(change.to)
          const child = (await find(from)) ?? memory.get(from)
          if (child === undefined) throw missing(from)
          memory.set(from, child)
          if (from === to) break
          requireFree(to, await find(to), { child, ifExists: change.ifExists })
          own.set(from, undefined)
          own.set(to, child)
        }
      }
    }
    for (const [name, child] of own) await this.#stage(name, child)
  }

  /** Take over an entry of another branch. */
  join(name: string, child: DirectoryChild): void {
    this.#staged.set(name, child)
  }

  async #find(name: string): Promise<DirectoryChild | undefined> {
    return this.#staged.has(name) ? this.#staged.get(name) : findIn(this.#root, name, this.#store)
  }

  /** What the directory has already is no change. */
  async #stage(name: string, child: DirectoryChild | undefined): Promise<void> {
    const before = await findIn(this.#root, name, this.#store)
    if (isSameChild(before, child)) this.#staged.delete(name)
    else this.#staged.set(name, child)
  }

  #childOf({ capability, metadata }: NamedChild): DirectoryChild {
    if (capability.access === 'read') return { capability, sealedWrite: undefined, metadata }
    const sealedWrite = sealChildWrite(this.#childWriteKey, capability)
    return { capability: toReadCapability(capability), sealedWrite, metadata }
  }
}

/** A name that stands for the same already is as good as free: an edit that is tried again may have set it. */
function requireFree(
  name: string,
  there: DirectoryChild | undefined,
  wanted: { readonly child: DirectoryChild; readonly ifExists: 'refuse' | 'replace' },
): void {
  if (there === undefined || wanted.ifExists === 'replace') return
  if (isSameCapability(there.capability, wanted.child.capability)) return
  throw new ConflictError(`the directory has an entry ${JSON.stringify(name)} already`, { name })
}

function missing(name: string): NotFoundError {
  return new NotFoundError(`no entry ${JSON.stringify(name)} in the directory`, { name })
}

export function isSameChild(left: DirectoryChild | undefined, right: DirectoryChild | undefined): boolean {
  if (left === undefined || right === undefined) return left === right
  if ((left.sealedWrite === undefined) !== (right.sealedWrite === undefined)) return false
  return isSameCapability(left.capability, right.capability) && isSameMetadata(left, right)
}

function isSameMetadata({ metadata: left }: DirectoryChild, { metadata: right }: DirectoryChild): boolean {
  return (
    left.sizeBytes === right.sizeBytes &&
    left.modifiedAtMilliseconds === right.modifiedAtMilliseconds &&
    JSON.stringify(left.user ?? {}, plainBytes) === JSON.stringify(right.user ?? {}, plainBytes)
  )
}

function plainBytes(_: string, value: unknown): unknown {
  return value instanceof Uint8Array ? [...value] : value
}
