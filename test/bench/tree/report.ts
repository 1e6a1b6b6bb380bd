/** The table for people. */
import { type Figure, isRate, type Row, timesBetter } from './row.ts'

const COLUMNS = [
  'work',
  'runs',
  'median ms',
  'p90 ms',
  'a second',
  'round trips',
  'calls in a row',
  'calls',
  'kB sent',
  'kB got',
  'kB stored',
  'CPU ms: client',
  'servers',
  'Tahoe-LAFS',
  'times better',
  'wanted',
  'reached',
] as const

/** Of rows with the same latency. */
export function tableOf(rows: readonly Row[]): string {
  return layOut([COLUMNS, ...rows.map(cellsOf)])
}

function cellsOf(row: Row): readonly string[] {
  const { roundTripMilliseconds: roundTrip, calls, callsInARow, sentBytes, receivedBytes } = row
  return [
    row.what,
    String(row.count),
    short(row.milliseconds),
    short(row.p90Milliseconds),
    short(row.perSecond),
    roundTrip === 0 ? '' : short(row.milliseconds / roundTrip),
    orEmpty(callsInARow, String),
    orEmpty(calls, String),
    orEmpty(sentBytes, kilobytes),
    orEmpty(receivedBytes, kilobytes),
    orEmpty(row.storedBytes, kilobytes),
    orEmpty(row.clientCpuMilliseconds, short),
    orEmpty(row.serversCpuMilliseconds, short),
    orEmpty(row.peer, figureText),
    orEmpty(row.peer, (peer) => short(timesBetter(row, peer))),
    orEmpty(row.target, figureText),
    orEmpty(row.target, (target) => (timesBetter(row, target) >= 1 ? 'yes' : 'no')),
  ]
}

function orEmpty<Value>(value: Value | undefined, format: (value: Value) => string): string {
  return value === undefined ? '' : format(value)
}

function figureText(figure: Figure): string {
  return isRate(figure) ? `${short(figure.perSecond)}/s` : `${short(figure.milliseconds)} ms`
}

function kilobytes(sizeBytes: number): string {
  return short(sizeBytes / 1000)
}

/** Three digits that count. */
function short(value: number): string {
  if (value >= 100) return value.toFixed(0)
  return value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

/** The first column to the left, the others to the right; those that are empty throughout left out. */
function layOut(lines: readonly (readonly string[])[]): string {
  const used = COLUMNS.map((_, column) => lines.some((cells, line) => line > 0 && cells[column] !== ''))
  const widths = COLUMNS.map((_, column) => Math.max(...lines.map((cells) => cells[column]?.length ?? 0)))
  return lines
    .map((cells) =>
      cells
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .filter((_, column) => used[column])
        .join('  '),
    )
    .join('\n')
}
