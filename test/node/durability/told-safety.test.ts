import { describe, expect, test } from 'vitest'
import { DAILY_REPAIR, NO_REPAIR } from '../../../node/durability/kept-file.ts'
import { type KeptGrid, tellPut, tellRoot } from '../../../node/durability/told-safety.ts'
import type { ServerRecord } from '../../../node/keeping/server-records.ts'
import type { KnownServer } from '../../../node/status.ts'
import { layout } from './support.ts'

const DAY = 24 * 3600
const NOW = 2_000_000_000
const GIGABYTE = 1e9

function known(peerId: string, more: Partial<KnownServer> = {}, freeBytes = GIGABYTE): KnownServer {
  const status = { version: '0', freeBytes, usedBytes: 0, shareCount: 0, accountUsedBytes: 0 }
  return {
    peerId,
    ...{ owner: '', site: '', addresses: [], isLocal: false, problem: undefined },
    status: { ...status, accountQuotaBytes: undefined, accountByteDays: undefined },
    ...more,
  }
}

function record(serverId: string, days: number, more: Partial<ServerRecord> = {}): ServerRecord {
  return {
    serverId,
    firstKnownSeconds: NOW - days * DAY,
    askedCount: 24 * days,
    answeredCount: 24 * days,
    lastAnswerSeconds: NOW,
    ...{ auditsPassed: 0, auditsFailed: 0, wrongBytes: 0 },
    ...more,
  }
}

const peerIds = ['a', 'b', 'c', 'd']

function grid(more: Partial<KeptGrid> = {}): KeptGrid {
  return {
    records: peerIds.map((peerId) => record(peerId, 40)),
    servers: peerIds.map((peerId) => known(peerId)),
    nowSeconds: NOW,
    ...more,
  }
}

function told(kept: KeptGrid, pace = DAILY_REPAIR) {
  return tellRoot({ layouts: [layout(2, peerIds)], otherCount: 0, pace }, kept)
}

describe('tellRoot', () => {
  test('joins what the keeper found with the records of servers', () => {
    const found = told(grid())
    expect(found).toMatchObject({ fileCount: 1, isRepaired: true, isMeasured: true })
    expect(found.evidence).toMatchObject({ serverCount: 4, days: 40, lostCount: 0 })
    expect(found.lossInYear.atMost).toBeLessThan(told(grid(), NO_REPAIR).lossInYear.atMost)
  })

  test('knows owners and sites from the roster', () => {
    const servers = peerIds.map((peerId, index) =>
      known(peerId, { owner: 'anna', site: index < 3 ? 'attic' : 'x' }),
    )
    expect(told(grid({ servers }))).toMatchObject({
      worst: { siteCount: 2 },
      weakest: { places: [{ kind: 'site', owner: 'anna', site: 'attic', serverIds: ['a', 'b', 'c'] }] },
    })
  })

  test('takes nobody for silent who answered the last look, and a silent one for lost in the end', () => {
    // An audit after the look has made one answer later than the others.
    const audited = [
      record('a', 40),
      ...['b', 'c'].map((id) => record(id, 40, { lastAnswerSeconds: NOW - 600 })),
    ]
    const [silent, lost] = [2, 90].map((days) => record('d', 200, { lastAnswerSeconds: NOW - days * DAY }))
    if (silent === undefined || lost === undefined) throw new Error('no records')
    const loss = (last: ServerRecord) => told(grid({ records: [...audited, last] })).lossInYear.expected
    expect(loss(record('d', 200))).toBeLessThan(loss(silent))
    expect(loss(silent)).toBeLessThan(loss(lost))
    expect(told(grid({ records: [...audited, lost] })).evidence.lostCount).toBe(1)
  })

  test('goes by what is usual where there are no records, and says so', () => {
    const found = told(grid({ records: [] }))
    expect(found).toMatchObject({ isMeasured: false, evidence: { serverCount: 0, days: 0 } })
    expect(found.lossInYear.atMost).toBeGreaterThan(told(grid()).lossInYear.atMost)
  })

  test('asks owners of full servers for room, by their disk or by the own quota there', () => {
    const full = ['e', 'f'].map((peerId) => known(peerId, {}, 1000))
    const spent = known('g')
    const status = spent.status && { ...spent.status, accountUsedBytes: 10, accountQuotaBytes: 20 }
    const servers = [...grid().servers, ...full, { ...spent, status }]
    const changes = told(grid({ servers })).advice.map(({ change }) => change)
    expect(changes).toContainEqual({ kind: 'lend-more', serverIds: ['e', 'f', 'g'] })
  })
})

describe('tellPut', () => {
  const numbers = { neededShares: 2, happyServers: 3, totalShares: 4 }

  test('places as a put would, on servers that answer and have room', () => {
    const servers = [...grid().servers, known('e', { status: undefined }), known('f', {}, 1000)]
    const found = tellPut(numbers, { ...grid({ servers }), pace: NO_REPAIR })
    expect(found).toMatchObject({
      fileCount: 1,
      isRepaired: false,
      worst: { foundShares: 4, serverCount: 4, siteCount: 4 },
    })
    expect(found?.lossInYear).toEqual(found?.lossUnrepaired)
  })

  test('says nothing where a put would fail', () => {
    const servers = grid().servers.slice(0, 2)
    expect(tellPut(numbers, { ...grid({ servers }), pace: NO_REPAIR })).toBeUndefined()
  })
})
