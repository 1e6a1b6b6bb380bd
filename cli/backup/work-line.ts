/** Progress of a backup or a restore in one line of a terminal. Pure. */
import { formatBytes, formatCount } from '../describe.ts'
import { formatSeconds } from '../progress.ts'
import { pathJson, printablePath } from './byte-path.ts'

export interface Work {
  readonly filesDone: number
  /** Undefined until all has been counted. */
  readonly filesTotal?: number | undefined
  readonly bytesDone: number
  readonly bytesTotal?: number | undefined
  readonly problems: number
  readonly currentPath?: Uint8Array | undefined
}

/** Below that a rate is noise. */
const RATE_AFTER_MILLISECONDS = 1000

/** `saving  43 %  120 of 1,024 files  1.2 GB of 2.8 GB  31 MB/s  52 s left  /home/ann/film.mkv` */
export function workLine(label: string, work: Work, elapsedMilliseconds: number): string {
  const { filesDone, filesTotal, bytesDone, bytesTotal, problems, currentPath } = work
  const perSecond =
    elapsedMilliseconds >= RATE_AFTER_MILLISECONDS ? (1000 * bytesDone) / elapsedMilliseconds : 0
  const isKnown = bytesTotal !== undefined && filesTotal !== undefined
  const part = shareDone(work)
  const secondsLeft =
    isKnown && perSecond > 0 && bytesDone < bytesTotal ? (bytesTotal - bytesDone) / perSecond : undefined
  return [
    label,
    ...(part === undefined ? [] : [`${Math.floor(100 * part)} %`.padStart(5)]),
    `${countText(filesDone, filesTotal)} files`,
    `${formatBytes(bytesDone)}${bytesTotal === undefined ? '' : ` of ${formatBytes(Math.max(bytesDone, bytesTotal))}`}`,
    ...(perSecond > 0 ? [`${formatBytes(perSecond)}/s`] : []),
    ...(secondsLeft === undefined ? [] : [`${formatSeconds(secondsLeft)} left`]),
    ...(problems > 0 ? [`${problems} PROBLEMS`] : []),
    ...(currentPath === undefined ? [] : [printablePath(currentPath)]),
  ].join('  ')
}

export function workJson(
  stage: string,
  { currentPath, ...counts }: Work,
): { readonly stage: string } & Record<string, unknown> {
  return { stage, ...counts, ...(currentPath === undefined ? {} : pathJson(currentPath)) }
}

/** Of the bytes; where there are none, of the files. */
function shareDone({ filesDone, filesTotal, bytesDone, bytesTotal }: Work): number | undefined {
  if (filesTotal === undefined || bytesTotal === undefined) return undefined
  const [done, total] = bytesTotal > 0 ? [bytesDone, bytesTotal] : [filesDone, filesTotal]
  return total === 0 ? 1 : Math.min(1, done / total)
}

function countText(done: number, total: number | undefined): string {
  return total === undefined
    ? formatCount(done)
    : `${formatCount(done)} of ${formatCount(Math.max(done, total))}`
}
