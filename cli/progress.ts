/** A bar with rate and time left, in one line of a terminal. Everywhere else: nothing. */
import prettyBytes from 'pretty-bytes'

const BAR_WIDTH = 24
/** Ten times a second is as often as an eye follows. */
const REDRAW_MILLISECONDS = 100
/** Below that a rate is noise. */
const RATE_AFTER_MILLISECONDS = 300

export interface Gauge {
  readonly done: number
  /** Undefined for a pipe. */
  readonly total: number | undefined
}

export interface GaugeStyle {
  readonly label: string
  readonly unit: 'bytes' | 'blocks'
}

/** One line of text for a state of the work. Pure. */
export function formatGauge(gauge: Gauge, style: GaugeStyle, elapsedMilliseconds: number): string {
  const { done, total } = gauge
  const show = (amount: number) =>
    style.unit === 'bytes' ? prettyBytes(amount, { binary: false }) : `${Math.round(amount)} blocks`
  const perSecond = elapsedMilliseconds >= RATE_AFTER_MILLISECONDS ? (1000 * done) / elapsedMilliseconds : 0
  const rate = perSecond > 0 ? `  ${show(perSecond)}/s` : ''
  if (total === undefined) return `${style.label}  ${show(done)}${rate}`
  const part = total === 0 ? 1 : Math.min(1, done / total)
  const filled = Math.floor(part * BAR_WIDTH)
  const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}`
  const percent = `${Math.floor(part * 100)}`.padStart(3)
  const left = perSecond > 0 && done < total ? `  ${formatSeconds((total - done) / perSecond)} left` : ''
  return `${style.label}  ${bar} ${percent} %  ${show(done)} of ${show(total)}${rate}${left}`
}

/** `3 s`, `2 min 5 s`, `3 h 20 min`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}

export interface ProgressTerminal {
  write(text: string): void
  /** Columns of the terminal. */
  readonly width: () => number
  /** Milliseconds that never run backward. */
  readonly elapsed: () => number
}

export class ProgressLine {
  readonly #terminal: ProgressTerminal
  readonly #startedAt: number
  #drawnAt = Number.NEGATIVE_INFINITY
  #isShown = false

  constructor(terminal: ProgressTerminal) {
    this.#terminal = terminal
    this.#startedAt = terminal.elapsed()
  }

  show(gauge: Gauge, style: GaugeStyle): void {
    this.#draw((elapsed) => formatGauge(gauge, style, elapsed), gauge.done === gauge.total)
  }

  /** Anything else in one line. @param draw called only if it is time to draw again */
  showText(draw: (elapsedMilliseconds: number) => string): void {
    this.#draw(draw, false)
  }

  #draw(draw: (elapsedMilliseconds: number) => string, isLast: boolean): void {
    const now = this.#terminal.elapsed()
    if (now - this.#drawnAt < REDRAW_MILLISECONDS && !isLast) return
    this.#drawnAt = now
    this.#isShown = true
    const text = draw(now - this.#startedAt)
    this.#terminal.write(`\r${text.slice(0, Math.max(1, this.#terminal.width() - 1))}\x1b[K`)
  }

  /** Leaves the line empty, for whatever is printed next. */
  clear(): void {
    if (this.#isShown) this.#terminal.write('\r\x1b[K')
    this.#isShown = false
  }
}
