/** The real platform. What stands on libp2p is loaded when a network is opened: it takes longer than all the rest. */
import { nativeBulkCrypto } from './bulk-crypto.ts'
import { systemClock } from './clock.ts'
import { nodeDisk } from './disk.ts'
import type { NetworkOptions } from './network.ts'
import type { Log, Network, Platform } from './platform.ts'
import { systemRandom } from './random.ts'
import { openSegmentWorkers } from './segment-workers.ts'

/** The platform before the node has opened its network, which wants a key and addresses. */
export interface NodePlatform extends Omit<Platform, 'network'> {
  openNetwork(options: NetworkOptions): Promise<Network>
}

export function systemPlatform(log: Log): NodePlatform {
  return Object.freeze({
    clock: systemClock,
    random: systemRandom,
    disk: nodeDisk,
    bulk: nativeBulkCrypto,
    coder: openSegmentWorkers(),
    log,
    async openNetwork(options: NetworkOptions) {
      const { openNetwork } = await import('./network.ts')
      return openNetwork(options)
    },
  })
}
