/** A crash client as its judge sees it: a child process that tells what it does. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { parseTold, type Told, type Work } from './told.ts'

const CLIENT = fileURLToPath(new URL('client.ts', import.meta.url))

export class ClientProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #ended: Promise<void>
  #complaint = ''
  #toldCount = 0
  #isPaused = false
  /** Woken by whatever it tells. */
  #told = Promise.withResolvers<void>()

  constructor(work: Work, onTold: (told: Told) => void) {
    this.#child = spawn(process.execPath, [CLIENT], { stdio: ['pipe', 'pipe', 'pipe'] })
    this.#child.stdin.on('error', () => undefined)
    this.#child.stdin.write(`${JSON.stringify(work)}\n`)
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#complaint += text
    })
    // The last line counts only if it was written whole: readline would give it without its end.
    let rest = ''
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = `${rest}${text}`.split('\n')
      rest = lines.pop() ?? ''
      for (const told of lines.map(parseTold)) {
        if (told.kind === 'paused') this.#isPaused = true
        else if (told.kind !== 'failed') this.#toldCount += 1
        onTold(told)
      }
      this.#wake()
    })
    this.#ended = once(this.#child, 'close').then(() => this.#wake())
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** Until it has done so many more things. */
  async waitForWork(count: number): Promise<void> {
    const wanted = this.#toldCount + count
    await this.#until(() => this.#toldCount >= wanted)
  }

  /** On return it does nothing, and has told all that it did. */
  async pause(): Promise<void> {
    this.#child.stdin.write('pause\n')
    await this.#until(() => this.#isPaused)
  }

  resume(): void {
    this.#isPaused = false
    this.#child.stdin.write('go\n')
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended
  }

  async #until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) {
      if (this.hasEnded) throw new Error(`a client ended by itself: ${this.#complaint.slice(-2000)}`)
      await this.#told.promise
    }
  }

  #wake(): void {
    const told = this.#told
    this.#told = Promise.withResolvers<void>()
    told.resolve()
  }
}
