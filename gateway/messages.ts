/** The JSON that gateway and client exchange (API.md). The server is typed to write it; the client parses it. */
import { z } from 'zod'
import { type Encoding, formatCapability, LAYOUT, MATRIX, type ReadCapability } from '#crypto'
import type { CheckReport, NodeStatus, RepairReport } from '#node'
import { accountingMessage } from './account-messages.ts'
import { durabilityMessage } from './durability-messages.ts'
import type { PutOutcome, WorkProgress } from './files.ts'
import { membershipMessage } from './member-messages.ts'
import { capabilityText, count, errorMessage, failure, maybe, warning } from './message-parts.ts'

const names = z.array(z.string())
const placement = z.object({ shareNumber: count, serverId: z.string() })
const numbers = z.object({ neededShares: count, happyServers: count, totalShares: count })

const serverStatus = z.object({
  version: z.string(),
  freeBytes: count,
  usedBytes: count,
  shareCount: count,
  accountUsedBytes: count,
  accountQuotaBytes: maybe(count),
  accountByteDays: maybe(count),
})

export const statusMessage: z.ZodType<NodeStatus> = z.object({
  version: z.string(),
  peerId: z.string(),
  addresses: names,
  membership: maybe(membershipMessage),
  numbers,
  lent: maybe(serverStatus),
  accounting: maybe(accountingMessage),
  durability: durabilityMessage,
  bootstrapProblems: names,
  servers: z.array(
    z.object({
      peerId: z.string(),
      owner: z.string(),
      site: z.string(),
      addresses: names,
      isLocal: z.boolean(),
      status: maybe(serverStatus),
      problem: maybe(z.string()),
    }),
  ),
})

export const putMessage: z.ZodType<PutOutcome> = z.object({
  capability: capabilityText(
    (capability): capability is ReadCapability => capability.kind === 'lit' || capability.kind === 'file',
    'a capability that reads a file',
  ),
  fileSizeBytes: count,
  placements: z.array(placement),
  sentShareCount: count,
  failures: z.array(failure),
  numbers,
  serverCount: count,
})

/** An outcome as it travels: the capability as text. */
export function putMessageOf(outcome: PutOutcome) {
  return { ...outcome, capability: formatCapability(outcome.capability) }
}

const known = <Value extends number>(table: Readonly<Record<string, Value>>) =>
  z.custom<Value>((value) => Object.values(table).some((one) => one === value))

const encoding: z.ZodType<Encoding> = z.object({
  neededShares: count,
  totalShares: count,
  matrix: known(MATRIX),
  layout: known(LAYOUT),
  segmentSizeBytes: count,
})

export const checkMessage: z.ZodType<CheckReport> = z.object({
  encoding: maybe(encoding),
  fileSizeBytes: maybe(count),
  placements: z.array(placement),
  missing: z.array(count),
  foundCount: count,
  happiness: count,
  isRecoverable: z.boolean(),
  isHealthy: z.boolean(),
  failures: z.array(failure),
  askedCount: count,
})

export const repairMessage: z.ZodType<RepairReport> = z.object({
  before: checkMessage,
  after: checkMessage,
  made: z.array(placement),
  removed: z.array(placement),
  failures: z.array(failure),
})

const progressMessage: z.ZodType<WorkProgress> = z.object({
  stage: z.enum(['verifying', 'repairing']),
  done: count,
  total: count,
})

/** One line of an answer that takes long: progress any number of times, then a result or an error. */
export function lineMessage<Result>(result: z.ZodType<Result>) {
  return z.union([
    z.object({ progress: progressMessage }),
    z.object({ result }),
    z.object({ error: errorMessage }),
  ])
}

/** One line of an answer of many things: things and warnings in any number, then the end or an error. */
export function itemMessage<Item>(item: z.ZodType<Item>) {
  return z.union([
    z.object({ item }),
    z.object({ warning }),
    z.object({ end: z.literal(true) }),
    z.object({ error: errorMessage }),
  ])
}

/** How the stream of a get ended. */
export const outcomeMessage = z.union([
  z.object({ failures: z.array(failure), warnings: z.array(warning) }),
  z.object({ error: errorMessage }),
])

/** Proof that a daemon holds the token of daemon.json, before anything is told to it. */
export const helloMessage = z.object({ proof: z.string() })
