/** The log as JSON lines: {time, level, message, …fields}, one line for each event. */
import { GridError } from '#crypto'
import type { Clock, Log, LogFields } from './platform.ts'

export const LOG_LEVELS = Object.freeze(['debug', 'info', 'warn', 'error'] as const)
export type LogLevel = (typeof LOG_LEVELS)[number]

/**
 * @param options.level events below it are dropped
 * @param options.write takes one line with its line end; stderr if left out
 */
export function jsonLog(options: {
  readonly level: LogLevel
  readonly clock: Clock
  readonly write?: ((line: string) => void) | undefined
}): Log {
  const { clock, level, write = writeToStderr } = options
  const lowest = LOG_LEVELS.indexOf(level)
  const at =
    (eventLevel: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      if (LOG_LEVELS.indexOf(eventLevel) < lowest) return
      const head = { time: new Date(clock.now()).toISOString(), level: eventLevel, message }
      write(`${JSON.stringify({ ...head, ...fields, ...head }, printable)}\n`)
    }
  return Object.freeze({ debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') })
}

export const silentLog: Log = Object.freeze({
  debug() {},
  info() {},
  warn() {},
  error() {},
})

function writeToStderr(line: string): void {
  process.stderr.write(line)
}

/** Bytes are named by their size alone: they may be a key. Errors keep what says why. */
function printable(_key: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return `[${value.length} bytes]`
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof GridError) {
    return { name: value.name, code: value.code, message: value.message, cause: value.cause }
  }
  if (value instanceof Error) return { name: value.name, message: value.message, cause: value.cause }
  return value
}
