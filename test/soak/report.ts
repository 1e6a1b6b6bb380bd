/** The figures of a soak as a table, and its verdict. */
import { type Tally, WORK } from './load.ts'
import { isBounded, meanBetween, type Sample, slopePerHour } from './memory.ts'

const MEBIBYTE = 2 ** 20
const COLUMNS = [
  'process',
  'at start',
  '2nd quarter',
  'last quarter',
  'highest',
  'slope of last half, an hour',
  'bounded',
]

export function tableOf(processes: ReadonlyMap<string, readonly Sample[]>): string {
  const rows = [...processes].map(([name, samples]) => [
    name,
    mebibytes(samples[0]?.rssBytes ?? 0),
    mebibytes(meanBetween(samples, 0.25, 0.5)),
    mebibytes(meanBetween(samples, 0.75, 1)),
    mebibytes(Math.max(...samples.map(({ rssBytes }) => rssBytes))),
    mebibytes(slopePerHour(samples)),
    isBounded(samples) ? 'yes' : 'NO',
  ])
  const all = [COLUMNS, ...rows]
  const widths = COLUMNS.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  return all.map((row) => row.map((cell, column) => cell.padStart(widths[column] ?? 0)).join('  ')).join('\n')
}

export function workText({ done, failed, putBytes, gotBytes, wrongBytes }: Tally, seconds: number): string {
  const counts = WORK.map((work) => `${done[work]} ${work}`).join(', ')
  const failures = [...failed].map(([what, count]) => `${count} ${what}`).join(', ') || 'none'
  const rate = ((putBytes + gotBytes) / seconds / 1e6).toFixed(1)
  return [
    `work done: ${counts}`,
    `put ${(putBytes / 1e6).toFixed(0)} MB, got ${(gotBytes / 1e6).toFixed(0)} MB, ${rate} MB/s together`,
    `failed: ${failures}; contents that were wrong: ${wrongBytes}`,
  ].join('\n')
}

function mebibytes(bytes: number): string {
  return `${(bytes / MEBIBYTE).toFixed(0)} MiB`
}
