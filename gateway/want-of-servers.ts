/** What fails for want of servers, and how it is told: nobody is known, or too few for the numbers. */
import {
  fittingNumbers,
  type Node,
  NotEnoughSharesError,
  survivalOf,
  UnhappyError,
  UnreachableError,
} from '#node'

type Surroundings = Pick<Node, 'serverCount' | 'diagnoseBootstrap'>

/**
 * @param cause undefined: nothing has failed yet, and without a server nothing can be known
 * @throws UnreachableError if what failed has failed for want of any server to ask
 */
export async function requireServers(node: Surroundings, cause?: unknown): Promise<void> {
  const isWant = cause === undefined || cause instanceof UnhappyError || cause instanceof NotEnoughSharesError
  if (node.serverCount > 0 || !isWant) return
  const bootstrapProblems = await node.diagnoseBootstrap()
  const why =
    bootstrapProblems.length === 0
      ? 'the configuration names no bootstrap address that leads to one'
      : `no bootstrap address answers: ${bootstrapProblems.join('; ')}`
  throw new UnreachableError(`no server of the grid is known, and ${why}`, { bootstrapProblems }, { cause })
}

/** @throws UnreachableError instead of what the work failed with, if it failed for want of any server */
export async function explained<Result>(node: Surroundings, work: Promise<Result>): Promise<Result> {
  try {
    return await work
  } catch (error) {
    await requireServers(node, error)
    throw error
  }
}

/** @throws UnhappyError with numbers that fit, if work that stores has failed on a grid of too few servers */
export async function withProposal<Result>(
  node: Surroundings,
  happyServers: number,
  work: () => Promise<Result>,
): Promise<Result> {
  const { serverCount } = node
  try {
    return await explained(node, work())
  } catch (error) {
    if (!(error instanceof UnhappyError) || serverCount >= happyServers) throw error
    throw tooSmall(error, serverCount)
  }
}

function tooSmall(cause: UnhappyError, serverCount: number): UnhappyError {
  const proposal = fittingNumbers(serverCount)
  const { neededShares, happyServers, totalShares } = proposal
  return new UnhappyError(
    `${cause.message}; on the ${serverCount} servers known here ${neededShares} of ${totalShares} shares with at ` +
      `least ${happyServers} servers would fit: ${survivalOf(proposal)}`,
    { ...cause.details, serverCount, proposal },
    { cause },
  )
}
