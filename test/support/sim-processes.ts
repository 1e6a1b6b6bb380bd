/**
 * Processes that share a grid: each waits before and after whatever it does outside of itself, and the lot says whose
 * turn it is. So one seed is one interleaving, and another seed another. A process can be killed at any of its steps.
 */
import type { SimRandom } from '../sim/sim-random.ts'

/** Rounds of the event loop until everyone who can go on has gone on to where they wait. */
const QUIET_ROUNDS = 2

/** What a process sees of its own end. */
export class KilledError extends Error {
  override readonly name = 'KilledError'
}

interface Waiter {
  readonly process: SimProcess
  readonly go: PromiseWithResolvers<void>
}

export class SimProcess {
  readonly name: string
  readonly #processes: SimProcesses
  /** Undefined: it lives on. */
  #stepsLeft: number | undefined
  #isDead = false
  /** Called once, when it dies: whatever it held is let go of. */
  readonly #onDeath: () => void

  constructor(name: string, processes: SimProcesses, onDeath: () => void) {
    this.name = name
    this.#processes = processes
    this.#onDeath = onDeath
  }

  get isDead(): boolean {
    return this.#isDead
  }

  /** It dies after so many more steps. */
  killAfter(steps: number): void {
    this.#stepsLeft = steps
  }

  kill(): void {
    if (this.#isDead) return
    this.#isDead = true
    this.#onDeath()
    this.#processes.drop(this)
  }

  /** A step that others are not held up by: one on its own disk. @throws KilledError */
  step(): void {
    if (!this.#isDead && this.#stepsLeft !== undefined) {
      this.#stepsLeft -= 1
      if (this.#stepsLeft < 0) this.kill()
    }
    if (this.#isDead) throw new KilledError(`process ${this.name} was killed`)
  }

  /** Wait for its turn. @throws KilledError */
  async turn(): Promise<void> {
    this.step()
    await this.#processes.wait(this)
    if (this.#isDead) throw new KilledError(`process ${this.name} was killed`)
  }
}

export class SimProcesses {
  readonly #random: SimRandom
  #waiting: Waiter[] = []
  #turns = 0

  constructor(random: SimRandom) {
    this.#random = random
  }

  get turns(): number {
    return this.#turns
  }

  wait(process: SimProcess): Promise<void> {
    const go = Promise.withResolvers<void>()
    this.#waiting.push({ process, go })
    return go.promise
  }

  drop(process: SimProcess): void {
    const dropped = this.#waiting.filter((one) => one.process === process)
    this.#waiting = this.#waiting.filter((one) => one.process !== process)
    for (const { go } of dropped) go.reject(new KilledError(`process ${process.name} was killed`))
  }

  /**
   * Until the work is settled, give one turn after the other.
   *
   * @param onTurn called before each, while nobody is under way
   * @throws if everybody waits for something that cannot come
   */
  async run<Result>(
    work: Promise<Result>,
    onTurn: () => Promise<void> = async () => undefined,
  ): Promise<Result> {
    let isSettled = false
    const settle = () => {
      isSettled = true
    }
    work.then(settle, settle)
    for (;;) {
      await quiet()
      if (isSettled) return await work
      await onTurn()
      const [waiter] = this.#waiting.splice(this.#random.below(this.#waiting.length), 1)
      if (waiter === undefined) throw new Error('the simulation stands still: nobody waits for a turn')
      this.#turns += 1
      waiter.go.resolve()
    }
  }
}

async function quiet(): Promise<void> {
  for (let round = 0; round < QUIET_ROUNDS; round += 1) {
    await new Promise<void>((resolve) => {
      setImmediate(resolve)
    })
  }
}
