/** Options that commands about backups share: the repository, and which snapshots of it. */
import type { Command } from 'commander'
import { parseSize } from '#node'
import type { ReadPart } from '../backup/repository/types.ts'
import type { SnapshotFilter } from '../backup/selection.ts'
import { UsageError } from '../usage-error.ts'
import type { Values } from './values.ts'

export function withRepository(command: Command): Command {
  return command.option(
    '-r, --repository <path>',
    'the repository: an alias, a capability, or @FILE that holds one (default: backup:)',
  )
}

/** @param options `hostLetter`: whether -H stands for --host */
export function withFilter(command: Command, options: { readonly hostLetter: boolean }): Command {
  return command
    .option(
      `${options.hostLetter ? '-H, ' : ''}--host <name>`,
      'only snapshots of this host; again: or of that',
      repeated,
    )
    .option('--tag <tags>', 'only snapshots with all these tags (a,b); again: or with those', repeated)
    .option('--path <path>', 'only snapshots of this path of the machine; again: and of that', repeated)
}

export function filterOf(values: Values): SnapshotFilter {
  return { hosts: values.list('host'), tags: tagLists(values.list('tag')), paths: values.list('path') }
}

/** For an option that may be given several times, with one value each: what follows a value is an argument again. */
export function repeated(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value]
}

/** `a,b` is a list of two; nothing at all is an empty list. */
export function tagLists(texts: readonly string[]): readonly (readonly string[])[] {
  return texts.map((text) =>
    text
      .split(',')
      .map((tag) => tag.trim())
      .filter((tag) => tag !== ''),
  )
}

/** `50%` or `0.5`, as 0 to 1. @throws UsageError */
export function shareValue(option: string, text: string): number {
  const found = /^(\d{1,3}(?:\.\d+)?)(%?)$/.exec(text)
  const share = Number(found?.[1] ?? Number.NaN) / (found?.[2] === '%' ? 100 : 1)
  if (share >= 0 && share <= 1) return share
  throw new UsageError(`${option}: a share such as 50% wanted, found ${text}`)
}

const PARTS_MAX = 10_000

/** `5%`, `10G` or `1/7`. @throws UsageError */
export function readPart(text: string): ReadPart {
  const [, part, of] = /^(\d{1,5})\/(\d{1,5})$/.exec(text)?.map(Number) ?? []
  if (part !== undefined && of !== undefined) {
    if (part >= 1 && part <= of && of <= PARTS_MAX) return { part, of }
    throw new UsageError(
      `--read-data-subset: one part of up to ${PARTS_MAX} wanted, such as 1/7, found ${text}`,
    )
  }
  if (text.endsWith('%')) return { percent: 100 * shareValue('--read-data-subset', text) }
  return { bytes: sizeValue(text) }
}

/** As parseSize; and, as restic counts them, `k`, `M`, `G` and `T` for the binary units. */
export function sizeValue(text: string): number {
  return parseSize(text.replace(/^([\d.]+)\s*([kmgt])$/i, '$1 $2iB'))
}
