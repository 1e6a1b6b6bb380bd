import { generateKeyPair } from '@libp2p/crypto/keys'
import { describe, expect, test } from 'vitest'
import { type KnownServer, peerIdOfPublicKey } from '#node'
import { areAllOfThisMachine, chooseMembers } from '../../../cli/backup/kit-members.ts'
import { KIT_MEMBERS_MAX } from '../../../cli/backup/recovery-kit.ts'

const peers = await Promise.all(
  Array.from({ length: 12 }, async () => peerIdOfPublicKey((await generateKeyPair('Ed25519')).publicKey.raw)),
)

function server(number: number, more: Partial<KnownServer> = {}): KnownServer {
  const peerId = peers[number]
  if (peerId === undefined) throw new Error('a peer wanted')
  return {
    peerId,
    owner: `owner ${number}`,
    site: '',
    addresses: [`/ip4/192.0.2.${number}/tcp/4001/p2p/${peerId}`],
    isLocal: false,
    status: undefined,
    problem: undefined,
    ...more,
  }
}

const STATUS = {
  version: '1',
  freeBytes: 1,
  usedBytes: 0,
  shareCount: 0,
  accountUsedBytes: 0,
  accountQuotaBytes: undefined,
}
const answering = (number: number, more: Partial<KnownServer> = {}) =>
  server(number, { status: STATUS, ...more })
const numbersOf = (addresses: readonly string[]) =>
  addresses.map((address) => Number(/2\.(\d+)\//.exec(address)?.[1]))

describe('chooseMembers', () => {
  test('takes those that answer before those that do not, and different owners before the same', () => {
    const servers = [
      server(1),
      answering(2, { owner: 'ann' }),
      answering(3, { owner: 'ann' }),
      answering(4, { owner: 'bob' }),
    ]
    expect(numbersOf(chooseMembers([], servers))).toEqual([2, 4, 3, 1])
  })

  test('leaves this machine out, and takes nobody twice', () => {
    const own = answering(1, { isLocal: true })
    const other = answering(2)
    const bootstrap = [...own.addresses, ...other.addresses, '/dns4/grid.example/tcp/4001']
    expect(chooseMembers(bootstrap, [own, other])).toEqual([
      ...other.addresses,
      '/dns4/grid.example/tcp/4001',
    ])
  })

  test('takes the address that most can reach, and names the peer', () => {
    const addresses = ['/ip4/127.0.0.1/tcp/1', '/ip4/192.168.1.2/tcp/2', '/ip4/198.51.100.7/tcp/3']
    expect(chooseMembers([], [server(0, { addresses })])).toEqual([`/ip4/198.51.100.7/tcp/3/p2p/${peers[0]}`])
    expect(chooseMembers([], [server(0, { addresses: [] })])).toEqual([])
  })

  test('takes no more than fit, and leaves places for members that were not configured', () => {
    const bootstrap = Array.from({ length: 10 }, (_, number) => `/ip4/198.51.100.${number}/tcp/1`)
    const servers = peers.map((_, number) => answering(number))
    const chosen = chooseMembers(bootstrap, servers)
    expect(chosen.length).toBe(KIT_MEMBERS_MAX)
    expect(chosen.filter((address) => bootstrap.includes(address)).length).toBe(KIT_MEMBERS_MAX / 2)
    expect(chooseMembers(bootstrap, []).length).toBe(KIT_MEMBERS_MAX)
  })
})

test('addresses that no other machine can use are noticed', () => {
  expect(areAllOfThisMachine(['/ip4/127.0.0.1/tcp/1', '/ip6/::1/tcp/1'])).toBe(true)
  expect(areAllOfThisMachine(['/ip4/127.0.0.1/tcp/1', '/ip4/192.168.1.2/tcp/1'])).toBe(false)
  expect(areAllOfThisMachine(['/dns4/grid.example/tcp/1'])).toBe(false)
})
