import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  asStorageIndex,
  decodeFields,
  encodeFields,
  type FieldRecord,
  IntegrityError,
  InvalidInputError,
  TAGS,
  utf8,
} from '#crypto'
import { ANNOUNCEMENT_LIFETIME_MAX_SECONDS, CERTIFIED_ANNOUNCEMENT_MAX_BYTES } from '../../../node/limits.ts'
import {
  type Announcement,
  type AnnouncementBody,
  HIDDEN_CODE_POINTS,
  parseAnnouncement,
  signAnnouncement,
} from '../../../node/peers/announcement.ts'
import { peerIdOfPublicKey } from '../../../node/peers/peer-id.ts'
import { Roster } from '../../../node/peers/roster.ts'
import { loadRoster, saveRoster } from '../../../node/peers/roster-file.ts'
import { ROSTER_PROTOCOL } from '../../../node/peers/roster-messages.ts'
import { answerRosterTalk, compareRosters } from '../../../node/peers/roster-talk.ts'
import { MemoryDisk } from '../../../node/platform/memory-disk.ts'
import { verifySignature } from '../../../node/platform/signature.ts'
import { signedBytes } from '../../../node/signed-bytes.ts'
import { SimClock } from '../../sim/sim-clock.ts'
import { SimWorld } from '../../sim/sim-network.ts'
import { SimRandom } from '../../sim/sim-random.ts'
import { testKey } from '../../support/ed25519.ts'

const NOW_MILLISECONDS = 1_800_000_000_000
const NOW_SECONDS = NOW_MILLISECONDS / 1000

function maker(seedByte: number) {
  const key = testKey(new Uint8Array(32).fill(seedByte))
  const localId = peerIdOfPublicKey(key.publicKey)
  return { localId, key, sign: async (bytes: Uint8Array) => key.sign(bytes) }
}

async function announce(
  seedByte: number,
  changed: Partial<Omit<AnnouncementBody, 'peerId'>> = {},
): Promise<Announcement> {
  const node = maker(seedByte)
  return await signAnnouncement(node, {
    addresses: [`/ip4/10.0.0.${seedByte}/tcp/4001/p2p/${node.localId}`],
    sequence: NOW_MILLISECONDS,
    expiresAtSeconds: NOW_SECONDS + 3600,
    isServer: true,
    freeBytes: 1e12,
    version: 'cairn 0.1.0',
    failureDomain: { owner: 'anna', site: 'cellar' },
    ...changed,
  })
}

/** Signs any body: what a forger with a key of his own could send. */
function signRaw(seedByte: number, body: FieldRecord): Uint8Array {
  const bytes = encodeFields(body)
  return encodeFields({
    body: bytes,
    signature: maker(seedByte).key.sign(signedBytes(TAGS.announcement, bytes)),
  })
}

const SMALL_R = {
  key: 'ef4f62f8479733ad879cfaced3c89a9c39dd4fc795ef2efa1c3eafe4d729a081',
  signature:
    '010000000000000000000000000000000000000000000000000000000000000003d8c0c5f12f199bcdc3cbc1ecb01693a9804d3286bc6d8f79fb035be22bb90f',
}

const newRoster = (now = NOW_MILLISECONDS) => new Roster({ now: () => now })

describe('announcements', () => {
  test('are read back as they were signed', async () => {
    const made = await announce(1)
    const read = parseAnnouncement(made.bytes)
    expect(read).toEqual(made)
    expect(read.peerId).toBe(maker(1).localId)
    expect(read.failureDomain).toEqual({ owner: 'anna', site: 'cellar' })
    expect(read.bytes.length).toBeLessThan(400)
  })

  test('no byte of one can be changed', async () => {
    const { bytes } = await announce(1)
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (place, flip) => {
        const changed = bytes.slice()
        changed[place] = (changed[place] ?? 0) ^ flip
        expect(newRoster().add(changed)).toBe('forged')
      }),
      { numRuns: 300 },
    )
  })

  test('random bytes are none', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(newRoster().add(bytes)).toBe('forged')
      }),
    )
  })

  test('a signature of another key, or over the body alone, is refused', async () => {
    const fields = decodeFields((await announce(1)).bytes, 'test')
    const body = fields.bytesUpTo('body', 4096)
    const byOther = encodeFields({ body, signature: maker(2).key.sign(signedBytes(TAGS.announcement, body)) })
    expect(() => parseAnnouncement(byOther)).toThrow(IntegrityError)
    const untagged = encodeFields({ body, signature: maker(1).key.sign(body) })
    expect(() => parseAnnouncement(untagged)).toThrow(IntegrityError)
  })

  test('every field has a limit', async () => {
    const { localId, key } = maker(1)
    const good: FieldRecord = {
      v: 1,
      key: key.publicKey,
      addresses: [`/ip4/10.0.0.1/tcp/1/p2p/${localId}`],
      sequence: 1,
      expires: 1,
      server: true,
      free: 1,
      version: 'x',
      owner: '',
      site: '',
    }
    expect(parseAnnouncement(signRaw(1, good)).peerId).toBe(localId)
    const refused: FieldRecord[] = [
      { v: 2 },
      { v: 3 },
      { chain: [] },
      { key: new Uint8Array(31) },
      { addresses: Array.from({ length: 17 }, () => `/ip4/1.2.3.4/tcp/1/p2p/${localId}`) },
      { addresses: [`/dns4/${'a'.repeat(300)}/tcp/1/p2p/${localId}`] },
      { addresses: ['/ip4/1.2.3.4/tcp/1'] },
      { addresses: [`/ip4/1.2.3.4/tcp/1/p2p/${maker(2).localId}`] },
      { addresses: [`/ip4/1.2.3.4 \n/p2p/${localId}`] },
      { sequence: -1 },
      { sequence: 1.5 },
      { free: 'much' },
      { server: 1 },
      { owner: 'x'.repeat(65) },
      { site: '\u001b[31mred' },
      { version: 'right\u202eleft' },
      { site: undefined },
      { extra: 1 },
    ]
    for (const change of refused) {
      expect(() => parseAnnouncement(signRaw(1, { ...good, ...change })), JSON.stringify(change)).toThrow(
        InvalidInputError,
      )
    }
    expect(() => parseAnnouncement(new Uint8Array(CERTIFIED_ANNOUNCEMENT_MAX_BYTES + 1))).toThrow('at most')
  })
})

describe('what all nodes must judge alike', () => {
  test('hidden characters are the ones that Unicode 17.0 says, and the document lists them', () => {
    const listed = HIDDEN_CODE_POINTS.flatMap(([first, last]) =>
      Array.from({ length: last - first + 1 }, (_, index) => first + index),
    )
    const points = Array.from({ length: 0x110000 }, (_, point) => point)
    const found = points.filter((point) => /\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}/u.test(String.fromCodePoint(point)))
    // An engine that knows another Unicode may know other ones; the list stays.
    if (process.versions.unicode === '17.0') expect(found).toEqual(listed)
    const text = HIDDEN_CODE_POINTS.map(([first, last]) =>
      [...new Set([first, last])].map((point) => point.toString(16).toUpperCase().padStart(4, '0')).join('-'),
    ).join(' ')
    expect(readFileSync('node/PROTOCOL.md', 'utf8').replaceAll(/\s+/g, ' ')).toContain(text)
  })

  test('a key of small order signs nothing, whatever the library says', () => {
    const identity = Uint8Array.of(1, ...new Uint8Array(31))
    const signature = new Uint8Array(64)
    signature.set(identity)
    const others = ['00'.repeat(32), `ec${'ff'.repeat(30)}7f`, `ee${'ff'.repeat(30)}ff`]
    for (const key of [identity, ...others.map((hex) => new Uint8Array(Buffer.from(hex, 'hex')))]) {
      for (let count = 0; count < 16; count += 1) {
        expect(verifySignature(key, utf8(`message ${count}`), signature)).toBe(false)
      }
    }
  })

  test('nor is a signature valid whose R has a small order', () => {
    // R is the neutral element and S = h a: it would fit, for the key of a = 12345.
    const key = Buffer.from(SMALL_R.key, 'hex')
    expect(verifySignature(key, utf8('m'), Buffer.from(SMALL_R.signature, 'hex'))).toBe(false)
  })

  test('a signature with S + L instead of S is none', () => {
    const order = 2n ** 252n + 27742317777372353535851937790883648493n
    const { key } = maker(1)
    const signature = key.sign(utf8('message'))
    expect(verifySignature(key.publicKey, utf8('message'), signature)).toBe(true)
    let carried = signature.slice(32).reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n) + order
    for (let place = 32; place < 64; place += 1, carried >>= 8n) signature[place] = Number(carried & 255n)
    expect(verifySignature(key.publicKey, utf8('message'), signature)).toBe(false)
  })
})

describe('Roster', () => {
  test('of two announcements of one peer the later one holds', async () => {
    const roster = newRoster()
    const [first, second] = [
      await announce(1),
      await announce(1, { sequence: NOW_MILLISECONDS + 1, freeBytes: 5 }),
    ]
    expect(roster.add(second.bytes)).toBe('added')
    expect(roster.add(second.bytes)).toBe('stale')
    expect(roster.add(first.bytes)).toBe('stale')
    expect(roster.get(first.peerId)?.freeBytes).toBe(5)
    expect(roster.size).toBe(1)
  })

  test('forgets what has expired, and takes nothing expired or too far ahead', async () => {
    let now = NOW_MILLISECONDS
    const roster = new Roster({ now: () => now })
    const { bytes, peerId } = await announce(1)
    expect(roster.add(bytes)).toBe('added')
    now += 3600_000
    expect(roster.get(peerId)).toBeUndefined()
    expect(roster.all()).toEqual([])
    expect(roster.add((await announce(2)).bytes)).toBe('stale')
    const farExpiry = NOW_SECONDS + 2 * ANNOUNCEMENT_LIFETIME_MAX_SECONDS
    expect(roster.add((await announce(3, { expiresAtSeconds: farExpiry })).bytes)).toBe('refused')
    const ahead = { sequence: now + 3 * 86_400_000, expiresAtSeconds: NOW_SECONDS + 86_400 }
    expect(roster.add((await announce(4, ahead)).bytes)).toBe('refused')
  })

  test('a ring is the same for everyone, other for another index, and without those that take no shares', async () => {
    const made = await Promise.all(
      Array.from({ length: 30 }, (_, index) => announce(index + 1, { isServer: index > 0 })),
    )
    const [one, other] = [newRoster(), newRoster()]
    const before = await announce(1, { sequence: NOW_MILLISECONDS - 1 })
    for (const { bytes } of [before, ...made]) one.add(bytes)
    for (const { bytes } of [before, ...made.toReversed()]) other.add(bytes)
    const ids = (roster: Roster, fill: number) =>
      roster.ring(asStorageIndex(new Uint8Array(32).fill(fill))).map(({ peerId }) => peerId)
    expect(ids(one, 1)).toEqual(ids(other, 1))
    expect(ids(one, 1)).not.toEqual(ids(one, 2))
    expect(ids(one, 1).toSorted()).toEqual(ids(one, 2).toSorted())
    expect(ids(one, 1)).toHaveLength(29)
  })

  test('a full roster keeps those it knows', async () => {
    const entriesMax = 20
    const roster = new Roster({ now: () => NOW_MILLISECONDS }, { entriesMax })
    const made = await Promise.all(Array.from({ length: entriesMax + 1 }, (_, index) => announce(index + 1)))
    const outcomes = made.map(({ bytes }) => roster.add(bytes))
    expect(outcomes.filter((outcome) => outcome === 'added')).toHaveLength(entriesMax)
    expect(outcomes.at(-1)).toBe('refused')
    const again = await announce(1, { sequence: NOW_MILLISECONDS + 1 })
    expect(roster.add(again.bytes)).toBe('added')
  })

  test('takes no stranger that is no server, and hears a server that is none any more', async () => {
    const roster = newRoster()
    const { bytes, peerId } = await announce(1)
    const retired = await announce(1, { sequence: NOW_MILLISECONDS + 1, isServer: false })
    expect(roster.add(retired.bytes)).toBe('refused')
    expect(roster.add(bytes)).toBe('added')
    expect(roster.add(retired.bytes)).toBe('added')
    expect(roster.get(peerId)?.isServer).toBe(false)
  })

  test('two rosters are equal after one comparison, however much they differ', async () => {
    const [left, right] = [newRoster(), newRoster()]
    const long = { owner: 'o'.repeat(64), site: 's'.repeat(64) }
    for (let index = 0; index < 200; index += 1) {
      const { localId } = maker(index + 1)
      // Long enough that the announcements of one side need several messages.
      const addresses = Array.from(
        { length: 12 },
        (_, number) => `/dns4/${'x'.repeat(150)}${number}/tcp/1/p2p/${localId}`,
      )
      const { bytes } = await announce(index + 1, { addresses, failureDomain: long })
      if (index % 3 !== 0) left.add(bytes)
      if (index % 3 !== 1) right.add(bytes)
      if (index % 3 === 2) {
        const newer = await announce(index + 1, { sequence: NOW_MILLISECONDS + index })
        const side = index % 2 === 0 ? left : right
        side.add(newer.bytes)
      }
    }
    const clock = new SimClock()
    const world = new SimWorld({ clock, random: new SimRandom(1) })
    const [one, other] = [world.node(), world.node()]
    const takeInto = (roster: Roster) => async (announcements: readonly Uint8Array[]) => {
      for (const bytes of announcements) expect(roster.add(bytes)).toBe('added')
    }
    await clock.run(async () => {
      await other.serve(ROSTER_PROTOCOL, (channel) =>
        answerRosterTalk(channel, { roster: right, take: takeInto(right) }),
      )
      await one.connect(other.localId, other.addresses())
      const channel = await one.openChannel(other.localId, ROSTER_PROTOCOL)
      await compareRosters(channel, left, takeInto(left))
    })
    expect(left.size).toBe(200)
    expect(left.all()).toEqual(right.all())
  })

  test('is the same after it was written down and read', async () => {
    const disk = new MemoryDisk({ capacityBytes: 1e7 })
    const roster = newRoster()
    for (let seed = 1; seed < 20; seed += 1) roster.add((await announce(seed)).bytes)
    await saveRoster(disk, 'peers', roster)
    await saveRoster(disk, 'peers', roster)
    const again = newRoster()
    expect(await loadRoster(disk, 'peers', again)).toBe(19)
    expect(again.all()).toEqual(roster.all())
    expect(await loadRoster(disk, 'elsewhere', newRoster())).toBe(0)
    await disk.removeFile('peers/roster.cbor')
    const file = await disk.createFile('peers/roster.cbor')
    await file.append(utf8('rubbish'))
    await file.close()
    expect(await loadRoster(disk, 'peers', newRoster())).toBe(0)
  })
})
