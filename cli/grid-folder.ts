/**
 * The folder of a local grid.
 *
 * | path | what |
 * |---|---|
 * | `grid.json` | the port of each server, in order |
 * | `server-1/` … | the homes of the servers |
 * | `client/` | the home of a client that knows them all |
 * | `lock/` | held by the running `cairn grid` |
 */
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { z } from 'zod'
import { InvalidInputError } from '#crypto'
import {
  CERTIFICATE_SECONDS,
  type Chain,
  ConflictError,
  fittingNumbers,
  issueChain,
  type KeyValueIndex,
  loadOrCreateNodeKey,
  loadOwnChain,
  nodeDisk,
  signerOf,
  systemClock,
} from '#node'
import type { ConfigChoices } from './config-file.ts'
import { explain } from './errno.ts'
import { findFreePorts, isFreePort } from './free-ports.ts'
import { Home } from './home.ts'
import type { NumberArgs } from './invocation.ts'
import { foundHome, makeHome, makeMemberHome } from './make-home.ts'
import { writePrivateFile } from './private-file.ts'

const SERVERS_DEFAULT = 10
const LEND_DEFAULT = '10 GiB'
/** More would add nothing: one that answers knows the others. */
const BOOTSTRAP_MAX = 16

const gridFile = z.strictObject({
  version: z.literal(1),
  ports: z.array(z.int().min(1).max(65_535)).min(1).max(255),
})

export interface GridChoices extends NumberArgs {
  readonly servers: number | undefined
  readonly lend: string | undefined
  /** Without members, if the folder is new. */
  readonly open?: boolean
}

export class GridFolder implements AsyncDisposable {
  readonly servers: readonly Home[]
  readonly client: Home
  readonly #lock: KeyValueIndex

  private constructor(folder: string, serverCount: number, lock: KeyValueIndex) {
    this.servers = Array.from({ length: serverCount }, (_, index) => serverHome(folder, index))
    this.client = new Home(join(folder, 'client'))
    this.#lock = lock
  }

  /**
   * Make the homes that are missing, and see that every server has a port.
   *
   * @throws ConflictError if another process holds the folder; InvalidInputError if something else lies in it, or it
   *   has more servers than are asked for
   */
  static async open(dir: string, choices: GridChoices): Promise<GridFolder> {
    const folder = resolve(dir)
    await mkdir(folder, { recursive: true, mode: 0o700 }).catch(explain('making', folder))
    const lock = await hold(folder)
    try {
      const saved = await readGridFile(folder)
      if (saved === undefined) await requireEmpty(folder)
      const ports = await choosePorts(folder, saved ?? [], choices.servers)
      await writePrivateFile(join(folder, 'grid.json'), `${JSON.stringify({ version: 1, ports })}\n`)
      await makeHomes(folder, ports, choices)
      return new GridFolder(folder, ports.length, lock)
    } catch (error) {
      await lock.close()
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lock.close()
  }
}

function serverHome(folder: string, index: number): Home {
  return new Home(join(folder, `server-${index + 1}`))
}

async function hold(folder: string): Promise<KeyValueIndex> {
  try {
    return await nodeDisk.openIndex(join(folder, 'lock'))
  } catch (cause) {
    if (!(cause instanceof ConflictError)) throw cause
    throw new ConflictError(
      `another cairn grid runs in ${folder}`,
      { hint: 'Stop it, or name another folder.' },
      { cause },
    )
  }
}

async function readGridFile(folder: string): Promise<readonly number[] | undefined> {
  const path = join(folder, 'grid.json')
  const text = await readFile(path, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  try {
    return gridFile.parse(JSON.parse(text)).ports
  } catch (cause) {
    throw new InvalidInputError(`${path} is not what cairn grid writes`, {}, { cause })
  }
}

async function requireEmpty(folder: string): Promise<void> {
  const foreign = (await readdir(folder)).filter((name) => name !== 'lock')
  if (foreign.length === 0) return
  throw new InvalidInputError(
    `${folder} holds something else than a grid: ${foreign.slice(0, 3).join(', ')}`,
    {
      hint: 'Name an empty or a new folder.',
    },
  )
}

/** Ports stay what they were, so that whoever knew the grid finds it again; one that is taken meanwhile is replaced. */
async function choosePorts(
  folder: string,
  saved: readonly number[],
  wanted: number | undefined,
): Promise<readonly number[]> {
  const serverCount = wanted ?? (saved.length === 0 ? SERVERS_DEFAULT : saved.length)
  if (serverCount < saved.length) {
    throw new InvalidInputError(
      `the grid in ${folder} has ${saved.length} servers, and ${serverCount} are asked for`,
      {
        hint: 'Leave --servers out, or ask for more.',
      },
    )
  }
  const spare = [...(await findFreePorts(serverCount))]
  const ports: number[] = []
  const moved = new Map<number, number>()
  for (const port of saved) {
    const now = (await isFreePort(port)) ? port : (spare.pop() ?? port)
    if (now !== port) moved.set(port, now)
    ports.push(now)
  }
  while (ports.length < serverCount) ports.push(spare.pop() ?? 0)
  if (moved.size > 0) await moveInConfigs(folder, saved.length, moved)
  return ports
}

/** Only the ports change: what somebody has edited in a cairn.toml stays. */
async function moveInConfigs(
  folder: string,
  serverCount: number,
  moved: ReadonlyMap<number, number>,
): Promise<void> {
  const homes = Array.from({ length: serverCount }, (_, index) => serverHome(folder, index))
  for (const { configFile } of [...homes, new Home(join(folder, 'client'))]) {
    const text = await readFile(configFile, 'utf8').catch(() => undefined)
    if (text === undefined) continue
    const now = text.replace(/\/tcp\/(\d+)/g, (whole, port) => {
      const other = moved.get(Number(port))
      return other === undefined ? whole : `/tcp/${other}`
    })
    await writePrivateFile(configFile, now)
  }
}

async function makeHomes(folder: string, ports: readonly number[], choices: GridChoices): Promise<void> {
  const addresses = ports.map((port) => `/ip4/127.0.0.1/tcp/${port}`)
  const first = serverHome(folder, 0)
  const client = new Home(join(folder, 'client'))
  // What a folder is it stays, one from before there were members too.
  const isOpen = (await first.exists())
    ? (await loadOwnChain(nodeDisk, first.folder)) === undefined
    : choices.open === true
  const make = async (home: Home, own: ConfigChoices): Promise<void> => {
    if (await home.exists()) return
    const name = basename(home.folder)
    if (isOpen) await makeHome(home, { ...own, membership: 'open' })
    else if (home.folder === first.folder) await foundHome(home, own, name)
    else await makeMemberHome(home, own, (publicKey) => admitted(first, publicKey, name))
  }
  for (const [index, address] of addresses.entries()) {
    await make(serverHome(folder, index), {
      listen: [address],
      bootstrap: addresses.filter((other) => other !== address).slice(0, BOOTSTRAP_MAX),
      lend: choices.lend ?? LEND_DEFAULT,
    })
  }
  const fitting = fittingNumbers(addresses.length)
  await make(client, {
    bootstrap: addresses.slice(0, BOOTSTRAP_MAX),
    needed: choices.needed ?? fitting.neededShares,
    happy: choices.happy ?? fitting.happyServers,
    total: choices.total ?? fitting.totalShares,
  })
}

/** The first server founded the grid, and admits the others without an invitation: all homes are in one hand. */
async function admitted(first: Home, publicKey: Uint8Array, name: string): Promise<Chain> {
  const parent = await loadOwnChain(nodeDisk, first.folder)
  if (parent === undefined) throw new InvalidInputError(`${first.folder} has no certificate`)
  const now = systemClock.now()
  return await issueChain(signerOf(await loadOrCreateNodeKey(first.keyFile)), {
    parent,
    subject: publicKey,
    name,
    serial: now,
    grant: {
      ...parent.own,
      expiresAtSeconds: Math.floor(now / 1000) + CERTIFICATE_SECONDS,
      lifetimeSeconds: CERTIFICATE_SECONDS,
      inviteDepth: 1,
    },
  })
}
