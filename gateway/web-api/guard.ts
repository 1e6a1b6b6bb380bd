/**
 * Who may ask: decided from the head of a request, before any work (WEB-API.md §2).
 *
 * Browsers send the password of Basic along by themselves, so a page of somebody else could have one ask for it. They
 * also say on whose behalf they ask, which such a page cannot change; whatever is not our own page, or the person at
 * the address bar, is refused. There are no cookies. A name that somebody else's DNS points at us is no name of ours.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { WeakCapabilityError } from '#crypto'
import { isSameText, type Token } from '../token.ts'
import { ForeignRequestError } from './refusal.ts'

/** The status is 401. */
export class UnauthorizedError extends WeakCapabilityError {}

export interface GuardOptions {
  readonly token: Token
  /** Beside those of loopback, lower case, without a port. */
  readonly hostNames: readonly string[]
}

const LOOPBACK_NAMES: readonly string[] = ['127.0.0.1', 'localhost', '[::1]']

/** @throws ForeignRequestError, or UnauthorizedError */
export function requireOwner(headers: IncomingHttpHeaders, options: GuardOptions): void {
  const host = headers.host ?? ''
  if (!isOurHost(host, options.hostNames)) {
    throw new ForeignRequestError({
      message:
        'the Host header names somebody else: 127.0.0.1, localhost, [::1] or one of gateway.names is wanted',
      wanted: '127.0.0.1, localhost, [::1] or one of gateway.names',
      found: 'another name',
      where: 'header Host',
    })
  }
  const { origin, 'sec-fetch-site': site } = headers
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) {
    throw foreign('header Origin', 'another origin')
  }
  if (site !== undefined && site !== 'same-origin' && site !== 'none') {
    throw foreign('header Sec-Fetch-Site', 'cross-site or same-site')
  }
  if (!isSameText(secretOf(headers.authorization ?? ''), options.token.reveal())) {
    throw new UnauthorizedError('the token of daemon.json is wanted, as Bearer or as the password of Basic', {
      wanted: 'the token of daemon.json',
      found: headers.authorization === undefined ? 'nothing' : 'something else',
      where: 'header Authorization',
    })
  }
}

function foreign(where: string, found: string): ForeignRequestError {
  return new ForeignRequestError({
    message: 'a browser asks on behalf of another page; only pages of this address may ask',
    wanted: 'our own origin',
    found,
    where,
  })
}

function isOurHost(host: string, names: readonly string[]): boolean {
  const name = host.toLowerCase().replace(/:\d{1,5}$/, '')
  return LOOPBACK_NAMES.includes(name) || names.includes(name)
}

/** Of Basic the password; the name may be any (RFC 7617). */
function secretOf(authorization: string): string {
  const [, scheme = '', value = ''] = /^(\w+) +(\S+)$/.exec(authorization) ?? []
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return value
    case 'basic': {
      const pair = Buffer.from(value, 'base64').toString('utf8')
      return pair.slice(pair.indexOf(':') + 1)
    }
    default:
      return ''
  }
}
