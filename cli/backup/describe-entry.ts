/** Entries of snapshots as lines of a listing, and as JSON. Pure. */
import type { EntryKind } from '#crypto'
import { formatBytes } from '../describe.ts'
import { formatTime, LAST_TIME_MILLISECONDS } from '../entry-lines.ts'
import { asText, pathJson, printableBytes, printablePath } from './byte-path.ts'
import type { WalkedEntry } from './walk.ts'

const LETTERS: Readonly<Record<EntryKind, string>> = {
  file: '-',
  folder: 'd',
  symlink: 'l',
  fifo: 'p',
  socket: 's',
  'block-device': 'b',
  'character-device': 'c',
}
/** Of a mode that has it too: set-uid, set-gid, sticky, each by the place of its letter. */
const SPECIALS = [
  { bit: 0o4000, place: 2, letter: 's' },
  { bit: 0o2000, place: 5, letter: 's' },
  { bit: 0o1000, place: 8, letter: 't' },
] as const

/** As `ls -l` has it. */
export function longEntryLine({ path, entry }: WalkedEntry): string {
  const { kind, mode, uid, gid, user = String(uid), group = String(gid), content } = entry
  const owner = `${printableBytes(Buffer.from(user))} ${printableBytes(Buffer.from(group))}`
  const size = kind === 'file' ? formatBytes(content?.sizeBytes ?? 0) : '-'
  const time = formatTime(millisecondsOf(entry.modifiedAtNanoseconds))
  const line = `${LETTERS[kind]}${modeText(mode)}  ${owner.padEnd(12)}  ${size.padStart(8)}  ${time.padEnd(16)}`
  return `${line}  ${shortEntryLine({ path, entry })}`
}

/** A slash at the end of a folder; where a link leads. */
export function shortEntryLine({ path, entry }: WalkedEntry): string {
  const { kind, target } = entry
  const mark = kind === 'folder' ? '/' : target === undefined ? '' : ` -> ${printableBytes(target)}`
  return `${printablePath(path)}${mark}`
}

export function treeEntryJson({ path, entry }: WalkedEntry): object {
  const { kind, mode, uid, gid, user, group, content, target, linkCount, attributes } = entry
  const nanoseconds = entry.modifiedAtNanoseconds
  const milliseconds = millisecondsOf(nanoseconds)
  const isTime = Math.abs(milliseconds) <= LAST_TIME_MILLISECONDS
  return {
    ...pathJson(path),
    kind,
    mode: mode.toString(8).padStart(4, '0'),
    uid,
    gid,
    user,
    group,
    sizeBytes: kind === 'file' ? (content?.sizeBytes ?? 0) : undefined,
    modifiedAt: isTime ? new Date(milliseconds).toISOString() : undefined,
    modifiedAtNanoseconds: String(nanoseconds),
    target: target === undefined ? undefined : (asText(target) ?? printableBytes(target)),
    linkCount: linkCount > 1 && kind === 'file' ? linkCount : undefined,
    attributes: attributes?.length,
  }
}

/** Rounded down, before 1970 too. */
export function millisecondsOf(nanoseconds: bigint): number {
  const rest = ((nanoseconds % 1_000_000n) + 1_000_000n) % 1_000_000n
  return Number((nanoseconds - rest) / 1_000_000n)
}

function modeText(mode: number): string {
  const letters = [...'rwxrwxrwx'].map((letter, index) => ((mode >> (8 - index)) & 1 ? letter : '-'))
  for (const { bit, place, letter } of SPECIALS) {
    if ((mode & bit) !== 0) letters[place] = letters[place] === 'x' ? letter : letter.toUpperCase()
  }
  return letters.join('')
}
