/** `cairn put`: a file or a pipe onto the grid; the capability comes out, or a name stands for it. */
import { open, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { addAbortSignal } from 'node:stream'
import { type EntryMetadata, formatCapability, type SlotWriteCapability, toVerifyCapability } from '#crypto'
import type { GridFiles, PutOptions, PutOutcome } from '#gateway'
import {
  ConflictError,
  fittingNumbers,
  isDirectory,
  type NamedChild,
  survivalOf,
  type UploadProgress,
  type UploadSource,
  whileOpen,
} from '#node'
import type { CommandContext } from '../context.ts'
import { localEntry } from '../copy/local-tree.ts'
import { metadataOf } from '../copy/plan.ts'
import { failureLines, formatNumbers, formatTransfer } from '../describe.ts'
import { explain } from '../errno.ts'
import { EXIT_DONE } from '../exit-code.ts'
import { parsePlace, requireGrid } from '../grid-path.ts'
import type { PutArgs } from '../invocation.ts'
import { type Destination, Lookup } from '../lookup.ts'

/** One segment of the default encoding: it is then used without being copied. */
const READ_SIZE_BYTES = 1024 * 1024
const MODE_DEFAULT = 0o644

export async function put(args: PutArgs, context: CommandContext): Promise<number> {
  const { output, signal } = context
  const source = args.source === '-' ? stdinSource(signal) : await fileSource(args.source)
  const startedAt = performance.now()
  const options = {
    numbers: { neededShares: args.needed, happyServers: args.happy, totalShares: args.total },
    convergent: args.convergent,
    signal,
    onProgress: ({ doneBytes, totalBytes }: UploadProgress) =>
      output.progress({ done: doneBytes, total: totalBytes }, { label: 'putting', unit: 'bytes' }),
  }
  return whileOpen(await context.openFiles(), async (files) => {
    const lookup = new Lookup(files, context)
    const to = args.target === undefined ? undefined : await targetOf(args, lookup)
    if (args.mutable || to?.slot !== undefined) {
      return putMutable({ args, files, lookup, to, source, options, startedAt }, context)
    }
    const metadata = await metadataNow(args.source)
    const outcome = await files.put(source, options)
    const milliseconds = performance.now() - startedAt
    const { capability, fileSizeBytes } = outcome
    await link(to?.destination, lookup, { capability, metadata: { ...metadata, sizeBytes: fileSizeBytes } })
    noteOutcome(outcome, milliseconds, context)
    await printOutcome(outcome, { path: to?.label, milliseconds, context })
    return EXIT_DONE
  })
}

async function printOutcome(
  outcome: PutOutcome,
  parts: {
    readonly path: string | undefined
    readonly milliseconds: number
    readonly context: CommandContext
  },
): Promise<void> {
  const { path, milliseconds, context } = parts
  const capability = formatCapability(outcome.capability)
  const report = {
    capability,
    verifyCapability:
      outcome.capability.kind === 'lit' ? null : formatCapability(toVerifyCapability(outcome.capability)),
    path,
    fileSizeBytes: outcome.fileSizeBytes,
    ...outcome.numbers,
    placements: outcome.placements,
    sentShareCount: outcome.sentShareCount,
    failures: outcome.failures,
    seconds: milliseconds / 1000,
  }
  // Who has a path needs no capability, and one that is printed is one that is seen.
  await (path === undefined ? context.output.result(report, capability) : context.output.report(report))
}

/** Where a put goes: a name, or a mutable file that is there. */
interface PutTarget {
  readonly label: string
  readonly destination: Destination | undefined
  readonly slot: SlotWriteCapability | undefined
}

async function targetOf(args: PutArgs, lookup: Lookup): Promise<PutTarget> {
  const place = requireGrid(parsePlace(args.target ?? ''))
  if (place.path.length === 0) {
    const { capability, label } = await lookup.find(place)
    if (capability.kind === 'slot') return { label, destination: undefined, slot: capability }
  }
  const name = args.source === '-' ? undefined : basename(args.source)
  const destination = await lookup.destination(place, { name })
  const { existing, label } = destination
  if (existing !== undefined && isDirectory(existing.capability)) {
    throw new ConflictError(`${label} is a directory`, { hint: 'Take another name.' })
  }
  if (existing?.capability.kind === 'slot-read') {
    throw new ConflictError(`${label} is a mutable file that may not be written with what is held here`, {
      hint: 'Take another name, or cairn rm this one first.',
    })
  }
  const slot = existing?.capability.kind === 'slot' ? existing.capability : undefined
  return { label, destination, slot }
}

async function putMutable(
  parts: {
    readonly args: PutArgs
    readonly files: GridFiles
    readonly lookup: Lookup
    readonly to: PutTarget | undefined
    readonly source: UploadSource
    readonly options: PutOptions
    readonly startedAt: number
  },
  { output }: CommandContext,
): Promise<number> {
  const { args, files, lookup, to, source, options, startedAt } = parts
  const metadata = await metadataNow(args.source)
  let sizeBytes = 0
  async function* read(): AsyncGenerator<Uint8Array, void, undefined> {
    sizeBytes = 0
    for await (const bytes of source.open()) {
      sizeBytes += bytes.length
      yield bytes
    }
  }
  const { numbers, onProgress } = options
  const { onWarning } = lookup
  const slotOptions = { ...lookup.writing, numbers, onProgress, onWarning }
  const made = await files.putSlot(to?.slot, { ...source, open: read }, slotOptions)
  await link(to?.destination, lookup, { capability: made, metadata: { ...metadata, sizeBytes } })
  const milliseconds = performance.now() - startedAt
  const what = to?.slot === undefined ? 'put, mutable:' : 'replaced the content:'
  output.note(`${what} ${formatTransfer(sizeBytes, milliseconds)}`)
  const capability = formatCapability(made)
  const verifyCapability = formatCapability(toVerifyCapability(made))
  const report = {
    capability,
    verifyCapability,
    path: to?.label,
    fileSizeBytes: sizeBytes,
    seconds: milliseconds / 1000,
  }
  await (to === undefined ? output.result(report, capability) : output.report(report))
  return EXIT_DONE
}

async function link(
  destination: Destination | undefined,
  lookup: Lookup,
  child: Omit<NamedChild, 'name'>,
): Promise<void> {
  if (destination === undefined) return
  const { directory, name } = destination
  const change = { kind: 'set', name, ...child, ifExists: 'replace' } as const
  const { warnings } = await lookup.files.edit(directory, [change], lookup.writing)
  warnings.forEach(lookup.onWarning)
}

/** Of the file as it is before it is read: if it changes meanwhile, the next copy sees that it is another. */
async function metadataNow(path: string): Promise<EntryMetadata> {
  const entry = path === '-' ? undefined : await localEntry(path, { follow: true })
  if (entry?.kind === 'file') return metadataOf(entry, entry.sizeBytes)
  return { modifiedAtMilliseconds: Date.now(), user: { mode: MODE_DEFAULT } }
}

function noteOutcome(outcome: PutOutcome, milliseconds: number, { output }: CommandContext): void {
  const { numbers, serverCount, placements, sentShareCount, failures } = outcome
  if (outcome.capability.kind === 'lit') {
    output.note(`${outcome.fileSizeBytes} bytes fit into the capability itself: nothing was sent`)
    return
  }
  if (sentShareCount === 0) output.note('all of it was on the grid already: nothing was sent')
  else output.note(`put ${formatTransfer(outcome.fileSizeBytes, milliseconds)}; ${formatNumbers(numbers)}`)
  const thereCount = placements.length - sentShareCount
  if (sentShareCount > 0 && thereCount > 0) {
    output.note(`${thereCount} of its shares were on the grid already and were not sent`)
  }
  if (serverCount < numbers.totalShares) {
    const fitting = fittingNumbers(serverCount)
    output.note(
      `the grid has ${serverCount} servers for ${numbers.totalShares} shares, so some hold several; ` +
        `--needed ${fitting.neededShares} --happy ${fitting.happyServers} --total ${fitting.totalShares} would fit: ` +
        survivalOf(fitting),
    )
  }
  if (failures.length > 0)
    output.note(['servers that did not hold out:', ...failureLines(failures)].join('\n'))
}

/** A pipe that stands still would not notice the signal by itself. */
function stdinSource(signal: AbortSignal): UploadSource {
  addAbortSignal(signal, process.stdin)
  return { sizeBytes: undefined, rereadable: false, open: () => process.stdin }
}

/** @throws InvalidInputError if it is not there, may not be read, or is a folder */
export async function fileSource(path: string): Promise<UploadSource> {
  const found = await stat(path).catch(explain('putting', path))
  if (found.isDirectory()) explain('putting', path)(Object.assign(new Error('a folder'), { code: 'EISDIR' }))
  await (await open(path, 'r').catch(explain('putting', path))).close()
  const isFile = found.isFile()
  return { sizeBytes: isFile ? found.size : undefined, rereadable: isFile, open: () => readFrom(path) }
}

async function* readFrom(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  const file = await open(path, 'r').catch(explain('putting', path))
  try {
    for (;;) {
      const buffer = new Uint8Array(Buffer.allocUnsafeSlow(READ_SIZE_BYTES).buffer)
      const { bytesRead } = await file.read(buffer, 0, READ_SIZE_BYTES).catch(explain('reading', path))
      if (bytesRead === 0) return
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}
