/** Whether a node can do its work. Pure. */
import type { NodeHealth } from './meter.ts'

export function nodeHealth(node: {
  readonly isStopping: boolean
  readonly isStorageDamaged: boolean
  /** Why the own certificate does not hold. */
  readonly membershipProblem: string | undefined
  /** Multiaddrs that the configuration wants listened on, and that the network listens on. */
  readonly listen: readonly string[]
  readonly addresses: readonly string[]
}): NodeHealth {
  const problems: string[] = []
  if (node.isStopping) problems.push('the daemon is stopping')
  if (node.isStorageDamaged) {
    problems.push('the index of the storage is damaged: restart the daemon, which repairs it')
  }
  if (node.membershipProblem !== undefined) problems.push(node.membershipProblem)
  if (node.listen.length > 0 && node.addresses.length === 0) {
    problems.push('no peer can reach this node: it listens on no address')
  }
  return { isReady: problems.length === 0, problems }
}
