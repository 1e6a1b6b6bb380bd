import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { equalBytes, InvalidInputError, Secret } from '#crypto'
import {
  formatInvitation,
  INVITATION_LENGTH_MAX,
  type Invitation,
  parseInvitation,
} from '../../../node/membership/invitation.ts'
import { signer } from '../../support/members.ts'

const TOKEN = Uint8Array.from({ length: 16 }, (_, index) => index)

function invitation(changed: Partial<Invitation> = {}): Invitation {
  return {
    gridId: signer(1).publicKey,
    inviter: signer(2).publicKey,
    addresses: ['/ip4/192.0.2.7/tcp/4001'],
    token: new Secret(TOKEN),
    ...changed,
  }
}

describe('the link of an invitation', () => {
  test('is read as it was made, and its token prints as a secret', () => {
    const text = formatInvitation(invitation())
    expect(text).toMatch(/^cairn:invite:[a-z2-7]+$/)
    const read = parseInvitation(text)
    expect(read).toMatchObject({ addresses: ['/ip4/192.0.2.7/tcp/4001'] })
    expect(equalBytes(read.token.reveal(), TOKEN)).toBe(true)
    expect(JSON.stringify(read)).toContain('[secret]')
  })

  test('fits with four of the longest addresses, and no more', () => {
    const addresses = Array.from({ length: 4 }, (_, index) => `/dns4/${'x'.repeat(112)}${index}/tcp/4001`)
    expect(formatInvitation(invitation({ addresses })).length).toBeLessThanOrEqual(INVITATION_LENGTH_MAX)
    for (const wrong of [
      [...addresses, '/ip4/1.2.3.4/tcp/1'],
      [],
      ['/ip4/1.2.3.4/tcp/1/p2p/12D3'],
      ['nonsense'],
    ]) {
      expect(() => formatInvitation(invitation({ addresses: wrong }))).toThrow(InvalidInputError)
    }
  })

  test('is refused with any one letter changed, and no error quotes it (property)', () => {
    const text = formatInvitation(invitation())
    const letters = 'abcdefghijklmnopqrstuvwxyz234567:A '
    fc.assert(
      fc.property(fc.nat({ max: text.length - 1 }), fc.constantFrom(...letters), (index, letter) => {
        const changed = text.slice(0, index) + letter + text.slice(index + 1)
        if (changed === text) return
        try {
          parseInvitation(changed)
          expect.unreachable()
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidInputError)
          expect(String(error)).not.toContain(text.slice(20, 60))
        }
      }),
    )
    expect(() => parseInvitation(text.slice(0, -1))).toThrow(InvalidInputError)
    expect(() => parseInvitation(`${text}\n`)).toThrow(InvalidInputError)
    expect(() => parseInvitation('cairn:invite:')).toThrow(InvalidInputError)
  })

  test('of any text is read or refused, and never anything else (property)', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz234567') }), (rest) => {
        expect(() => parseInvitation(`cairn:invite:${rest}`)).toThrow(InvalidInputError)
      }),
    )
  })
})
