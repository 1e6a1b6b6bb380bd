/** Entries of directories as lines of a listing, and as JSON. Pure. */
import type { NamedChild } from '#node'
import { gridKindOf, modeOf } from './copy/plan.ts'
import { formatBytes } from './describe.ts'

export interface ListedEntry {
  /** The name, or the path from the directory that is listed. */
  readonly path: string
  readonly child: NamedChild
}

/** `f` file, `s` mutable file, `d` directory, `t` directory that never changes. */
type TypeMark = 'f' | 's' | 'd' | 't'

/** As in `ls -l`: type and right to write, size, time, name. @param show the name as the output wants it */
export function longLine({ path, child }: ListedEntry, show: (name: string) => string): string {
  const { sizeBytes, modifiedAtMilliseconds } = child.metadata
  const mark = `${typeMarkOf(child)}${isWritable(child) ? 'w' : '-'}`
  const size = sizeBytes === undefined ? '-' : formatBytes(sizeBytes)
  const time = modifiedAtMilliseconds === undefined ? '-' : formatTime(modifiedAtMilliseconds)
  return `${mark}  ${size.padStart(8)}  ${time.padEnd(16)}  ${shortLine({ path, child }, show)}`
}

export function shortLine({ path, child }: ListedEntry, show: (name: string) => string): string {
  return `${show(path)}${gridKindOf(child) === 'directory' ? '/' : ''}`
}

export function entryJson({ path, child }: ListedEntry): object {
  const { sizeBytes, modifiedAtMilliseconds } = child.metadata
  const isTime = modifiedAtMilliseconds !== undefined && modifiedAtMilliseconds <= LAST_TIME_MILLISECONDS
  return {
    path,
    type: TYPE_NAMES[typeMarkOf(child)],
    isWritable: isWritable(child),
    sizeBytes: sizeBytes ?? null,
    modifiedAt: isTime ? new Date(modifiedAtMilliseconds).toISOString() : null,
    mode: modeOf(child.metadata) ?? null,
  }
}

/** What a Date can be; a directory's writers can write any number. */
export const LAST_TIME_MILLISECONDS = 8.64e15

const TYPE_NAMES: Readonly<Record<TypeMark, string>> = {
  f: 'file',
  s: 'slot',
  d: 'directory',
  t: 'tree',
}

function typeMarkOf(child: NamedChild): TypeMark {
  if (child.capability.kind === 'tree') return 't'
  return ({ file: 'f', slot: 's', directory: 'd' } as const)[gridKindOf(child)]
}

function isWritable({ capability }: NamedChild): boolean {
  return capability.access === 'write'
}

/** In the zone of whoever reads, to the minute. */
export function formatTime(milliseconds: number): string {
  if (Math.abs(milliseconds) > LAST_TIME_MILLISECONDS) return '-'
  const time = new Date(milliseconds)
  const two = (number: number): string => String(number).padStart(2, '0')
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`
  return `${day} ${two(time.getHours())}:${two(time.getMinutes())}`
}
