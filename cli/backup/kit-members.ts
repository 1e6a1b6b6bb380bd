/** Which addresses of a grid go into a recovery kit. Pure. */
import type { KnownServer } from '#node'
import { KIT_MEMBERS_MAX } from './recovery-kit.ts'

/** Half of the places are for members that somebody chose. */
const BOOTSTRAP_SHARE_MAX = KIT_MEMBERS_MAX / 2

/**
 * Members that answered just now come before others, and such of owners and sites that are not there yet before more of
 * the same: one that answers is enough, and whatever takes one away should leave another.
 *
 * @param servers what the grid says of itself; this machine is left out, because a kit is for when it is gone
 */
export function chooseMembers(
  bootstrap: readonly string[],
  servers: readonly KnownServer[],
): readonly string[] {
  const own = servers.filter(({ isLocal }) => isLocal).map(({ peerId }) => `/p2p/${peerId}`)
  const known = bootstrap.filter((address) => !own.some((peer) => address.endsWith(peer)))
  const chosen: Member[] = []
  const add = (member: Member, limit: number): void => {
    if (chosen.length < limit && !chosen.some((other) => isSameMember(other, member))) chosen.push(member)
  }
  const others = spread(servers.filter(({ isLocal }) => !isLocal)).flatMap(memberOf)
  // Of an address that does not name its peer, the one that does is the better form.
  const configured = known.map((address): Member => {
    const [place = '', peerId] = address.split('/p2p/')
    return others.find((other) => other.place === place) ?? { place, peerId }
  })
  for (const member of configured) add(member, BOOTSTRAP_SHARE_MAX)
  for (const member of [...others, ...configured]) add(member, KIT_MEMBERS_MAX)
  return chosen.map(({ place, peerId }) => (peerId === undefined ? place : `${place}/p2p/${peerId}`))
}

interface Member {
  /** Where it listens. */
  readonly place: string
  /** Undefined: whoever answers there. */
  readonly peerId: string | undefined
}

function isSameMember(left: Member, right: Member): boolean {
  return left.place === right.place || (left.peerId !== undefined && left.peerId === right.peerId)
}

/** By the address that most can reach. */
function memberOf({ peerId, addresses }: KnownServer): readonly Member[] {
  const [best] = [...addresses].sort((left, right) => remoteness(right) - remoteness(left))
  return best === undefined ? [] : [{ place: best.split('/p2p/')[0] ?? '', peerId: String(peerId) }]
}

/** Whether nobody on another machine can use any of them. */
export function areAllOfThisMachine(addresses: readonly string[]): boolean {
  return addresses.every((address) => remoteness(address) === 0)
}

/** 0: this machine alone; 1: a network of its own; 2: everybody. */
function remoteness(address: string): 0 | 1 | 2 {
  if (/^\/(ip4\/127\.|ip6\/::1\/|unix\/)/.test(address)) return 0
  if (/^\/(ip4\/(10\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.)|ip6\/f[cde])/.test(address)) return 1
  return 2
}

/** Those that answered first; among them one of each owner and site before the second of any. */
function spread(servers: readonly KnownServer[]): readonly KnownServer[] {
  const seen = new Map<string, number>()
  return servers
    .map((server) => {
      const domain = `${server.owner}\n${server.site}`
      const before = seen.get(domain) ?? 0
      seen.set(domain, before + 1)
      return { server, before, isSilent: server.status === undefined }
    })
    .sort((left, right) => Number(left.isSilent) - Number(right.isSilent) || left.before - right.before)
    .map(({ server }) => server)
}
