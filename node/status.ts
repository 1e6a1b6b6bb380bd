/** What a node knows of itself and of the grid. */
import type { AccountingReport } from './accounting/account-report.ts'
import type { ToldDurability } from './durability/told-safety.ts'
import type { ServerFailure } from './errors.ts'
import type { ShareNumbers } from './fitting-encoding.ts'
import { forEachConcurrently } from './flow.ts'
import { failureOf } from './grid.ts'
import { LOCATE_IN_FLIGHT_MAX, STATUS_ANSWER_SECONDS } from './limits.ts'
import type { Clock, PeerId } from './platform/platform.ts'
import type { ServerStatus, StorageServer } from './storage/server.ts'

/** This node as a member of its grid. */
export interface OwnMembership {
  /** Base32 of the founder's public key. */
  readonly gridId: string
  readonly name: string
  readonly roles: readonly string[]
  readonly inviteDepth: number
  readonly expiresAtSeconds: number
  readonly isRenewed: boolean
  /** Why the certificate does not hold; undefined if it does. */
  readonly problem: string | undefined
}

export interface NodeStatus {
  /** Of the software. */
  readonly version: string
  readonly peerId: PeerId
  /** None: this node only dials. */
  readonly addresses: readonly string[]
  /** Undefined: of an open grid. */
  readonly membership: OwnMembership | undefined
  /** Of a put that says nothing else. */
  readonly numbers: ShareNumbers
  /** Undefined: nothing is lent by this process. */
  readonly lent: ServerStatus | undefined
  /** Who uses it; undefined as above. */
  readonly accounting: AccountingReport | undefined
  /** How safe what is stored from here would be, and what that goes by. */
  readonly durability: ToldDurability
  /** Bootstrap addresses that did not answer, and why. */
  readonly bootstrapProblems: readonly string[]
  /** By peer id. */
  readonly servers: readonly KnownServer[]
}

export interface KnownServer {
  readonly peerId: PeerId
  readonly owner: string
  readonly site: string
  readonly addresses: readonly string[]
  /** This node itself. */
  readonly isLocal: boolean
  /** What it answered just now; undefined if it did not. */
  readonly status: ServerStatus | undefined
  /** Why it did not. */
  readonly problem: string | undefined
}

/** Ask every server at once, and wait for none of them long. */
export async function askServers(
  servers: readonly (Omit<KnownServer, 'status' | 'problem'> & { readonly server: StorageServer })[],
  options: { readonly clock: Clock; readonly signal?: AbortSignal | undefined },
): Promise<readonly KnownServer[]> {
  const known: KnownServer[] = []
  await forEachConcurrently(servers, LOCATE_IN_FLIGHT_MAX, async ({ server, ...found }) => {
    const deadline = options.clock.deadline(STATUS_ANSWER_SECONDS * 1000, {
      what: 'asking for the status',
      signal: options.signal,
    })
    try {
      known.push({ ...found, status: await server.status({ signal: deadline.signal }), problem: undefined })
    } catch (error) {
      options.signal?.throwIfAborted()
      const { message }: ServerFailure = failureOf(found.peerId, error)
      known.push({ ...found, status: undefined, problem: message })
    } finally {
      deadline[Symbol.dispose]()
    }
  })
  return known.sort((left, right) => (left.peerId < right.peerId ? -1 : 1))
}
