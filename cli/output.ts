/** Results go to standard output; notes, progress and errors to standard error. */
import { isatty } from 'node:tty'
import { GridError } from '#crypto'
import { BrokenPipe, Interrupted } from './exit-code.ts'
import { hintOf } from './hint.ts'
import type { CommonArgs } from './invocation.ts'
import { type Gauge, type GaugeStyle, ProgressLine } from './progress.ts'
import { writeOut } from './stdout.ts'
import { UsageError } from './usage-error.ts'

const STDERR = 2
const TERMINAL_WIDTH_DEFAULT = 80
/** Thousands of small files would make thousands of lines. */
const ACTIVITY_MILLISECONDS = 100

export class Output {
  readonly #json: boolean
  readonly #quiet: boolean
  readonly #jsonProgress: boolean
  readonly #line: ProgressLine | undefined
  #activityAt = Number.NEGATIVE_INFINITY

  constructor(args: Pick<CommonArgs, 'json' | 'quiet'> & { readonly progress?: boolean }) {
    this.#json = args.json
    this.#quiet = args.quiet
    this.#jsonProgress = args.json && args.progress === true
    this.#line =
      isatty(STDERR) && !args.json && !args.quiet
        ? new ProgressLine({
            write: writeError,
            // Some terminals say that they are 0 wide, and know no better.
            width: () => process.stderr.columns || TERMINAL_WIDTH_DEFAULT,
            elapsed: () => performance.now(),
          })
        : undefined
  }

  /** The one result: JSON, or for a person a text of one or more lines. */
  async result(json: object, text: string): Promise<void> {
    this.#line?.clear()
    await writeLine(this.#json ? JSON.stringify(json) : text)
  }

  /** For a person only. */
  note(text: string): void {
    if (this.#quiet || this.#json) return
    this.#line?.clear()
    writeError(`${text}\n`)
  }

  /** For a person even when results are JSON. */
  warning(text: string): void {
    this.clear()
    writeError(`${text}\n`)
  }

  /** What went wrong with a part of the work, and is in the result too if that is JSON. */
  complaint(text: string): void {
    if (this.#json) return
    this.clear()
    writeError(`${text}\n`)
  }

  /** The result of what a person is told by notes alone. */
  async report(json: object): Promise<void> {
    this.clear()
    if (this.#json) await writeLine(JSON.stringify(json))
  }

  /** Leave no half line where something else is printed next. */
  clear(): void {
    this.#line?.clear()
  }

  progress(gauge: Gauge, style: GaugeStyle): void {
    this.#line?.show(gauge, style)
    if (this.#jsonProgress) void writeLine(JSON.stringify({ progress: { stage: style.label, ...gauge } }))
  }

  /** Progress of many things at once. @param draw the line for a terminal; called only if it is shown */
  activity(
    state: { readonly stage: string } & Readonly<Record<string, unknown>>,
    draw: (elapsedMilliseconds: number) => string,
  ): void {
    this.#line?.showText(draw)
    if (!this.#jsonProgress) return
    const now = performance.now()
    if (now - this.#activityAt < ACTIVITY_MILLISECONDS) return
    this.#activityAt = now
    void writeLine(JSON.stringify({ progress: state }))
  }

  /** One line that says what is wrong, and one that says what to do. With --json the result is the error. */
  async failure(error: unknown): Promise<void> {
    this.#line?.clear()
    // Nobody reads us, and nothing is wrong.
    if (error instanceof BrokenPipe) return
    const { code, message, details } = describe(error)
    const hint = hintOf(code, details)
    writeError(`cairn: ${message}\n${hint === undefined ? '' : `  ${hint}\n`}`)
    if (this.#json) await writeLine(JSON.stringify({ error: { code, message, details } }))
  }
}

async function writeLine(text: string): Promise<void> {
  await writeOut(Buffer.from(`${text}\n`))
}

function writeError(text: string): void {
  process.stderr.write(text)
}

function describe(error: unknown): { code: string; message: string; details: object } {
  if (error instanceof GridError)
    return { code: error.code, message: oneLine(error.message), details: error.details }
  if (error instanceof UsageError) return { code: 'INVALID_INPUT', message: error.message, details: {} }
  if (error instanceof Interrupted) return { code: 'INTERRUPTED', message: 'interrupted', details: {} }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return { code: 'INTERNAL', message: `a bug: ${oneLine(message)}`, details: {} }
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ')
}
