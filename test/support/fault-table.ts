/** What was survived, as one table for simulations and for crashes of real processes: plain Markdown. */

export interface FaultCounts {
  /** Runs (a seed, or a round) in which it was injected at least once. */
  runs: number
  injected: number
  /** Promises broken in those runs: something acknowledged that was gone, or half there. */
  losses: number
  wrongBytes: number
}

export class FaultTable {
  readonly #rows = new Map<string, FaultCounts>()

  /** One run in which faults were injected; what was broken in it counts for each of them, as nobody knows better. */
  add(
    injected: ReadonlyMap<string, number>,
    broken: { readonly losses: number; readonly wrongBytes: number },
  ): void {
    for (const [kind, count] of injected) {
      const row = this.row(kind)
      row.runs += 1
      row.injected += count
      row.losses += broken.losses
      row.wrongBytes += broken.wrongBytes
    }
  }

  row(kind: string): FaultCounts {
    const row = this.#rows.get(kind) ?? { runs: 0, injected: 0, losses: 0, wrongBytes: 0 }
    this.#rows.set(kind, row)
    return row
  }

  toString(): string {
    const header = ['kind of fault', 'runs', 'injected', 'losses', 'wrong bytes']
    const rows = [...this.#rows]
      .toSorted(([left], [right]) => (left < right ? -1 : 1))
      .map(([kind, { runs, injected, losses, wrongBytes }]) => [
        kind,
        ...[runs, injected, losses, wrongBytes].map((count) => count.toLocaleString('en')),
      ])
    return [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
  }
}
