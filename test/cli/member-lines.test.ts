import { describe, expect, test } from 'vitest'
import { describeExpulsion, describeMembers, describeOwnMembership } from '../../cli/member-lines.ts'

const MEMBER = {
  peerId: '12D3KooWBob',
  name: 'bob',
  roles: ['client', 'server'],
  quotaBytes: 50_000_000_000,
  expiresAtSeconds: Date.UTC(2027, 10, 28) / 1000,
  isRenewed: true,
  inviteDepth: 1,
  invitedBy: { peerId: '12D3KooWAnn', name: 'ann' },
  isSelf: false,
  isAnnounced: true,
}

describe('members as people read them', () => {
  test('one line for each, who invited whom, and who is gone', () => {
    const ann = {
      ...MEMBER,
      name: 'ann',
      peerId: '12D3KooWAnn',
      invitedBy: undefined,
      quotaBytes: undefined,
      isSelf: true,
    }
    const guest = { ...MEMBER, name: '', roles: ['client'], isRenewed: false, inviteDepth: 0 }
    const expelled = [
      { peerId: '12D3KooWEve', name: 'eve', by: undefined, atSeconds: Date.UTC(2026, 0, 2) / 1000 },
      { peerId: '12D3KooWMal', name: 'mal', by: { peerId: '12D3KooWAnn', name: 'ann' }, atSeconds: 0 },
    ]
    const text = describeMembers({ gridId: 'abcdefghijklmnopqrst', members: [ann, MEMBER, guest], expelled })
    expect(text.split('\n')).toEqual([
      'grid abcdefghijklmnop…: 3 members',
      "ann  12D3KooWAnn  client, server; no limit; until 2027-11-28, renewed; may invite; the founder's own machine (this one)",
      'bob  12D3KooWBob  client, server; 50 GB on each server; until 2027-11-28, renewed; may invite; invited by ann',
      '-    12D3KooWBob  client; 50 GB on each server; until 2027-11-28; invited by ann',
      'eve  12D3KooWEve  expelled 2026-01-02 by the founder',
      'mal  12D3KooWMal  expelled 1970-01-01 by ann',
    ])
  })

  test('names of others move no cursor', () => {
    const name = '\u001b[2Jbob'
    expect(describeMembers({ gridId: '', members: [{ ...MEMBER, name }], expelled: [] })).not.toContain(
      '\u001b',
    )
    expect(describeExpulsion({ peerId: 'x', name, fallen: [], told: 0, missed: [] })).not.toContain('\u001b')
  })

  test('an expulsion names who fell with it, and who has not heard', () => {
    const report = {
      peerId: '12D3KooWBob',
      name: 'bob',
      told: 1,
      missed: ['12D3KooWOff'],
      fallen: [{ peerId: 'x', name: 'carol' }],
    }
    expect(describeExpulsion(report).split('\n')).toEqual([
      'expelled: bob; this node and one other server know it now',
      '1 did not answer, and hear of it when they come back:',
      '  12D3KooWOff',
      'with it these lose their place, whom it had invited; others can invite them anew:',
      '  carol',
    ])
  })

  test('a home is told what it is', () => {
    expect(describeOwnMembership(undefined)).toContain('open')
    const own = { ...MEMBER, gridId: 'abcdefghijklmnopqrst', problem: undefined }
    expect(describeOwnMembership(own)).toBe(
      'abcdefghijklmnop…; here bob (client, server), until 2027-11-28, renewed',
    )
    expect(describeOwnMembership({ ...own, problem: 'it expired' })).toContain('NOT ADMITTED: it expired')
  })
})
