/** Lines of a listing, on their way to standard output: a write for each would be slow. */
import type { Output } from './output.ts'
import { writeOut } from './stdout.ts'

const LINES_TOGETHER = 256

export class Listing {
  readonly #output: Output
  readonly #json: boolean
  #lines: string[] = []

  /** @param options `json`: a line of JSON for each thing, in place of the text */
  constructor(output: Output, options: { readonly json: boolean }) {
    this.#output = output
    this.#json = options.json
  }

  /** The result waits while the reader is slow. */
  async add(json: object, text: string): Promise<void> {
    this.#lines.push(this.#json ? JSON.stringify(json) : text)
    if (this.#lines.length >= LINES_TOGETHER) await this.flush()
  }

  /** For a person only. */
  async heading(text: string): Promise<void> {
    if (!this.#json) await this.add({}, text)
  }

  /** To be called at the end. */
  async flush(): Promise<void> {
    const text = this.#lines.map((line) => `${line}\n`).join('')
    this.#lines = []
    this.#output.clear()
    if (text !== '') await writeOut(Buffer.from(text))
  }
}
