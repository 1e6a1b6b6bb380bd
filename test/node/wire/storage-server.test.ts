/** The storage server's contract over the wire: on the simulated network, and on libp2p over loopback. */
import { systemClock } from '../../../node/platform/clock.ts'
import { silentLog } from '../../../node/platform/log.ts'
import { openNetwork } from '../../../node/platform/network.ts'
import { temporaryNodeKey } from '../../../node/platform/node-key.ts'
import type { Clock, Network, PeerId } from '../../../node/platform/platform.ts'
import type { StorageServer } from '../../../node/storage/server.ts'
import { StorageHandler } from '../../../node/wire/handler.ts'
import { RemoteServer } from '../../../node/wire/remote-server.ts'
import {
  type StorageHarness,
  type StorageHarnessOptions,
  storageServerContract,
} from '../../contracts/storage-server.ts'
import { SimClock } from '../../sim/sim-clock.ts'
import { SimWorld } from '../../sim/sim-network.ts'
import { SimRandom } from '../../sim/sim-random.ts'
import { memoryHarness } from '../../support/storages.ts'

interface Net extends AsyncDisposable {
  readonly server: Network
  readonly clock: Clock
  newClient(): Promise<Network>
}

storageServerContract('remote, over the simulated network', (options) =>
  remoteHarness(options, simulatedNet()),
)
storageServerContract('remote, over libp2p', async (options) => remoteHarness(options, await libp2pNet()))

/** An account for each label: a network of its own, whose peer id the server knows as that account. */
async function remoteHarness(options: StorageHarnessOptions, net: Net): Promise<StorageHarness> {
  const local = await memoryHarness(options)
  const { server, clock } = net
  const clients = new Map<string, Promise<Network>>()
  const accounts = new Map<PeerId, StorageServer>()
  const forAccount = (account: PeerId) => {
    const storage = accounts.get(account)
    if (storage === undefined) throw new Error('a channel from nobody')
    return storage
  }
  const handler = await StorageHandler.open({
    platform: { network: server, clock, log: silentLog },
    storage: { forAccount },
  })
  const remotes: RemoteServer[] = []
  return {
    connect: async (label) => {
      const opening = clients.get(label) ?? net.newClient()
      clients.set(label, opening)
      const client = await opening
      accounts.set(client.localId, await local.connect(label))
      const addresses = () => server.addresses()
      const remote = new RemoteServer({
        platform: { network: client, clock },
        serverId: server.localId,
        addresses,
      })
      remotes.push(remote)
      return remote
    },
    damage: (address, offset) => local.damage(address, offset),
    async [Symbol.asyncDispose]() {
      for (const remote of remotes) remote[Symbol.dispose]()
      await handler[Symbol.asyncDispose]()
      await local[Symbol.asyncDispose]()
      await net[Symbol.asyncDispose]()
    },
  }
}

/** Virtual time goes on by itself here: the suite does not know of it. */
function simulatedNet(): Net {
  const clock = new SimClock()
  const world = new SimWorld({ clock, random: new SimRandom(11) })
  let isOpen = true
  const pump = (async () => {
    while (isOpen) await clock.advance(1)
  })()
  return {
    server: world.node(),
    clock,
    newClient: async () => world.node({ listens: false }),
    async [Symbol.asyncDispose]() {
      isOpen = false
      await pump
    },
  }
}

async function libp2pNet(): Promise<Net> {
  const server = await openNetwork({ key: temporaryNodeKey(), log: silentLog })
  const networks = [server]
  return {
    server,
    clock: systemClock,
    newClient: async () => {
      const client = await openNetwork({ key: temporaryNodeKey(), listen: [], log: silentLog })
      networks.push(client)
      return client
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(networks.map((network) => network.close()))
    },
  }
}
