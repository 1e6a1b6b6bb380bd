import fc from 'fast-check'
import decodeQR from 'qr/decode.js'
import { describe, expect, test } from 'vitest'
import {
  asFileRoot,
  asReadKey,
  asSlotSeed,
  fileReadCapability,
  formatCapability,
  InvalidInputError,
  slotWriteCapability,
  toBase32,
  toReadCapability,
} from '#crypto'
import { foundGrid, issueChain, publicKeyOf, signerOf, temporaryNodeKey } from '#node'
import { kitAsHtml, kitAsText } from '../../../cli/backup/kit-page.ts'
import {
  formatKitCodes,
  formatKitForPaper,
  KIT_MEMBERS_MAX,
  parseKit,
  type RecoveryKit,
} from '../../../cli/backup/recovery-kit.ts'

const seed = fc.uint8Array({ minLength: 32, maxLength: 32 })
const repository = fc.tuple(seed, fc.boolean()).map(([bytes, isWrite]): RecoveryKit['repository'] => {
  const written = slotWriteCapability('dir', asSlotSeed(bytes))
  const read = toReadCapability(written)
  return isWrite || read.kind !== 'dir-read' ? written : read
})
const member = fc
  .tuple(fc.ipV4(), fc.integer({ min: 1, max: 65_535 }), seed)
  .map(([ip, port, id]) => `/ip4/${ip}/tcp/${port}/p2p/12D3KooW${Buffer.from(id).toString('base64url')}`)
const shares = fc
  .uniqueArray(fc.integer({ min: 1, max: 255 }), { minLength: 3, maxLength: 3 })
  .map((numbers) => numbers.sort((left, right) => left - right))
  .map(([neededShares = 1, happyServers = 1, totalShares = 1]) => ({
    neededShares,
    happyServers,
    totalShares,
  }))
/** Made here: signatures are what this process can make, and no arbitrary. */
const key = temporaryNodeKey()
const founder = signerOf(temporaryNodeKey())
const own = temporaryNodeKey()
const parent = await foundGrid(founder, {
  publicKey: publicKeyOf(own),
  name: 'ann',
  now: Date.UTC(2026, 10, 28),
})
const chain = await issueChain(signerOf(own), {
  parent,
  subject: publicKeyOf(key),
  name: 'recovery of ann',
  serial: Date.UTC(2026, 10, 28),
  grant: { ...parent.own, roles: ['client'], quotaBytes: 0, inviteDepth: 0 },
})
const kits: fc.Arbitrary<RecoveryKit> = fc.record({
  repository,
  members: fc.array(member, { maxLength: KIT_MEMBERS_MAX }),
  shares,
  madeOn: fc.constantFrom('2026-11-28', '2031-01-01'),
  membership: fc.constantFrom(undefined, { key, chain }),
})

const EXAMPLE: RecoveryKit = {
  repository: slotWriteCapability('dir', asSlotSeed(new Uint8Array(32).fill(7))),
  members: ['/ip4/192.0.2.7/tcp/4001/p2p/12D3KooWPb48kvj8eKxByaPd8MbNUykaSrvw7PhAbmQn7SWVEX7W'],
  shares: { neededShares: 3, happyServers: 7, totalShares: 10 },
  madeOn: '2026-11-28',
  membership: undefined,
}
const formatKit = (kit: RecoveryKit) => formatKitCodes(kit).join('')
const page = (kit: RecoveryKit) => ({ kit, host: 'ann\u2019s <laptop> & "more"', version: '0.1.0' })

/** Of kits whose secrets print themselves as nothing. */
function plain(kit: RecoveryKit): object {
  const { repository: secret, membership } = kit
  const shown = membership && [Buffer.from(membership.key.reveal()).toString('hex'), membership.chain.peerId]
  return { ...kit, repository: formatCapability(secret), membership: shown }
}

describe('a recovery kit', () => {
  test('is read back from its lines, from paper, and from both pages', () => {
    fc.assert(
      fc.property(kits, (kit) => {
        for (const text of [
          formatKit(kit),
          formatKitForPaper(kit),
          kitAsText(page(kit)),
          kitAsHtml(page(kit)),
        ]) {
          expect(plain(parseKit(text))).toEqual(plain(kit))
        }
        expect(plain(parseKit(kitAsText(page(kit)).replaceAll('\n', '\r\n')))).toEqual(plain(kit))
      }),
    )
  })

  test('is read from a page that somebody has wrapped, indented and framed', () => {
    const typed = formatKitForPaper(EXAMPLE)
      .replace(/^( {2}\S+) /m, '$1\n\t')
      .replace('member:\n  /ip4', 'member: /ip4')
    expect(plain(parseKit(`From my safe:\n${typed}\nThe end: of it\n`))).toEqual(plain(EXAMPLE))
  })

  test('has lines that fit on paper', () => {
    const long = `/dns4/${'a-long-name.'.repeat(12)}example/tcp/4001/p2p/12D3KooWPb48kvj8eKxByaPd8MbNUykaSrvw7PhAbmQn`
    const kit = { ...EXAMPLE, members: [...EXAMPLE.members, long], membership: { key, chain } }
    const text = kitAsText(page(kit))
    expect(text.split('\n').filter((line) => line.length >= 80)).toEqual([])
    expect(plain(parseKit(text))).toEqual(plain(kit))
  })

  test('notices whatever is mistyped, and shows nothing of it', () => {
    const text = formatKit(EXAMPLE)
    const secret = formatCapability(EXAMPLE.repository).slice(10, 40)
    const begin = text.indexOf('\n') + 1
    const end = text.indexOf('check:')
    fc.assert(
      fc.property(
        fc.integer({ min: begin, max: end - 1 }),
        fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz234567/189'),
        (place, character) => {
          const mistyped = `${text.slice(0, place)}${character}${text.slice(place + 1)}`
          fc.pre(mistyped !== text)
          let failure: unknown
          try {
            parseKit(mistyped)
          } catch (error) {
            failure = error
          }
          expect(failure).toBeInstanceOf(InvalidInputError)
          expect(String(failure)).not.toContain(secret.slice(0, 12))
        },
      ),
    )
  })

  test('can be changed on purpose, without its check', () => {
    const moved = formatKit(EXAMPLE).replace('192.0.2.7', '192.0.2.8')
    expect(() => parseKit(moved)).toThrow('mistyped')
    expect(parseKit(moved.replace(/^check: .*\n/m, '')).members[0]).toContain('192.0.2.8')
  })

  test.each([
    ['nothing', ''],
    ['another text', 'dear bob\n'],
    ['a later version', formatKit(EXAMPLE).replace('cairn-kit: 1', 'cairn-kit: 2')],
    ['two of them', formatKit(EXAMPLE).repeat(2)],
    ['no repository', formatKit(EXAMPLE).replace(/^repository: .*\n/m, '')],
    [
      'a repository that is a file',
      `cairn-kit: 1\nrepository: ${formatCapability(
        fileReadCapability(asReadKey(new Uint8Array(32)), asFileRoot(new Uint8Array(32))),
      )}\nshares: 1 1 1\nmade: 2026-11-28\n`,
    ],
    ['numbers out of order', formatKit(EXAMPLE).replace('3 7 10', '7 3 10')],
    ['no date', formatKit(EXAMPLE).replace('2026-11-28', 'today')],
    ['too many members', formatKit(EXAMPLE).replace(/^(member: .*\n)/m, '$1'.repeat(KIT_MEMBERS_MAX + 1))],
    ['a member that is no address', formatKit(EXAMPLE).replace('/ip4', 'ip4')],
    ['an endless line', formatKit(EXAMPLE).replace('/ip4', `/ip4${'4'.repeat(600)}`)],
  ])('is refused if it is %s', (_what, text) => {
    expect(() => parseKit(text)).toThrow(InvalidInputError)
  })

  test('parses or refuses any text', () => {
    const line = fc.constantFrom(
      ...formatKit(EXAMPLE).split('\n'),
      '  more',
      'repository:',
      'shares: 1 2',
      '<pre id="kit">',
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(line, fc.string())), (lines) => {
        try {
          parseKit(lines.join('\n'))
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidInputError)
        }
      }),
    )
  })
})

/** What a code of a page shows, black on white, some pixels a module. */
function pictureOf(svg: string): { width: number; height: number; data: Uint8Array } {
  const SCALE = 4
  const size = Number(/viewBox="0 0 (\d+) \1"/.exec(svg)?.[1])
  const width = size * SCALE
  const data = new Uint8Array(width * width * 4).fill(255)
  for (const [, x, y] of darkModules(/<path d="([^"]*)"/.exec(svg)?.[1] ?? '')) {
    for (let pixel = 0; pixel < SCALE * SCALE; pixel += 1) {
      const row = y * SCALE + Math.floor(pixel / SCALE)
      const column = x * SCALE + (pixel % SCALE)
      data.fill(0, (row * width + column) * 4, (row * width + column) * 4 + 3)
    }
  }
  return { width, height: width, data }
}

/** A path of squares of one module, each `M` or `m` and a closed line around it. */
function* darkModules(path: string): Generator<readonly [string, number, number]> {
  let [x, y] = [0, 0]
  for (const [whole, command, first, second] of path.matchAll(/([Mm])(-?\d+)[ ,]?(-?\d+)[^Mm]*/g)) {
    x = Number(first) + (command === 'm' ? x : 0)
    y = Number(second) + (command === 'm' ? y : 0)
    yield [whole, x, y]
  }
}

const codesOf = (html: string) => html.match(/<svg.*?<\/svg>/gs) ?? []

test('the codes in the page hold the kit, also one with as many members as may be', () => {
  const full = { ...EXAMPLE, members: fc.sample(member, KIT_MEMBERS_MAX), membership: { key, chain } }
  for (const kit of [EXAMPLE, ...fc.sample(kits, 3), full]) {
    const read = codesOf(kitAsHtml(page(kit))).map((svg) => decodeQR(pictureOf(svg)))
    expect(read).toEqual(formatKitCodes(kit))
    expect(read.length).toBe(kit.membership === undefined ? 1 : 2)
    expect(plain(parseKit(read.join('\n')))).toEqual(plain(kit))
    expect(plain(parseKit(read.toReversed().join('')))).toEqual(plain(kit))
  }
})

describe('the membership of a kit', () => {
  const kit = { ...EXAMPLE, membership: { key, chain } }

  test('is mistyped or sound', () => {
    const [core = '', membership = ''] = formatKitCodes(kit)
    fc.assert(
      fc.property(
        fc.integer({ min: 'key: '.length, max: membership.length - 2 }),
        fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz234567'),
        (place, character) => {
          const mistyped = `${membership.slice(0, place)}${character}${membership.slice(place + 1)}`
          fc.pre(
            mistyped !== membership &&
              membership[place] !== '\n' &&
              !/^(key|chain):/m.test(membership.slice(place, place + 6)),
          )
          expect(() => parseKit(core + mistyped)).toThrow(InvalidInputError)
        },
      ),
    )
  })

  test('can be left out, and not by half', () => {
    const [core = '', membership = ''] = formatKitCodes(kit)
    expect(parseKit(core).membership).toBeUndefined()
    for (const line of membership.trim().split('\n')) {
      expect(() => parseKit(`${core}${line}\n`)).toThrow('both, or neither')
    }
    const other = toBase32(temporaryNodeKey().reveal())
    expect(() => parseKit(core + membership.replace(/^key: .*/m, `key: ${other}`))).toThrow('mistyped')
  })

  test('is told of on the page, and until when it is good', () => {
    expect(kitAsText(page(kit))).toMatch(
      /admits\s+whoever\s+has\s+this\s+page,\s+as\s+recovery\s+of\s+ann,\s+until\s+2036-11-25/,
    )
    expect(kitAsText(page(EXAMPLE))).toContain('cairn join LINK')
  })
})

test('the page needs nothing else, lets nothing else in, and says what it grants', () => {
  const html = kitAsHtml(page(EXAMPLE))
  expect(html).not.toMatch(/<(script|img|link|iframe)|https?:\/\/(?!www\.w3\.org\/2000\/svg)|url\(/)
  expect(html).toContain('ann’s &lt;laptop&gt; &amp; &quot;more&quot;')
  expect(html).toContain('read every file of every backup, and delete them')
  const read = toReadCapability(EXAMPLE.repository)
  if (read.kind !== 'dir-read') throw new Error('a directory wanted')
  expect(kitAsHtml(page({ ...EXAMPLE, repository: read }))).toContain('and change nothing')
  expect(kitAsText(page({ ...EXAMPLE, repository: read }))).toContain('cairn init --kit kit.txt')
})
