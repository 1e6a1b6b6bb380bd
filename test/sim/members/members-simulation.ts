/**
 * A grid of members over weeks, from one seed: whole nodes that are invited, join, are expelled, lose power and are cut
 * off, while members store and read.
 *
 * At most n - k servers are expelled or gone between two rounds of repair. Checked after each, when the grid has had
 * some minutes of peace: all nodes agree on who is a member; no server carries out anything for who was expelled, after
 * it started again neither; every file that was promised is there; a new put succeeds.
 */
import { createHash } from 'node:crypto'
import {
  equalBytes,
  type FileReadCapability,
  GridError,
  LAYOUT,
  MATRIX,
  openCodec,
  toVerifyCapability,
} from '#crypto'
import { downloadFile, type InviteOptions, NotAdmittedError, repairFile, uploadFile } from '#node'
import { HOME, SimMembers } from '../../support/sim-members.ts'
import { PowerLossError, SimDisk } from '../disk.ts'
import type { SimRandom } from '../sim-random.ts'
import { must } from '../years/broken-promise.ts'
import { Secrets } from '../years/secrets.ts'
import { Member } from './member.ts'

export interface MembersOptions {
  readonly seed: number
  /** Members at the start, the founder among them. */
  readonly memberCount: number
  readonly rounds: number
}

export interface MembersReport {
  readonly trace: string
  readonly counts: ReadonlyMap<string, number>
  readonly faults: ReadonlyMap<string, number>
  readonly broken: Error | undefined
}

const ENCODING = {
  neededShares: 2,
  totalShares: 6,
  matrix: MATRIX.vandermonde,
  layout: LAYOUT.bits,
  segmentSizeBytes: 16 * 1024,
}
const STORING = { encoding: ENCODING, happyServers: 4 }
/** Servers that go between two rounds of repair: h holders less these leave k. */
const GONE_MAX = STORING.happyServers - ENCODING.neededShares
const MEMBERS_LEAST = 7
const FILE_BYTES_MAX = 20_000
const HOUR_MILLISECONDS = 3600 * 1000
/** For announcements and expulsions to go round. */
const PEACE_MILLISECONDS = 240_000
const INVITE: Omit<InviteOptions, 'names'> = {
  roles: ['client', 'server'],
  quotaBytes: undefined,
  endsAtSeconds: undefined,
  inviteDepth: 1,
  validSeconds: 3600,
}

/** @returns the report, whatever came */
export async function simulateMembers(options: MembersOptions): Promise<MembersReport> {
  await openCodec(ENCODING)
  const simulation = new MembersSimulation(options)
  let broken: Error | undefined
  try {
    await simulation.play()
  } catch (error) {
    broken = error instanceof Error ? error : new Error(String(error))
  }
  return simulation.report(broken)
}

interface KeptFile {
  readonly capability: FileReadCapability
  readonly content: Uint8Array
}

class MembersSimulation {
  readonly #options: MembersOptions
  readonly #secrets = new Secrets()
  readonly #sim: SimMembers
  readonly #random: SimRandom
  readonly #trace = createHash('sha256')
  readonly #counts = new Map<string, number>()
  readonly #faultCounts = new Map<string, number>()
  readonly #members: Member[] = []
  readonly #expelled: Member[] = []
  readonly #files: KeptFile[] = []
  /** Since the last repair. */
  #gone = 0
  #nameCount = 0

  constructor(options: MembersOptions) {
    this.#options = options
    this.#sim = new SimMembers(options.seed, {
      onBytes: (bytes) => this.#secrets.search(bytes, 'a message'),
      newDisk: homeDisk,
    })
    this.#random = this.#sim.random.fork()
  }

  play(): Promise<void> {
    return this.#sim.run(async () => {
      const founder = new Member(this.#sim, {
        home: await this.#sim.found(),
        name: 'founder',
        inviter: undefined,
      })
      await founder.start()
      this.#members.push(founder)
      while (this.#members.length < this.#options.memberCount) await this.#invite(founder)
      await this.#settle()
      for (let round = 0; round < this.#options.rounds; round += 1) {
        await this.#sim.clock.leap((1 + this.#random.below(40)) * HOUR_MILLISECONDS)
        await Promise.all([this.#work(), this.#disturb()])
        await this.#settle()
      }
      for (const member of [...this.#members, ...this.#expelled]) await member.stop()
    })
  }

  report(broken: Error | undefined): MembersReport {
    return {
      trace: this.#trace.digest('hex').slice(0, 16),
      counts: new Map([...this.#counts].sort()),
      faults: this.#faultCounts,
      broken,
    }
  }

  /** Members put and read, under faults: it may fail, but only in ways that have a name. */
  async #work(): Promise<void> {
    for (let count = 0; count < 4; count += 1) {
      await this.#sim.clock.sleep(this.#random.below(2000))
      const member = this.#anyUp()
      const what = this.#random.below(2) === 0 ? 'put' : 'get'
      try {
        if (what === 'put') await this.#put(member)
        else await this.#get(member, this.#files[this.#random.below(this.#files.length)])
        this.#note(what)
      } catch (error) {
        // Its own power went: whoever asked is gone as well.
        if (error instanceof PowerLossError && member.node === undefined) this.#note(`${what}: died`)
        else if (error instanceof GridError) this.#note(`${what}: ${error.code}`)
        else throw error
      }
    }
  }

  async #disturb(): Promise<void> {
    for (let count = 1 + this.#random.below(4); count > 0; count -= 1) {
      await this.#sim.clock.sleep(this.#random.below(3000))
      const kind = this.#random.below(4)
      if (kind === 0) await this.#losePower()
      else if (kind === 1) this.#cutOff()
      else if (kind === 2) await this.#expelSomebody()
      else await this.#tryInvite()
    }
  }

  async #losePower(): Promise<void> {
    const member = this.#anyUp()
    this.#fault('power lost by a whole node')
    await member.losePower()
  }

  #cutOff(): void {
    const [one, other] = [this.#anyUp(), this.#anyUp()]
    this.#fault('members cut off from the others')
    this.#sim.world.partition([[], [one.id, other.id]])
  }

  async #tryInvite(): Promise<void> {
    const inviter = this.#anyUp()
    // Its own certificate has room for one more below it, or it is the founder's.
    if (inviter.above.length > 1) return
    try {
      await this.#invite(inviter)
      this.#fault('joined during the run')
    } catch (error) {
      if (!(error instanceof GridError)) throw error
      this.#note(`invite: ${error.code}`)
    }
  }

  async #invite(inviter: Member): Promise<void> {
    this.#nameCount += 1
    const name = `m${this.#nameCount}`
    const inviteDepth = inviter.inviter === undefined ? 1 : 0
    const [made] = await inviter.running.administration.invite({ ...INVITE, inviteDepth, names: [name] })
    const home = await this.#sim.join(made?.link ?? '')
    const member = new Member(this.#sim, { home, name, inviter })
    await member.start()
    this.#members.push(member)
  }

  /** By whoever stands above it. All below it go as well. */
  async #expelSomebody(): Promise<void> {
    const member = this.#members[1 + this.#random.below(this.#members.length - 1)]
    if (member === undefined) return
    const falling = this.#members.filter((other) => other === member || other.above.includes(member))
    const above = member.above.filter(({ node }) => node !== undefined)
    const by = above[this.#random.below(above.length)]
    const isTooMany = this.#gone + falling.length > GONE_MAX
    if (by === undefined || isTooMany || this.#members.length - falling.length < MEMBERS_LEAST) return
    try {
      await by.running.administration.expel(member.id)
    } catch (error) {
      if (!(error instanceof GridError)) throw error
      return this.#note(`expel: ${error.code}`)
    }
    this.#fault('expelled during the run')
    this.#gone += falling.length
    for (const fallen of falling) {
      this.#members.splice(this.#members.indexOf(fallen), 1)
      this.#expelled.push(fallen)
    }
  }

  /** Faults that pass are over; after some peace everything must be as promised. */
  async #settle(): Promise<void> {
    this.#sim.world.heal()
    for (const member of [...this.#members, ...this.#expelled]) {
      if (member.node === undefined)
        await member.start().catch((error: unknown) => this.#refused(member, error))
    }
    await this.#sim.clock.sleep(PEACE_MILLISECONDS)
    this.#requireAgreement()
    await this.#requireRefusals()
    const member = this.#anyUp()
    for (const file of this.#files) {
      await repairFile(member.running.grid, toVerifyCapability(file.capability))
      await this.#get(this.#anyUp(), file)
    }
    this.#gone = 0
    await this.#put(member)
    this.#note('settled')
  }

  #requireAgreement(): void {
    const wanted = this.#members.map(({ id }) => id).sort()
    for (const { name, running } of this.#members) {
      const listed = running.administration.members().members.map(({ peerId }) => peerId)
      must(
        listed.toSorted().join() === wanted.join(),
        'loss',
        `${name} knows ${listed.length} of ${wanted.length} members`,
      )
    }
  }

  /** No server does anything for who was expelled. */
  async #requireRefusals(): Promise<void> {
    for (const outcast of this.#expelled) {
      if (outcast.node === undefined) continue
      const ring = outcast.node.grid.ring(toVerifyCapability(this.#someFile().capability).storageIndex)
      for (const { server, serverId } of ring) {
        if (!this.#members.some(({ id }) => id === serverId)) continue
        const refused = await server.status().then(
          () => false,
          (error: unknown) => error instanceof NotAdmittedError,
        )
        must(refused, 'leak', `an expelled member was served, or not told why it is not`)
        this.#note('refused')
      }
    }
  }

  /** A node that was expelled may hear so as it starts. */
  #refused(member: Member, error: unknown): void {
    if (!(error instanceof NotAdmittedError) || !this.#expelled.includes(member)) throw error
    this.#note('an expelled node did not start')
  }

  async #put(member: Member): Promise<void> {
    const content = this.#secrets.content(this.#random, 1 + this.#random.below(FILE_BYTES_MAX))
    const source = { sizeBytes: content.length, rereadable: true, open: () => once(content) }
    const grid = { ...member.running.grid, random: this.#secrets.marking(this.#random) }
    const { capability } = await uploadFile(grid, source, STORING)
    if (capability.kind !== 'file') throw new Error('a file capability is expected')
    this.#files.push({ capability, content })
  }

  async #get(member: Member, file: KeptFile | undefined): Promise<void> {
    if (file === undefined) return
    const { content } = await downloadFile(member.running.grid, file.capability, {})
    const parts: Uint8Array[] = []
    for await (const bytes of content) parts.push(bytes.slice())
    must(equalBytes(Buffer.concat(parts), file.content), 'wrong bytes', 'a get returned other bytes')
  }

  #someFile(): KeptFile {
    const file = this.#files[0]
    if (file === undefined) throw new Error('there are no files yet')
    return file
  }

  #anyUp(): Member {
    const up = this.#members.filter(({ node }) => node !== undefined)
    const member = up[this.#random.below(up.length)]
    if (member === undefined) throw new Error('no member is up')
    return member
  }

  #note(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1)
    this.#trace.update(`${what} ${this.#sim.clock.elapsed().toFixed(3)}\n`)
  }

  #fault(kind: string): void {
    this.#faultCounts.set(kind, (this.#faultCounts.get(kind) ?? 0) + 1)
    this.#note(`fault: ${kind}`)
  }
}

/** With the folder of a home, durable. */
function homeDisk(): SimDisk {
  const disk = new SimDisk({ capacityBytes: 1e9 })
  void disk.makeFolder(HOME).then(() => disk.syncFolder(''))
  return disk
}

async function* once(content: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield content.slice()
}
