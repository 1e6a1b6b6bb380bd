/** The tables for people. */
import type { KeeperName } from './keeper.ts'
import { type Row, STEPS, type StoredRow } from './row.ts'

const MIB = 1024 * 1024

const HEAD = [
  '',
  'restic s',
  'Cairn s',
  'times as fast',
  'wanted',
  'CPU s: restic',
  'Cairn',
  'its servers',
  'peak RSS MiB: restic',
  'Cairn',
  'load before',
]

/** What was set as the least: seconds of Cairn, or how many times as fast as restic. */
export const WANTED: readonly {
  readonly subject: RegExp
  readonly step: Row['step']
  readonly seconds?: number
  readonly times?: number
}[] = [
  { subject: /files of 1 kB/, step: 'first', seconds: 1 },
  { subject: /files of 1 kB/, step: 'unchanged', seconds: 0.3 },
  { subject: /1024 MiB of mixed/, step: 'first', times: 0.5 },
]

/** Of one subject. */
export function tableOf(rows: readonly Row[], stored: readonly StoredRow[]): string {
  const lines = STEPS.map((step) => cellsOf(step, rows))
  return [layOut([HEAD, ...lines]), '', ...STEPS.flatMap((step) => storedLines(step, stored))].join('\n')
}

function cellsOf(step: Row['step'], rows: readonly Row[]): readonly string[] {
  const of = (keeper: KeeperName): Row | undefined =>
    rows.find((row) => row.step === step && row.keeper === keeper)
  const [restic, cairn] = [of('restic'), of('Cairn')]
  const times = restic === undefined || cairn === undefined ? undefined : restic.seconds / cairn.seconds
  return [
    step,
    short(restic?.seconds),
    short(cairn?.seconds),
    short(times),
    wantedText(step, cairn, times),
    short(restic?.cpuSeconds),
    short(cairn?.cpuSeconds),
    short(cairn?.serversCpuSeconds),
    mebibytes(restic?.peakRssBytes),
    mebibytes(cairn?.peakRssBytes),
    short(cairn?.load ?? restic?.load),
  ]
}

function wantedText(step: Row['step'], cairn: Row | undefined, times: number | undefined): string {
  const wanted = WANTED.find((one) => one.step === step && one.subject.test(cairn?.subject ?? ''))
  if (wanted === undefined || cairn === undefined) return ''
  if (wanted.seconds !== undefined) {
    return `${wanted.seconds} s: ${cairn.seconds <= wanted.seconds ? 'yes' : 'no'}`
  }
  if (wanted.times === undefined || times === undefined) return ''
  return `${wanted.times}: ${times >= wanted.times ? 'yes' : 'no'}`
}

function storedLines(step: Row['step'], stored: readonly StoredRow[]): readonly string[] {
  const rows = stored.filter(({ after }) => after === step)
  const [first] = rows
  if (first === undefined) return []
  const told = rows.map(({ keeper, packBytes, diskBytes }) =>
    keeper === 'restic'
      ? `restic ${megabytes(packBytes)} in packs, ${megabytes(diskBytes)} on disk`
      : `Cairn ${megabytes(packBytes)} in packs, ${megabytes(diskBytes)} on the disks of its servers`,
  )
  const source = `${first.sourceFiles} files, ${megabytes(first.sourceBytes)}`
  return [`stored after "${step}" (${source}): ${told.join('; ')}`]
}

function megabytes(bytes: number): string {
  return `${short(bytes / 1e6)} MB`
}

function mebibytes(bytes: number | undefined): string {
  return bytes === undefined ? '' : (bytes / MIB).toFixed(0)
}

/** Three digits that count. */
function short(value: number | undefined): string {
  if (value === undefined) return ''
  if (value >= 100) return value.toFixed(0)
  return value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

/** The first column to the left, the others to the right. */
function layOut(lines: readonly (readonly string[])[]): string {
  const widths = HEAD.map((_, column) => Math.max(...lines.map((cells) => cells[column]?.length ?? 0)))
  return lines
    .map((cells) =>
      cells
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('  '),
    )
    .join('\n')
}
