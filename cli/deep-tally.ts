/** What upkeep of many things has found, added up. Pure. */
import type { DeepReport } from '#node'
import { failureLines } from './describe.ts'
import { EXIT_CODES, EXIT_DONE } from './exit-code.ts'

/** Things that are told of one by one; of more only the counts are kept. */
const NOTED_MAX = 10_000
/** Characters of a storage index that tell it from others. */
const INDEX_SHOWN = 8

interface NotedThing {
  readonly storageIndex: string
  readonly report: DeepReport
}

export class DeepTally {
  readonly #verb: 'check' | 'verify' | 'repair'
  readonly #noted: NotedThing[] = []
  readonly counts = {
    things: 0,
    healthy: 0,
    unhealthy: 0,
    /** Shares, and records of slots. */
    missing: 0,
    corrupt: 0,
    unrecoverable: 0,
    repaired: 0,
    made: 0,
  }

  constructor(verb: 'check' | 'verify' | 'repair') {
    this.#verb = verb
  }

  /** What is not healthy, or was not before it was repaired. */
  get noted(): readonly NotedThing[] {
    return this.#noted
  }

  add(report: DeepReport, storageIndex: string): void {
    const { isHealthy, isRecoverable, foundCount, wantedCount, madeCount, failures } = report
    this.counts.things += 1
    if (isHealthy) this.counts.healthy += 1
    else this.counts.unhealthy += 1
    this.counts.missing += Math.max(0, wantedCount - foundCount)
    this.counts.corrupt += failures.filter(({ code }) => code === 'INTEGRITY').length
    if (!isRecoverable) this.counts.unrecoverable += 1
    this.counts.made += madeCount
    if (madeCount > 0) this.counts.repaired += 1
    const isNoted = !isHealthy || madeCount > 0
    if (isNoted && this.#noted.length < NOTED_MAX) this.#noted.push({ storageIndex, report })
  }

  get exitCode(): number {
    if (this.counts.unrecoverable > 0) return EXIT_CODES.NOT_ENOUGH_SHARES
    return this.#verb === 'verify' && this.counts.corrupt > 0 ? EXIT_CODES.INTEGRITY : EXIT_DONE
  }

  /** @param names paths by storage index, as far as they are known */
  report(names: ReadonlyMap<string, string>): object {
    return {
      ...this.counts,
      notHealthy: this.#noted.map(({ storageIndex, report }) => {
        const { kind, foundCount, wantedCount, isHealthy, isRecoverable, madeCount, failures } = report
        const path = names.get(storageIndex)
        return {
          ...{ kind, storageIndex, path, foundCount, wantedCount },
          ...{ isHealthy, isRecoverable, madeCount, failures },
        }
      }),
    }
  }

  /** A line for each thing that is noted, and one for all. */
  describe(names: ReadonlyMap<string, string>): string {
    const { things, healthy, unhealthy, missing, corrupt, unrecoverable, repaired, made } = this.counts
    const lines = this.#noted.flatMap((noted) => linesOf(noted, names))
    const told = this.#noted.length
    const noted = unhealthy + repaired
    if (noted > told && told === NOTED_MAX) lines.push(`… and more than ${NOTED_MAX} in all`)
    const parts = [
      `${things} ${things === 1 ? 'thing' : 'things'}: ${healthy} healthy, ${unhealthy} not`,
      `${missing} shares and records missing`,
      ...(corrupt > 0 ? [`${corrupt} corrupt`] : []),
      `${unrecoverable} cannot be rebuilt`,
      ...(this.#verb === 'repair' ? [`${repaired} repaired, ${made} shares and records made`] : []),
    ]
    return [...lines, parts.join('; ')].join('\n')
  }
}

function linesOf(
  { storageIndex, report }: NotedThing,
  names: ReadonlyMap<string, string>,
): readonly string[] {
  const { kind, foundCount, wantedCount, madeCount, failures } = report
  const name = names.get(storageIndex)
  const state = report.isHealthy ? 'repaired' : report.isRecoverable ? 'degraded' : 'CANNOT BE REBUILT'
  const what = kind === 'slot' || kind === 'directory' ? 'records' : 'shares'
  const made = madeCount > 0 ? `, ${madeCount} made` : ''
  const corrupt = failures.filter(({ code }) => code === 'INTEGRITY')
  return [
    `${kind} ${storageIndex.slice(0, INDEX_SHOWN)}…${name === undefined ? '' : ` ${name}`}: ` +
      `${state}, ${foundCount} of ${wantedCount} ${what}${made}`,
    ...failureLines(corrupt),
  ]
}
