/**
 * A recovery kit: what is needed to restore on a bare machine, as lines that fit on paper and into QR codes. Pure.
 *
 *     cairn-kit: 1
 *     repository: cairn:dir-read:…
 *     member: /ip4/192.0.2.7/tcp/4001/p2p/12D3KooW…
 *     shares: 3 7 10
 *     made: 2026-11-28
 *     check: k3f7qxma
 *     key: …
 *     chain: …
 *
 * `member` comes once for each address of the grid. `shares` are needed, happy and total, for a home that backs up
 * again. `check` is the beginning of a hash over the lines before it, so that a mistake of whoever typed them in from
 * paper is found; who changes a line on purpose leaves `check` out. `key` and `chain`, in base32, are there for a grid
 * of members (PROTOCOL §12): the seed of a node's key that is the kit's own, and the chain of its certificates; a
 * mistake in them is found by the signatures. Without them the new home has to be invited. A line that begins with a
 * space goes on with the one above, and spaces within a value mean nothing, except between numbers: so long ones can be
 * printed in groups.
 */
import { createHash } from 'node:crypto'
import {
  type DirectoryReadCapability,
  type DirectoryWriteCapability,
  formatCapability,
  fromBase32,
  GridError,
  InvalidInputError,
  parseCapability,
  toBase32,
  utf8,
} from '#crypto'
import {
  type Chain,
  formatChain,
  type NodeKey,
  nodeKeyFromSeed,
  parseChain,
  peerIdOfPublicKey,
  publicKeyOf,
  type ShareNumbers,
} from '#node'

export interface RecoveryKit {
  readonly repository: DirectoryReadCapability | DirectoryWriteCapability
  /** Addresses of members of the grid; at most KIT_MEMBERS_MAX. */
  readonly members: readonly string[]
  readonly shares: ShareNumbers
  /** `2026-11-28` */
  readonly madeOn: string
  /** With what a grid of members admits whoever has it; undefined: it is an open grid, or wants an invitation. */
  readonly membership: KitMembership | undefined
}

export interface KitMembership {
  /** Of no other node. */
  readonly key: NodeKey
  /** Of that key. */
  readonly chain: Chain
}

/** A code of more text than these give is hard to read for a camera. */
export const KIT_MEMBERS_MAX = 8
/** A page of the kit has some 30 kB. */
export const KIT_FILE_MAX_BYTES = 1024 * 1024
/** Most of it is for a chain of six certificates. */
const VALUE_LENGTH_MAX = 8192
/** 40 bits. */
const CHECK_LENGTH = 8
const CHECK_TAG = 'cairn recovery kit 1\n'
const GROUP_LENGTH = 8
const GROUPS_IN_LINE = 7
const LINE_LENGTH = 72
const KEYS = ['cairn-kit', 'repository', 'member', 'shares', 'made', 'check', 'key', 'chain'] as const
/** Those that are printed in groups. */
const GROUPED: ReadonlySet<string> = new Set(['repository', 'key', 'chain'])
type Key = (typeof KEYS)[number]
type Line = readonly [Key, string]

/** As QR codes have it: what parseKit reads, on one or two of them. The texts are secrets. */
export function formatKitCodes(kit: RecoveryKit): readonly string[] {
  const membership = membershipLinesOf(kit)
  const codes = [[...coreLinesOf(kit), checkLineOf(kit)], ...(membership.length > 0 ? [membership] : [])]
  return codes.map((lines) => lines.map(([key, value]) => `${key}: ${value}\n`).join(''))
}

/** As paper has it: in lines of fewer than 80 characters, what is long in groups. The text is a secret. */
export function formatKitForPaper(kit: RecoveryKit): string {
  return [...coreLinesOf(kit), checkLineOf(kit), ...membershipLinesOf(kit)]
    .map(([key, value]) => {
      const parts = GROUPED.has(key) ? groupsOf(value) : key === 'member' ? addressParts(value) : undefined
      return parts === undefined
        ? `${key}: ${value}\n`
        : `${key}:\n${parts.map((part) => `  ${part}\n`).join('')}`
    })
    .join('')
}

/**
 * Read a kit out of a text: of the lines alone, of a page around them, or of a page in HTML as cairn writes it.
 *
 * @throws InvalidInputError; its message holds nothing of what was read
 */
export function parseKit(text: string): RecoveryKit {
  const lines = logicalLines(plainTextOf(text))
  const begin = lines.findIndex(([key]) => key === 'cairn-kit')
  if (begin === -1) {
    throw new InvalidInputError('no recovery kit: no line begins with cairn-kit:', {
      hint: 'It is made by cairn recovery-kit; from paper, type in the lines from cairn-kit: to check:.',
    })
  }
  const values = (key: Key): readonly string[] => {
    // Two codes may have been scanned in either order.
    const own = key === 'key' || key === 'chain' ? lines : lines.slice(begin)
    return own.filter(([found]) => found === key).map(([, value]) => value)
  }
  const single = (key: Key): string | undefined => {
    const [value, ...more] = values(key)
    if (more.length > 0)
      throw new InvalidInputError(`a recovery kit has one line ${key}, found ${more.length + 1}`)
    return value
  }
  if (single('cairn-kit') !== '1') {
    throw new InvalidInputError(
      'a recovery kit of version 1 wanted: this one is from a newer cairn, or mistyped',
    )
  }
  const kit: RecoveryKit = {
    repository: repositoryOf(single('repository')),
    members: membersOf(values('member')),
    shares: sharesOf(single('shares')),
    madeOn: dateOf(single('made')),
    membership: membershipOf(single('key'), single('chain')),
  }
  const check = single('check')
  if (check !== undefined && check !== checkOf(kit)) {
    throw new InvalidInputError('something in the recovery kit is mistyped: the line check: does not fit', {
      hint: 'The capability is right: it has a check of its own. Compare the other lines, or leave out check:.',
    })
  }
  return kit
}

function coreLinesOf({ repository, members, shares, madeOn }: RecoveryKit): readonly Line[] {
  const { neededShares, happyServers, totalShares } = shares
  return [
    ['cairn-kit', '1'],
    ['repository', formatCapability(repository)],
    ...members.map((address): Line => ['member', address]),
    ['shares', `${neededShares} ${happyServers} ${totalShares}`],
    ['made', madeOn],
  ]
}

function checkLineOf(kit: RecoveryKit): Line {
  return ['check', checkOf(kit)]
}

function membershipLinesOf({ membership }: RecoveryKit): readonly Line[] {
  if (membership === undefined) return []
  const { key, chain } = membership
  return [
    ['key', toBase32(key.reveal())],
    ['chain', toBase32(formatChain(chain))],
  ]
}

function checkOf(kit: RecoveryKit): string {
  const text = coreLinesOf(kit)
    .map(([key, value]) => `${key}: ${value}\n`)
    .join('')
  const hash = createHash('sha256').update(utf8(CHECK_TAG)).update(utf8(text)).digest()
  return toBase32(hash).slice(0, CHECK_LENGTH)
}

/** `cairn:dir-read:`, if it has such a head, and below it the rest as a person reads it out. */
function groupsOf(value: string): readonly string[] {
  const head = value.slice(0, value.lastIndexOf(':') + 1)
  const groups = value.slice(head.length).match(new RegExp(`.{1,${GROUP_LENGTH}}`, 'gs')) ?? []
  const lines = Array.from({ length: Math.ceil(groups.length / GROUPS_IN_LINE) }, (_, index) =>
    groups.slice(index * GROUPS_IN_LINE, (index + 1) * GROUPS_IN_LINE).join(' '),
  )
  return [...(head === '' ? [] : [head]), ...lines]
}

/** Where a member listens, and who it is. */
function addressParts(address: string): readonly string[] {
  const line = new RegExp(`.{1,${LINE_LENGTH}}`, 'g')
  return address.split(/(?=\/p2p\/)/).flatMap((part) => part.match(line) ?? [])
}

/** What stands in the page between `<pre id="kit">` and its end; any other text as it is. */
function plainTextOf(text: string): string {
  const inPage = /<pre id="kit">([^<]*)<\/pre>/.exec(text)?.[1]
  if (inPage === undefined) return text
  return inPage
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
}

/** Lines `key: value` of a kit, each with those that go on with it; all others are passed over. */
function logicalLines(text: string): readonly Line[] {
  const lines: [Key, string][] = []
  let open: [Key, string] | undefined
  for (const line of text.split(/\r\n|\r|\n/)) {
    const [, name, value = ''] = /^([a-z-]+):(.*)$/.exec(line) ?? []
    const key = KEYS.find((known) => known === name)
    if (key !== undefined) {
      open = [key, value]
      lines.push(open)
    } else if (open !== undefined && /^[ \t]+\S/.test(line)) open[1] += line
    else open = undefined
  }
  return lines.map(([key, value]) => [key, cleaned(key, value)])
}

function cleaned(key: Key, value: string): string {
  const text = key === 'shares' ? value.trim().replace(/\s+/g, ' ') : value.replace(/\s+/g, '')
  if (text.length > VALUE_LENGTH_MAX) {
    throw new InvalidInputError(`a line of a recovery kit has at most ${VALUE_LENGTH_MAX} characters`)
  }
  return text
}

function repositoryOf(text: string | undefined): RecoveryKit['repository'] {
  if (text === undefined) throw new InvalidInputError('the recovery kit lacks the line repository:')
  const capability = parseCapability(text)
  if (capability.kind === 'dir' || capability.kind === 'dir-read') return capability
  throw new InvalidInputError(`the repository of a kit is of kind dir-read or dir, found ${capability.kind}`)
}

function membersOf(addresses: readonly string[]): readonly string[] {
  if (addresses.length > KIT_MEMBERS_MAX) {
    throw new InvalidInputError(
      `a recovery kit has at most ${KIT_MEMBERS_MAX} members, found ${addresses.length}`,
    )
  }
  const foreign = addresses.find((address) => !/^\/[\x21-\x7e]+$/.test(address))
  if (foreign !== undefined) {
    throw new InvalidInputError(
      'the address of a member begins with a slash, such as /ip4/192.0.2.7/tcp/4001',
    )
  }
  return addresses
}

/** @throws InvalidInputError if something in it is mistyped */
function membershipOf(key: string | undefined, chain: string | undefined): KitMembership | undefined {
  if (key === undefined && chain === undefined) return undefined
  if (key === undefined || chain === undefined) {
    throw new InvalidInputError('a recovery kit has the lines key: and chain: both, or neither')
  }
  try {
    const parts = { key: nodeKeyFromSeed(fromBase32(key)), chain: parseChain(fromBase32(chain)) }
    if (peerIdOfPublicKey(publicKeyOf(parts.key)) === parts.chain.peerId) return parts
    throw new InvalidInputError('the chain is of another key')
  } catch (cause) {
    if (!(cause instanceof GridError)) throw cause
    throw new InvalidInputError(
      'the line key: or chain: of the recovery kit is mistyped',
      { hint: 'Leave out both, and the new home can be invited by a member: cairn join.' },
      { cause },
    )
  }
}

function sharesOf(text: string | undefined): ShareNumbers {
  const found = /^(\d{1,3}) (\d{1,3}) (\d{1,3})$/.exec(text ?? '')
  const [neededShares = 0, happyServers = 0, totalShares = 0] = (found ?? []).slice(1).map(Number)
  const isOrdered = 1 <= neededShares && neededShares <= happyServers && happyServers <= totalShares
  if (isOrdered && totalShares <= 255) return { neededShares, happyServers, totalShares }
  throw new InvalidInputError('the line shares: of a recovery kit has three numbers, such as 3 7 10')
}

function dateOf(text: string | undefined): string {
  if (text !== undefined && /^\d{4}-\d{2}-\d{2}$/.test(text)) return text
  throw new InvalidInputError('the line made: of a recovery kit has a date, such as 2026-11-28')
}
