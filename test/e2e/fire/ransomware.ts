/**
 * Somebody who has taken over a host with a drop-box: all its files and keys, and the addresses of everything on the
 * grid besides. What he tries he tries by the protocol itself, where a command would refuse.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  asDropPrivateKey,
  asFileRoot,
  asReadKey,
  asSlotSeed,
  asStorageIndex,
  fileReadCapability,
  fromBase32,
  GridError,
  IntegrityError,
  makeSlotRecord,
  nextDropSeed,
  openSlotContent,
  type PublicKey,
  parseSlotRecord,
  type ReadKey,
  type SlotRecord,
  sealDrop,
  slotKeys,
  slotStorageIndex,
  slotWriteCapability,
} from '#crypto'
import {
  type Grid,
  type Node,
  nodeDisk,
  type ShareAddress,
  type SlotAddress,
  type StorageServer,
  silentLog,
  systemRandom,
} from '#node'
import { type DropState, DropStateFile } from '../../../cli/backup/repository/drop-state.ts'
import { sourceOf } from '../../../cli/backup/repository/small-files.ts'
import { Home } from '../../../cli/home.ts'
import { localFiles, openNode } from '../../../cli/session.ts'
import { type ReadyServer, shareFiles } from '../../support/cairn-process.ts'
import { want } from './stage.ts'

const KEY_SIZE_BYTES = 32
const UPDATES_MAX = 1024

/** A share on the disk of a server. */
export interface StoredShare {
  readonly serverId: string
  readonly address: ShareAddress
}

export class Ransomware implements AsyncDisposable {
  readonly state: DropState
  readonly #home: Home
  readonly #node: Node

  private constructor(home: Home, node: Node, state: DropState) {
    this.#home = home
    this.#node = node
    this.state = state
  }

  /** @param home a copy of what was stolen */
  static async begin(home: string): Promise<Ransomware> {
    const stolen = new Home(home)
    const { state } = await DropStateFile.open(nodeDisk, stolen.dropFile)
    const { signal } = new AbortController()
    const node = await openNode(stolen, await stolen.readConfig(), { lends: false, log: silentLog, signal })
    return new Ransomware(stolen, node, state)
  }

  /**
   * End the leases on these shares, and on these slots.
   *
   * @returns for each that is there when the last lease of the host ends, in seconds since 1970 UTC
   */
  async cancelLeases(
    shares: readonly StoredShare[],
    slots: readonly PublicKey[],
  ): Promise<readonly number[]> {
    const ends: number[] = []
    for (const { serverId, server } of this.#servers()) {
      const own = shares.filter((share) => share.serverId === serverId).map(({ address }) => address)
      const addresses: (ShareAddress | SlotAddress)[] = [...own, ...slots.map((publicKey) => ({ publicKey }))]
      for (let start = 0; start < addresses.length; start += UPDATES_MAX) {
        const some = addresses.slice(start, start + UPDATES_MAX)
        const updates = some.map((address) => ({ action: 'cancel', address }) as const)
        for (const outcome of await server.updateLeases(updates)) {
          if (outcome.ok) ends.push(outcome.expiresAtSeconds)
        }
      }
    }
    return ends
  }

  /**
   * Write a newer record into a slot whose key only earlier drops had: that of a drop that stands, with its own
   * signature, and one signed by the key that was stolen.
   *
   * @returns how many servers refused @throws if one took it
   */
  async overwriteSlot(publicKey: PublicKey): Promise<number> {
    const standing = await this.#recordOf(publicKey)
    const { sequence, hash } = standing
    const newer = new Uint8Array(standing.bytes)
    new DataView(newer.buffer).setBigUint64(33, BigInt(sequence + 1))
    const stolen = slotKeys(this.state.seed.reveal())
    const content = { links: Uint8Array.of(0xa0), body: systemRandom.bytes(100) }
    const place = { sequence: sequence + 1, previous: hash }
    const signed = makeSlotRecord({ ...stolen, publicKey }, place, content)
    let refusals = 0
    for (const { server } of this.#servers()) {
      for (const record of [newer, signed.bytes]) {
        const refusal = await server.writeSlot({ record, leaseDurationSeconds: 3600 }).catch(gridError)
        want(refusal instanceof GridError, 'a server that refuses a record of another hand')
        refusals += 1
      }
    }
    return refusals
  }

  /** Try every key that there is on the host, and those that follow from it. @returns whether one opens the drop */
  async opensDrop(publicKey: PublicKey): Promise<boolean> {
    const record = await this.#recordOf(publicKey)
    const { seed, contentKey, ownerKey } = this.state
    const stolen = [seed.reveal(), nextDropSeed(seed.reveal()), contentKey.reveal(), ownerKey]
    return stolen.some((key) => {
      const { readKey } = slotKeys(asSlotSeed(key))
      return [readKey.reveal(), asReadKey(key)].some((tried) => opens(record, tried))
    })
  }

  /** What he can do: put drops after those that stand. One that is none, and one with a pack that is nowhere. */
  async spoilDropBox(): Promise<void> {
    const files = localFiles(this.#home, await this.#home.readConfig(), this.#node)
    const first = this.state.seed.reveal()
    await files.putSlot(slotWriteCapability('slot', first), sourceOf(systemRandom.bytes(500)))
    const second = nextDropSeed(first)
    const nowhere = () =>
      fileReadCapability(
        asReadKey(systemRandom.bytes(KEY_SIZE_BYTES)),
        asFileRoot(systemRandom.bytes(KEY_SIZE_BYTES)),
      )
    const place = { slotKey: slotKeys(second).publicKey, ownerKey: this.state.ownerKey }
    const content = { packs: [nowhere()], index: nowhere() }
    const value = sealDrop(content, place, asDropPrivateKey(systemRandom.bytes(KEY_SIZE_BYTES)))
    await files.putSlot(slotWriteCapability('slot', second), sourceOf(value))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#node[Symbol.asyncDispose]()
  }

  #servers(): readonly { readonly serverId: string; readonly server: StorageServer }[] {
    const grid: Grid = this.#node.grid
    return grid.ring(slotStorageIndex(slotKeys(this.state.seed.reveal()).publicKey))
  }

  async #recordOf(publicKey: PublicKey) {
    for (const { server } of this.#servers()) {
      const [bytes] = await server.readSlots([publicKey])
      if (bytes !== undefined) return parseSlotRecord(bytes)
    }
    throw new Error('no server has the record of a drop')
  }
}

/** Every share that is a file of its own on a server. */
export async function storedShares(servers: readonly ReadyServer[]): Promise<readonly StoredShare[]> {
  const found: StoredShare[] = []
  for (const { dir, peerId: serverId } of servers) {
    for (const path of await shareFiles(dir)) {
      const [index = '', name = ''] = path.split('/').slice(-2)
      const [root = '', shareNumber = ''] = name.split('.')
      const address = {
        storageIndex: asStorageIndex(fromBase32(index)),
        root: asFileRoot(fromBase32(root)),
        shareNumber: Number(shareNumber),
      }
      found.push({ serverId, address })
    }
  }
  return found
}

/** How many of the roots of shares stand in files of a folder: a capability of a file has its root in it. */
export async function rootsIn(folder: string, shares: readonly StoredShare[]): Promise<number> {
  const roots = new Set(shares.map(({ address }) => Buffer.from(address.root).toString('latin1')))
  let found = 0
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const text = (await readFile(join(entry.parentPath, entry.name))).toString('latin1')
    for (const root of roots) if (text.includes(root)) found += 1
  }
  return found
}

function opens(record: SlotRecord, key: ReadKey): boolean {
  try {
    openSlotContent(record, key)
    return true
  } catch (error) {
    if (error instanceof IntegrityError) return false
    throw error
  }
}

function gridError(error: unknown): GridError {
  if (error instanceof GridError) return error
  throw error
}
