/** Bodies that become files or slots (WEB-API.md §7). */
import type { Capability, ReadCapability, SlotWriteCapability } from '#crypto'
import { ConflictError, type UploadSource, whileOpen } from '#node'
import { numbersOf } from '../routes/request.ts'
import type { Arguments } from './arguments.ts'
import { PreconditionFailedError } from './refusal.ts'
import type { WebCall } from './web-call.ts'

/** A number of bytes goes with it: directories tell it of their children. */
export interface Stored {
  readonly capability: ReadCapability | SlotWriteCapability
  /** Undefined of a slot: it changes without its directory. */
  readonly sizeBytes: number | undefined
}

/** What the arguments ask for: a file, or a slot that can be written again. @throws InvalidInputError */
function storesSlot(args: Arguments): boolean {
  const format = args.oneOf('format', ['chk', 'sdmf', 'mdmf'])
  return format === undefined ? args.truth('mutable') === true : format !== 'chk'
}

/**
 * Store a body.
 *
 * @param slot written in place of what it holds; undefined: a new file or slot, as the arguments say
 */
export async function store(
  { parts, signal }: WebCall,
  source: UploadSource,
  options: {
    readonly args: Arguments
    readonly slot?: SlotWriteCapability | undefined
    readonly ifVersion?: string | undefined
  },
): Promise<Stored> {
  const { args, slot, ifVersion } = options
  const numbers = numbersOf({
    needed: args.whole('needed'),
    happy: args.whole('happy'),
    total: args.whole('total'),
  })
  const bindingLease = args.truth('binding-lease')
  if (slot !== undefined || storesSlot(args)) {
    const acceptRollback = args.truth('accept-rollback')
    const put = { numbers, bindingLease, acceptRollback, ifVersion, signal }
    return {
      capability: await putConditionally(parts.files.putSlot(slot, source, put), ifVersion),
      sizeBytes: undefined,
    }
  }
  const convergent = args.truth('convergent') === true
  const put = { numbers, bindingLease, convergent, signal }
  if (!convergent) return storedOf(await parts.files.put(source, put))
  const spooled = await parts.spool.keep(source.open())
  return storedOf(await whileOpen(spooled, () => parts.files.put(spooled, put)))
}

/** A client that named a version hears that another one stands, as if it had been there from the start. */
async function putConditionally<Result>(
  put: Promise<Result>,
  ifVersion: string | undefined,
): Promise<Result> {
  try {
    return await put
  } catch (error) {
    if (ifVersion === undefined || !(error instanceof ConflictError)) throw error
    throw new PreconditionFailedError({
      message: `header If-Match: ${error.message}`,
      wanted: 'the version that it names',
      found: 'another version, written meanwhile',
      where: 'header If-Match',
    })
  }
}

function storedOf(outcome: { readonly capability: ReadCapability; readonly fileSizeBytes: number }): Stored {
  return { capability: outcome.capability, sizeBytes: outcome.fileSizeBytes }
}

/** The slot itself, if that is what stands there. */
export function slotOf(capability: Capability | undefined): SlotWriteCapability | undefined {
  return capability?.kind === 'slot' ? capability : undefined
}
