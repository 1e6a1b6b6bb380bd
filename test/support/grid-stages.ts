/** The contract of gateway/files.ts over a grid in memory, in both of its implementations. */
import { asConvergenceSecret, concat, InvalidInputError, Secret } from '#crypto'
import { type GridFiles, LocalFiles, openGateway, RemoteFiles } from '#gateway'
import { type Grid, MemoryDisk, type NodeStatus, silentLog, systemRandom, UnreachableError } from '#node'
import { MemoryGrid } from './memory-grid.ts'

export const NUMBERS = { neededShares: 2, happyServers: 4, totalShares: 5 }

export interface Stage {
  readonly grid: MemoryGrid
  readonly files: GridFiles
  /** The server is off the roster, and all that it held is lost. */
  lose(number: number): void
  /** The node keeps what it writes down, and forgets the rest. */
  restart(): void
}

const closing: AsyncDisposable[] = []

export function closeLater(resource: AsyncDisposable): void {
  closing.push(resource)
}

export async function closeStages(): Promise<void> {
  for (const resource of closing.splice(0).reverse()) await resource[Symbol.asyncDispose]()
}

export async function localStage(serverCount: number): Promise<Stage> {
  const grid = await MemoryGrid.open(serverCount)
  closeLater(grid)
  const lost = new Set<string>()
  const status: NodeStatus = {
    version: 'test',
    peerId: 'me',
    addresses: [],
    membership: undefined,
    numbers: NUMBERS,
    lent: undefined,
    accounting: undefined,
    durability: { put: undefined, records: [] },
    bootstrapProblems: ['nobody home'],
    servers: [],
  }
  const { clock, random, log, bulk, slotsSeen } = grid
  let seenGrid: Grid = {
    clock,
    random,
    log,
    bulk,
    slotsSeen,
    ring: () => grid.ring().filter(({ serverId }) => !lost.has(serverId)),
  }
  const node = {
    get grid() {
      return seenGrid
    },
    get serverCount() {
      return serverCount - lost.size
    },
    status: async () => status,
    diagnoseBootstrap: async () => [new UnreachableError('nobody home')],
    get administration(): never {
      throw new InvalidInputError('an open grid')
    },
    [Symbol.asyncDispose]: async () => undefined,
  }
  const secret = new Secret(asConvergenceSecret(new Uint8Array(32).fill(7)))
  const files = new LocalFiles({ node, numbers: NUMBERS, convergenceSecret: async () => secret })
  return {
    grid,
    files,
    lose: (number) => void lost.add(grid.serverId(number)),
    restart: () => {
      seenGrid = { ...seenGrid }
    },
  }
}

export async function remoteStage(serverCount: number): Promise<Stage> {
  const { files, ...stage } = await localStage(serverCount)
  const spool = { disk: new MemoryDisk({ capacityBytes: 1e8 }), folder: '/spool' }
  const gateway = await openGateway({ files, log: silentLog, random: systemRandom, port: 0, spool })
  closeLater(gateway)
  const remote = await RemoteFiles.open({ port: gateway.port, token: gateway.token }, systemRandom)
  closeLater(remote)
  return { ...stage, files: remote }
}

export const STAGES = [
  ['in this process', localStage],
  ['over HTTP', remoteStage],
] as const

export async function collect<Item>(items: AsyncIterable<Item>): Promise<readonly Item[]> {
  const all: Item[] = []
  for await (const item of items) all.push(item)
  return all
}

export async function bytesOf(content: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  return concat(...(await collect(content)))
}
