/** POST ?t=check of one thing, and ?t=stream-deep-check of all below it (WEB-API.md §9). */
import type { FastifyReply } from 'fastify'
import {
  AssertionError,
  type Capability,
  requireFileVerify,
  toBase32,
  toVerifyCapability,
  type VerifyCapability,
} from '#crypto'
import type { DeepReport } from '#node'
import { requireSlotUpkeep } from '../capabilities.ts'
import { LINES_TYPE } from '../routes/lines.ts'
import type { Arguments } from './arguments.ts'
import { LITERAL_RESULTS, repairResults, resultsOfFile, resultsOfReport } from './check-json.ts'
import type { WebPath } from './request-path.ts'
import { thingAt } from './tree.ts'
import { sendPieces, type WebCall, type WebParts } from './web-call.ts'

/** One file, slot or directory, without what is below it; of a tree its root. */
export async function checkAt(call: WebCall, path: WebPath): Promise<object> {
  const { capability } = await thingAt(call, path)
  if (capability.kind === 'lit') return LITERAL_RESULTS
  const verify = toVerifyCapability(capability)
  switch (verify.kind) {
    case 'file-verify':
      return checkFile(call, capability)
    case 'tree-verify':
      return checkTree(call, verify)
    default:
      return checkSlot(call, capability)
  }
}

async function checkFile({ parts, args, signal }: WebCall, one: Capability): Promise<object> {
  const capability = requireFileVerify(one)
  const name = toBase32(capability.storageIndex)
  if (args.truth('repair') === true) {
    const { before, after } = await parts.files.repair(capability, { signal })
    return repairResults(resultsOfFile(name, before), {
      after: resultsOfFile(name, after),
      isHealthy: after.isHealthy,
      wasHealthy: before.isHealthy,
    })
  }
  const isVerify = args.truth('verify') === true
  const report = await parts.files[isVerify ? 'verify' : 'check'](capability, { signal })
  return resultsOfFile(name, report)
}

async function checkSlot({ parts, args, signal }: WebCall, one: Capability): Promise<object> {
  const capability = requireSlotUpkeep(one)
  const before = await parts.files.checkSlot(capability, { signal })
  return mended(args, before, () => parts.files.repairSlot(capability, { signal }))
}

/** Upkeep of trees is of all below them; the root comes first. */
async function checkTree({ parts, args, signal }: WebCall, root: VerifyCapability): Promise<object> {
  const isVerify = args.truth('verify') === true
  const before = await firstOf(parts.files[isVerify ? 'verifyDeep' : 'checkDeep'](root, { signal }))
  return mended(args, before, () => firstOf(parts.files.repairDeep(root, { signal })))
}

/** What was found; and what is after a repair, if one is asked for. What lacks nothing is not repaired. */
async function mended(
  args: Arguments,
  before: DeepReport,
  repair: () => Promise<DeepReport>,
): Promise<object> {
  if (args.truth('repair') !== true) return resultsOfReport(before)
  const after = before.isHealthy ? before : await repair()
  return repairResults(resultsOfReport(before), {
    after: resultsOfReport(after),
    isHealthy: after.isHealthy,
    wasHealthy: before.isHealthy,
  })
}

async function firstOf(reports: AsyncIterable<DeepReport>): Promise<DeepReport> {
  for await (const report of reports) return report
  throw new AssertionError('the root of a tree is reported')
}

/** Everything below, itself included, as the arguments say. */
export function deepReports(
  parts: Pick<WebParts, 'files'>,
  root: Capability,
  options: { readonly args: Arguments; readonly signal: AbortSignal },
): AsyncIterable<DeepReport> {
  const { args, signal } = options
  const verify = toVerifyCapability(root)
  if (args.truth('repair') === true) return parts.files.repairDeep(verify, { signal })
  if (args.truth('verify') === true) return parts.files.verifyDeep(verify, { signal })
  return parts.files.checkDeep(verify, { signal })
}

/** Counts over deep reports; of fixed size, however many there are. */
export class DeepCounts {
  #checked = 0
  #healthy = 0
  #unrecoverable = 0
  #made = 0
  #corrupt = 0

  add({ isHealthy, isRecoverable, madeCount, failures }: DeepReport): void {
    this.#checked += 1
    if (isHealthy) this.#healthy += 1
    if (!isRecoverable) this.#unrecoverable += 1
    this.#made += madeCount
    this.#corrupt += failures.filter(({ code }) => code === 'INTEGRITY').length
  }

  /** Of a repair: what is after it. */
  json() {
    return {
      'count-objects-checked': this.#checked,
      'count-objects-healthy': this.#healthy,
      'count-objects-unhealthy': this.#checked - this.#healthy,
      'count-objects-unrecoverable': this.#unrecoverable,
      'count-shares-made': this.#made,
      'count-corrupt-shares': this.#corrupt,
    }
  }
}

/** Lines of what each thing is like, then one of counts. Names are not seen: a verify capability is enough. */
export async function streamDeepCheck(call: WebCall, path: WebPath): Promise<FastifyReply> {
  const { parts, args, signal } = call
  const { capability: root } = await thingAt(call, path)
  async function* lines(): AsyncGenerator<string, void, undefined> {
    const counts = new DeepCounts()
    for await (const report of deepReports(parts, root, { args, signal })) {
      counts.add(report)
      const { 'storage-index': storageIndex, ...results } = resultsOfReport(report)
      const line = { type: report.kind, 'storage-index': storageIndex, 'check-results': results }
      yield `${JSON.stringify({ ...line, 'count-shares-made': report.madeCount })}\n`
    }
    yield `${JSON.stringify({ type: 'stats', stats: counts.json() })}\n`
  }
  return sendPieces(call, LINES_TYPE, withError(call, lines()))
}

/** Of an answer that has begun, the last line says how it failed. */
export async function* withError(
  { parts, reply }: Pick<WebCall, 'parts' | 'reply'>,
  lines: AsyncIterable<string>,
): AsyncGenerator<string, void, undefined> {
  let hasBegun = false
  try {
    for await (const line of lines) {
      yield line
      hasBegun = true
    }
  } catch (error) {
    if (!hasBegun) throw error
    yield `${JSON.stringify({ type: 'error', error: parts.failureBodyOf(reply, error) })}\n`
  }
}
