/**
 * Keeps a roster like everyone else's (PROTOCOL §6.4): meets the bootstrap addresses, announces this node if it is
 * a server, passes on what is new to a few servers drawn by lot, and now and then compares with one of them all
 * there is.
 */
import { GridError } from '#crypto'
import { ProtocolError } from '../errors.ts'
import { forEachConcurrently } from '../flow.ts'
import {
  ANNOUNCE_INTERVAL_MILLISECONDS,
  ANNOUNCEMENT_LIFETIME_SECONDS,
  BOOTSTRAP_RETRY_LEAST_MILLISECONDS,
  BOOTSTRAP_RETRY_MOST_MILLISECONDS,
  EXPULSION_TOLD_IN_FLIGHT_MAX,
  ROSTER_COMPARE_LEAST_MILLISECONDS,
  ROSTER_COMPARE_MOST_MILLISECONDS,
  ROSTER_DOUBTFUL_TALKS_MAX,
  ROSTER_ENTRIES_MAX,
  ROSTER_FANOUT,
  ROSTER_GATHER_MILLISECONDS,
  ROSTER_SAVE_MILLISECONDS,
  ROSTER_TALK_MILLISECONDS,
  ROSTER_TALKS_MAX,
} from '../limits.ts'
import type { Channel, PeerId, Platform } from '../platform/platform.ts'
import { within } from '../within.ts'
import { Acquaintances } from './acquaintances.ts'
import { type AnnouncementBody, signAnnouncement } from './announcement.ts'
import type { AddOutcome, Roster } from './roster.ts'
import { ROSTER_PROTOCOL } from './roster-messages.ts'
import { answerRosterTalk, compareRosters, pushAnnouncements } from './roster-talk.ts'

/** What a server says of itself, beside what the network knows. */
export type SelfDescription = Pick<AnnouncementBody, 'freeBytes' | 'version' | 'failureDomain' | 'chain'>

export interface RosterExchangeOptions {
  readonly platform: Pick<Platform, 'network' | 'clock' | 'random' | 'log'>
  readonly roster: Roster
  /** Multiaddrs of nodes to meet first; with or without /p2p/<peer id>. */
  readonly bootstrap: readonly string[]
  /** Undefined, or it says so: a client, which announces nothing. Asked anew for each announcement. */
  readonly describeSelf?: (() => Promise<SelfDescription | undefined>) | undefined
  /** Called a little after something was added, never twice at once. */
  readonly save?: (() => Promise<void>) | undefined
  /** Called as soon as somebody was expelled: whoever told of it is answered when it is durable. */
  readonly saveExpulsions?: (() => Promise<void>) | undefined
  /** On a grid of members. @throws NotAdmittedError if the peer may not speak of the roster */
  readonly requireAllowed?: ((peer: PeerId) => void) | undefined
}

export class RosterExchange {
  /** Settles once each bootstrap address was tried, or one of them met: what is known then is a fair beginning. */
  readonly firstRound: Promise<void>
  readonly #options: RosterExchangeOptions
  readonly #stop = new AbortController()
  readonly #running = new Set<Promise<void>>()
  readonly #acquaintances = new Acquaintances(() => this.#fraction())
  /** New since the last passing on. */
  #fresh: Uint8Array[] = []
  #isPassingOn = false
  #talkCount = 0
  /** Of them, with peers that were not met or failed last time. */
  #doubtfulTalkCount = 0
  #isSaving = false
  #needsSave = false
  #lastSequence = 0

  private constructor(options: RosterExchangeOptions) {
    this.#options = options
    this.firstRound = this.#meetBootstrap()
  }

  static async open(options: RosterExchangeOptions): Promise<RosterExchange> {
    const exchange = new RosterExchange(options)
    const answer = async (channel: Channel) => {
      await answerRosterTalk(channel, { ...options, take: exchange.#take })
      exchange.#noteTalk(channel.remoteId)
    }
    await options.platform.network.serve(ROSTER_PROTOCOL, answer)
    if (options.describeSelf !== undefined) {
      await exchange.announce()
      exchange.#run(() => exchange.#keepAnnouncing())
    }
    exchange.#run(() => exchange.#keepComparing())
    return exchange
  }

  /** Make and spread a new announcement of this node now, as after its addresses changed. Does nothing on a client. */
  async announce(): Promise<void> {
    const { describeSelf, platform, roster } = this.#options
    if (describeSelf === undefined) return
    const self = await describeSelf()
    if (self === undefined) return
    const now = platform.clock.now()
    this.#lastSequence = Math.max(
      now,
      this.#lastSequence + 1,
      (roster.get(platform.network.localId)?.sequence ?? 0) + 1,
    )
    const announcement = await signAnnouncement(platform.network, {
      ...self,
      addresses: platform.network.addresses(),
      sequence: this.#lastSequence,
      expiresAtSeconds: Math.floor(now / 1000) + ANNOUNCEMENT_LIFETIME_SECONDS,
      isServer: true,
    })
    await this.publish(announcement.bytes)
  }

  /** Take an entry that this node has made, and spread it. An expulsion is durable on return. */
  async publish(bytes: Uint8Array): Promise<void> {
    await this.#add(bytes)
  }

  /**
   * Tell every server that is known, at once and not by lot.
   *
   * @returns those that did not take it now; they hear of it when they next compare
   */
  async tellAll(
    entries: readonly Uint8Array[],
  ): Promise<{ readonly told: number; readonly missed: readonly PeerId[] }> {
    const { platform, roster } = this.#options
    const others = roster.all().filter(({ peerId }) => peerId !== platform.network.localId)
    const missed: PeerId[] = []
    await forEachConcurrently(others, EXPULSION_TOLD_IN_FLIGHT_MAX, async ({ peerId, addresses }) => {
      const isTold = await this.#talk(peerId, addresses, (channel) => pushAnnouncements(channel, entries))
      if (!isTold) missed.push(peerId)
    })
    return { told: others.length - missed.length, missed }
  }

  /** What comes of a talk with whoever is at an address: why there is none, for people. @throws GridError */
  async diagnose(address: string, signal: AbortSignal): Promise<void> {
    await this.#converse({ peer: undefined, addresses: [address] }, signal, (channel) =>
      compareRosters(channel, this.#options.roster, this.#take),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new ProtocolError('the node is stopping'))
    await Promise.all([...this.#running])
    if (this.#needsSave) await this.#options.save?.()
  }

  /** Until one was met: a first server is all it takes, it knows the others. */
  async #meetBootstrap(): Promise<void> {
    const { bootstrap } = this.#options
    if (bootstrap.length === 0) return
    const first = Promise.withResolvers<void>()
    let triedCount = 0
    let hasMet = false
    for (const address of bootstrap) {
      this.#run(async () => {
        let pause = BOOTSTRAP_RETRY_LEAST_MILLISECONDS
        while (!hasMet) {
          const met = await this.#compareWith(undefined, [address])
          hasMet ||= met
          triedCount += 1
          if (hasMet || triedCount >= bootstrap.length) first.resolve()
          if (met) return
          await this.#sleep(pause)
          pause = Math.min(pause * 1.5, BOOTSTRAP_RETRY_MOST_MILLISECONDS)
        }
      })
    }
    await first.promise
  }

  async #keepAnnouncing(): Promise<void> {
    while (true) {
      await this.#sleep(this.#aboutSoLong(ANNOUNCE_INTERVAL_MILLISECONDS))
      await this.announce()
    }
  }

  /**
   * Often at first and after a stranger turned up, then seldom: nobody tells a client what is new, it must ask.
   */
  async #keepComparing(): Promise<void> {
    let pause = ROSTER_COMPARE_LEAST_MILLISECONDS
    while (true) {
      const { roster } = this.#options
      const sizeBefore = roster.size
      const [server] = this.#draw(1)
      if (server !== undefined) await this.#compareWith(server, roster.addressesOf(server))
      const hasGrown = roster.size > sizeBefore
      pause = hasGrown
        ? ROSTER_COMPARE_LEAST_MILLISECONDS
        : Math.min(2 * pause, ROSTER_COMPARE_MOST_MILLISECONDS)
      await this.#sleep(this.#aboutSoLong(pause))
    }
  }

  async #compareWith(peer: PeerId | undefined, addresses: readonly string[]): Promise<boolean> {
    return await this.#talk(peer, addresses, (channel) =>
      compareRosters(channel, this.#options.roster, this.#take),
    )
  }

  /** @throws ProtocolError at the first announcement that no honest peer would have passed on */
  readonly #take = async (announcements: readonly Uint8Array[], channel: Channel): Promise<void> => {
    for (const bytes of announcements) {
      if ((await this.#add(bytes)) !== 'forged') continue
      throw new ProtocolError('a forged announcement', { peer: channel.remoteId })
    }
  }

  async #add(bytes: Uint8Array): Promise<AddOutcome> {
    const outcome = this.#options.roster.add(bytes)
    if (outcome === 'added' || outcome === 'expelled') this.#spread(bytes)
    if (outcome === 'expelled') await this.#options.saveExpulsions?.()
    return outcome
  }

  /** Pass it on a little later, with whatever else is new by then; and write it down. */
  #spread(bytes: Uint8Array): void {
    this.#fresh.push(bytes)
    // What is dropped here is found by comparing.
    if (this.#fresh.length > ROSTER_ENTRIES_MAX) this.#fresh.shift()
    this.#needsSave = true
    if (!this.#isPassingOn) this.#run(() => this.#passOn())
    if (!this.#isSaving && this.#options.save !== undefined) this.#run(() => this.#saveSoon())
  }

  async #passOn(): Promise<void> {
    this.#isPassingOn = true
    try {
      while (this.#fresh.length > 0) {
        await this.#sleep(ROSTER_GATHER_MILLISECONDS)
        if (this.#talkCount >= ROSTER_TALKS_MAX) continue
        const announcements = this.#fresh
        this.#fresh = []
        // Not waited for: a server that is gone must not hold up the others.
        for (const server of this.#draw(ROSTER_FANOUT)) {
          const addresses = this.#options.roster.addressesOf(server)
          this.#run(async () => {
            await this.#talk(server, addresses, (channel) => pushAnnouncements(channel, announcements))
          })
        }
      }
    } finally {
      this.#isPassingOn = false
    }
  }

  async #saveSoon(): Promise<void> {
    this.#isSaving = true
    try {
      while (this.#needsSave) {
        await this.#sleep(ROSTER_SAVE_MILLISECONDS)
        this.#needsSave = false
        await this.#options.save?.()
      }
    } finally {
      this.#isSaving = false
    }
  }

  /** Up to so many servers by lot, never this node. Talks that may come to nothing leave room for the others. */
  #draw(count: number): readonly PeerId[] {
    const { platform, roster } = this.#options
    const others = roster
      .all()
      .map(({ peerId }) => peerId)
      .filter((peer) => peer !== platform.network.localId)
    return this.#acquaintances.draw(others, {
      count,
      soundOnly: this.#doubtfulTalkCount >= ROSTER_DOUBTFUL_TALKS_MAX,
    })
  }

  /** From 0 up to, not including, 1. */
  #fraction(): number {
    const bytes = this.#options.platform.random.bytes(4)
    return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) / 2 ** 32
  }

  /** A quarter more or less, so that nodes started together do not stay in step. */
  #aboutSoLong(milliseconds: number): number {
    return milliseconds * (0.75 + this.#fraction() / 2)
  }

  /** Work in the background, until it ends or the node stops. */
  #run(work: () => Promise<void>): void {
    const running = work()
      .catch((error: unknown) => {
        if (!this.#stop.signal.aborted)
          this.#options.platform.log.error('the roster exchange failed', { error })
      })
      .finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  async #talk(
    peer: PeerId | undefined,
    addresses: readonly string[],
    talk: (channel: Channel) => Promise<void>,
  ): Promise<boolean> {
    const { log } = this.#options.platform
    const isDoubtful = peer !== undefined && !this.#acquaintances.isSound(peer)
    this.#talkCount += 1
    if (isDoubtful) this.#doubtfulTalkCount += 1
    try {
      await this.#converse({ peer, addresses }, this.#stop.signal, talk)
      return true
    } catch (error) {
      if (!(error instanceof GridError)) throw error
      if (peer !== undefined) this.#acquaintances.noteFailure(peer)
      log.debug('no talk about the roster', { peer: peer ?? addresses.join(' '), reason: error.message })
      return false
    } finally {
      this.#talkCount -= 1
      if (isDoubtful) this.#doubtfulTalkCount -= 1
    }
  }

  /** @throws GridError; the signal's reason */
  async #converse(
    { peer, addresses }: { readonly peer: PeerId | undefined; readonly addresses: readonly string[] },
    stop: AbortSignal,
    talk: (channel: Channel) => Promise<void>,
  ): Promise<void> {
    const { network, clock } = this.#options.platform
    const limit = { seconds: ROSTER_TALK_MILLISECONDS / 1000, what: 'a talk about the roster', signal: stop }
    await within(clock, limit, async (signal) => {
      const id = await network.connect(peer, addresses, { signal })
      const channel = await network.openChannel(id, ROSTER_PROTOCOL, { signal })
      const abort = () => channel.abort(signal.reason)
      signal.addEventListener('abort', abort)
      try {
        await talk(channel)
        this.#noteTalk(id)
      } catch (error) {
        channel.abort(error instanceof Error ? error : new Error(String(error)))
        throw error
      } finally {
        signal.removeEventListener('abort', abort)
      }
    })
  }

  /** Only of servers that we know: the others cannot be drawn. */
  #noteTalk(peer: PeerId): void {
    if (this.#options.roster.get(peer) !== undefined) this.#acquaintances.noteTalk(peer)
  }

  #sleep(milliseconds: number): Promise<void> {
    return this.#options.platform.clock.sleep(milliseconds, { signal: this.#stop.signal })
  }
}
