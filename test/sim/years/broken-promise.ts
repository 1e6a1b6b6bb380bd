/** What a run of the simulation ends with when something is not as promised. */
export type BreachKind = 'loss' | 'wrong bytes' | 'leak' | 'unhappy' | 'bound' | 'kept too long'

export class BrokenPromise extends Error {
  override readonly name = 'BrokenPromise'
  readonly kind: BreachKind

  constructor(kind: BreachKind, message: string) {
    super(`${kind}: ${message}`)
    this.kind = kind
  }
}

export function must(holds: boolean, kind: BreachKind, broken: string): void {
  if (!holds) throw new BrokenPromise(kind, broken)
}
