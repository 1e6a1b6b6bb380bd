/** A newcomer's side of an invitation (PROTOCOL §12.5). */
import { equalBytes, GridError } from '#crypto'
import { ProtocolError } from '../errors.ts'
import { MEMBERSHIP_TALK_MILLISECONDS } from '../limits.ts'
import { peerIdOfPublicKey } from '../peers/peer-id.ts'
import type { Clock, Network } from '../platform/platform.ts'
import { within } from '../within.ts'
import type { Chain } from './chain.ts'
import type { Invitation } from './invitation.ts'
import { MEMBERSHIP_PROTOCOL } from './membership-messages.ts'
import { redeemToken } from './membership-talk.ts'

/**
 * Have the inviter sign a certificate for this node's key. Asking again with the same key is harmless.
 *
 * @returns a chain that leads to the founder whom the invitation names
 * @throws NotAdmittedError that says why not; UnreachableError; ProtocolError if the inviter signs something else
 */
export async function redeemInvitation(
  invitation: Invitation,
  options: { readonly network: Network; readonly clock: Clock; readonly signal?: AbortSignal | undefined },
): Promise<Chain> {
  const { network, clock, signal } = options
  const inviter = peerIdOfPublicKey(invitation.inviter)
  const limit = {
    seconds: (2 * MEMBERSHIP_TALK_MILLISECONDS) / 1000,
    what: 'redeeming the invitation',
    signal,
  }
  return await within(clock, limit, async (stop) => {
    await network.connect(inviter, invitation.addresses, { signal: stop })
    const channel = await network.openChannel(inviter, MEMBERSHIP_PROTOCOL, { signal: stop })
    const abort = () => channel.abort(stop.reason)
    stop.addEventListener('abort', abort)
    try {
      const chain = await redeemToken(channel, invitation.token.reveal())
      await channel.close()
      const isOurs = chain.peerId === network.localId
      if (!isOurs || !equalBytes(chain.own.gridId, invitation.gridId)) {
        throw new ProtocolError('the inviter has signed a certificate of another member or grid', {
          peer: inviter,
        })
      }
      return chain
    } catch (error) {
      stop.throwIfAborted()
      channel.abort(error instanceof GridError ? error : new ProtocolError('redeeming the invitation failed'))
      throw error
    } finally {
      stop.removeEventListener('abort', abort)
    }
  })
}
