/** Who is let in: peers with an Ed25519 key, over either handshake, and nobody else (PROTOCOL §2). */
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2pOptions } from 'libp2p'
import { describe, expect, onTestFinished, test } from 'vitest'
import { UnreachableError } from '../../../node/errors.ts'
import { silentLog } from '../../../node/platform/log.ts'
import { openNetwork } from '../../../node/platform/network.ts'
import { temporaryNodeKey } from '../../../node/platform/node-key.ts'

const PROTOCOL = '/cairn/test/1'

/** A libp2p node that is not ours. */
async function stranger(privateKey: PrivateKey, encrypters: Libp2pOptions['connectionEncrypters']) {
  const node = await createLibp2p({
    privateKey,
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    ...(encrypters === undefined ? {} : { connectionEncrypters: encrypters }),
    streamMuxers: [yamux()],
    connectionGater: { denyDialMultiaddr: () => false },
  })
  onTestFinished(() => Promise.resolve(node.stop()))
  return node
}

async function ours() {
  const network = await openNetwork({ key: temporaryNodeKey(), log: silentLog })
  onTestFinished(() => network.close())
  const served: string[] = []
  await network.serve(PROTOCOL, async ({ remoteId }) => void served.push(remoteId))
  return { network, served }
}

describe.each([
  ['TLS', [tls()]],
  ['Noise', [noise()]],
])('a peer over %s', (_, encrypters) => {
  test.each(['RSA', 'secp256k1'] as const)('with an %s key is served nothing', async (type) => {
    const { network, served } = await ours()
    const foreign = await stranger(await generateKeyPair(type), encrypters)
    const [address = ''] = network.addresses()
    const dial = foreign.dialProtocol(multiaddr(address), PROTOCOL)
    await expect(dial).rejects.toThrow()
    expect(served).toEqual([])
    const [back] = foreign.getMultiaddrs()
    const withoutId = back?.toString().replace(/\/p2p\/.*$/, '') ?? ''
    await expect(network.connect(undefined, [withoutId])).rejects.toThrow(UnreachableError)
  })

  test('with an Ed25519 key is served', async () => {
    const { network, served } = await ours()
    const peer = await stranger(await generateKeyPair('Ed25519'), encrypters)
    const [address = ''] = network.addresses()
    const stream = await peer.dialProtocol(multiaddr(address), PROTOCOL)
    await expect.poll(() => served, { interval: 5 }).toEqual([peer.peerId.toString()])
    stream.abort(new Error('the test is over'))
  })
})
