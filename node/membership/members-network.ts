/**
 * The network of a grid of members (PROTOCOL §12.3): before the first channel over a connection each side shows its
 * chain, and no channel of anybody who has not is served.
 */
import { GridError } from '#crypto'
import { NotAdmittedError, UnreachableError } from '../errors.ts'
import { CONNECTIONS_MAX, MEMBERSHIP_TALK_MILLISECONDS } from '../limits.ts'
import type { Channel, Clock, Network, PeerId } from '../platform/platform.ts'
import { unlessAborted, within } from '../within.ts'
import type { Membership } from './membership.ts'
import { MEMBERSHIP_PROTOCOL } from './membership-messages.ts'
import { answerMembership, type Issuing, refuseChannel, sayHello } from './membership-talk.ts'

type Cancellable = { readonly signal?: AbortSignal | undefined }

export class MembersNetwork implements Network {
  readonly #network: Network
  readonly #membership: Membership
  readonly #clock: Clock
  /** By connection: chains were exchanged over it, or are just now. */
  #greetings = new WeakMap<object, Promise<void>>()

  constructor(network: Network, membership: Membership, clock: Clock) {
    this.#network = network
    this.#membership = membership
    this.#clock = clock
  }

  get localId(): PeerId {
    return this.#network.localId
  }

  addresses(): readonly string[] {
    return this.#network.addresses()
  }

  sign(bytes: Uint8Array): Promise<Uint8Array> {
    return this.#network.sign(bytes)
  }

  connect(peer: PeerId | undefined, addresses: readonly string[], options?: Cancellable): Promise<PeerId> {
    return this.#network.connect(peer, addresses, options)
  }

  connectionTo(peer: PeerId): object | undefined {
    return this.#network.connectionTo(peer)
  }

  /** @throws NotAdmittedError if either side does not admit the other */
  async openChannel(peer: PeerId, protocol: string, options?: Cancellable): Promise<Channel> {
    await this.#greet(peer, options?.signal)
    return await this.#network.openChannel(peer, protocol, options)
  }

  async serve(protocol: string, handler: (channel: Channel) => Promise<void>): Promise<void> {
    await this.#network.serve(protocol, async (channel) => {
      try {
        this.#membership.requireMember(channel.remoteId)
      } catch (error) {
        if (!(error instanceof NotAdmittedError)) throw error
        return await this.#soon(channel, () => refuseChannel(channel, error))
      }
      return await handler(channel)
    })
  }

  /** What somebody else has begun, and may not keep open for long. */
  async #soon(channel: Channel, work: () => Promise<void>): Promise<void> {
    const limit = { seconds: MEMBERSHIP_TALK_MILLISECONDS / 1000, what: 'a talk about membership' }
    await within(this.#clock, limit, (signal) => whileHeeding(channel, signal, work))
  }

  /** Answer those who show their chains, redeem an invitation, or ask to be renewed. */
  async serveMembership(issuing: Issuing): Promise<void> {
    await this.#network.serve(MEMBERSHIP_PROTOCOL, async (channel) => {
      await this.#soon(channel, () => answerMembership(channel, this.#membership, issuing))
      this.#forgetTheGone()
    })
  }

  /** One conversation over /cairn/membership/1 with a member. @throws UnreachableError, NotAdmittedError… */
  async talk<T>(
    peer: PeerId,
    addresses: readonly string[],
    options: Cancellable & { readonly work: (channel: Channel) => Promise<T> },
  ): Promise<T> {
    await this.#network.connect(peer, addresses, options)
    await this.#greet(peer, options.signal)
    return await this.#converse(peer, { ...options, what: 'a talk about membership' })
  }

  /** Our chain is another one: it is shown again before the next channel of each connection. */
  greetAnew(): void {
    this.#greetings = new WeakMap()
  }

  close(): Promise<void> {
    return this.#network.close()
  }

  async #greet(peer: PeerId, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    this.#membership.requireOwn()
    const connection = this.#network.connectionTo(peer)
    if (connection === undefined) throw new UnreachableError(`${peer} is not connected`, { peer })
    const greetings = this.#greetings
    const known = greetings.get(connection)
    if (known !== undefined) {
      await unlessAborted(known, signal)
      // It may have been expelled since, or its certificate may have run out.
      this.#membership.requireMember(peer)
      return
    }
    // For whoever wants the connection, so it does not end when the first of them turns away.
    const greeting = this.#hello(peer)
    greetings.set(connection, greeting)
    greeting.catch(() => greetings.delete(connection))
    await unlessAborted(greeting, signal)
  }

  async #hello(peer: PeerId): Promise<void> {
    try {
      await this.#converse(peer, {
        what: `showing a certificate to ${peer}`,
        work: (channel) => sayHello(channel, this.#membership),
      })
    } catch (error) {
      if (!(error instanceof UnreachableError) || this.#network.connectionTo(peer) === undefined) throw error
      throw new UnreachableError(`${peer} shows no certificate, as on an open grid: ${error.message}`, {
        peer,
      })
    }
    this.#forgetTheGone()
  }

  async #converse<T>(
    peer: PeerId,
    options: Cancellable & { readonly what: string; readonly work: (channel: Channel) => Promise<T> },
  ): Promise<T> {
    const { what, signal, work } = options
    return await within(
      this.#clock,
      { seconds: MEMBERSHIP_TALK_MILLISECONDS / 1000, what, signal },
      async (limit) => {
        const channel = await this.#network.openChannel(peer, MEMBERSHIP_PROTOCOL, { signal: limit })
        return await whileHeeding(channel, limit, async () => {
          const result = await work(channel)
          await channel.close()
          return result
        })
      },
    )
  }

  /** As many as can be connected at a time are remembered at least, and not many more. */
  #forgetTheGone(): void {
    if (this.#membership.admittedCount <= 2 * CONNECTIONS_MAX) return
    this.#membership.forgetUnless((peer) => this.#network.connectionTo(peer) !== undefined)
  }
}

/** Break the channel off when the signal aborts, or when the work fails. */
async function whileHeeding<T>(channel: Channel, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const abort = () => channel.abort(signal.reason)
  signal.addEventListener('abort', abort)
  try {
    return await work()
  } catch (error) {
    signal.throwIfAborted()
    channel.abort(error instanceof GridError ? error : new UnreachableError('a talk about membership failed'))
    throw error
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
