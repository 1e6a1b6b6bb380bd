/** What fails for want of servers, and how it is told: none is known, too few for the numbers, none that admits. */
import { z } from 'zod'
import {
  fittingNumbers,
  type Node,
  NotAdmittedError,
  NotEnoughSharesError,
  survivalOf,
  UnhappyError,
  UnreachableError,
} from '#node'
import { failure } from './message-parts.ts'

const failureList = z.array(failure)

type Surroundings = Pick<Node, 'serverCount' | 'diagnoseBootstrap'>

/**
 * @param cause undefined: nothing has failed yet, and without a server nothing can be known
 * @throws UnreachableError if what failed has failed for want of any server to ask; NotAdmittedError if those that were
 *   asked for servers do not admit this node
 */
export async function requireServers(node: Surroundings, cause?: unknown): Promise<void> {
  const isWant = cause === undefined || cause instanceof UnhappyError || cause instanceof NotEnoughSharesError
  if (node.serverCount > 0 || !isWant) return
  const problems = await node.diagnoseBootstrap()
  const refused = problems.find((problem) => problem instanceof NotAdmittedError)
  if (refused !== undefined) throw refused
  const bootstrapProblems = problems.map(({ message }) => message)
  const why =
    bootstrapProblems.length === 0
      ? 'the configuration names no bootstrap address that leads to one'
      : `no bootstrap address answers: ${bootstrapProblems.join('; ')}`
  throw new UnreachableError(`no server of the grid is known, and ${why}`, { bootstrapProblems }, { cause })
}

/**
 * @throws UnreachableError instead of what the work failed with, if it failed for want of any server; NotAdmittedError
 *   if no server that was asked admits this node
 */
export async function explained<Result>(node: Surroundings, work: Promise<Result>): Promise<Result> {
  try {
    return await work
  } catch (error) {
    await requireServers(node, error)
    throw withRefusal(error)
  }
}

/** What servers say that do not admit this node is what its owner must know. */
function withRefusal(error: unknown): unknown {
  if (!(error instanceof UnhappyError) && !(error instanceof NotEnoughSharesError)) return error
  const failures = failureList.safeParse(error.details.failures).data ?? []
  const [refused] = failures.filter(({ code }) => code === 'NOT_ADMITTED')
  if (refused === undefined) return error
  const { found } = error.details
  const hasFound = Array.isArray(found) ? found.length > 0 : found !== 0 && found !== undefined
  if (!hasFound && failures.every(({ code }) => code === 'NOT_ADMITTED')) {
    return new NotAdmittedError(refused.message, error.details, { cause: error })
  }
  const Same = error instanceof UnhappyError ? UnhappyError : NotEnoughSharesError
  return new Same(`${error.message}; ${refused.serverId} says: ${refused.message}`, error.details, {
    cause: error,
  })
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
