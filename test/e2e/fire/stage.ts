/** What a proof is made of: steps that hold or do not, timed and told as they go. */
import type { Ended } from '../../support/cairn-process.ts'

export class Stage {
  #passed = 0
  #failed = 0

  get failed(): number {
    return this.#failed
  }

  /** What fails ends its own section; the sections after it are played all the same. */
  async section(title: string, play: () => Promise<void>): Promise<void> {
    console.log(`\n${title}`)
    try {
      await play()
    } catch (error) {
      this.#failed += 1
      console.log(`  FAILED: ${error instanceof Error ? error.message : error}`)
    }
  }

  /** @param told what to print beside the time, from what the work found */
  async step<Result>(
    what: string,
    work: () => Promise<Result>,
    told: (result: Result) => string = () => '',
  ): Promise<Result> {
    const startedAt = performance.now()
    let result: Result
    try {
      result = await work()
    } catch (cause) {
      throw new Error(`${what}: ${cause instanceof Error ? cause.message : cause}`, { cause })
    }
    this.#passed += 1
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
    console.log(`${seconds.padStart(8)} s  ${what}${told(result) === '' ? '' : `: ${told(result)}`}`)
    return result
  }

  summary(): string {
    return `${this.#passed} passed, ${this.#failed} failed`
  }
}

/** @throws unless it ended with 0 */
export function done(ended: Ended): Ended {
  want(ended.code === 0, `exit 0, found ${ended.code}: ${ended.stderr.slice(-2000)}`)
  return ended
}

export function want(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(`wanted: ${what}`)
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}
