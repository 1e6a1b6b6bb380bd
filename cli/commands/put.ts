/** `cairn put`: a file or a pipe onto the grid; the capability comes out. */
import { open, stat } from 'node:fs/promises'
import { addAbortSignal } from 'node:stream'
import { formatCapability, toVerifyCapability } from '#crypto'
import type { PutOutcome } from '#gateway'
import { fittingNumbers, survivalOf, type UploadProgress, type UploadSource, whileOpen } from '#node'
import type { CommandContext } from '../context.ts'
import { failureLines, formatNumbers, formatTransfer } from '../describe.ts'
import { explain } from '../errno.ts'
import { EXIT_DONE } from '../exit-code.ts'
import type { PutArgs } from '../invocation.ts'

/** One segment of the default encoding: it is then used without being copied. */
const READ_SIZE_BYTES = 1024 * 1024

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
  const outcome = await whileOpen(await context.openFiles(), (files) => files.put(source, options))
  const milliseconds = performance.now() - startedAt
  noteOutcome(outcome, milliseconds, context)
  const capability = formatCapability(outcome.capability)
  await output.result(
    {
      capability,
      verifyCapability:
        outcome.capability.kind === 'lit' ? null : formatCapability(toVerifyCapability(outcome.capability)),
      fileSizeBytes: outcome.fileSizeBytes,
      ...outcome.numbers,
      placements: outcome.placements,
      failures: outcome.failures,
      seconds: milliseconds / 1000,
    },
    capability,
  )
  return EXIT_DONE
}

function noteOutcome(outcome: PutOutcome, milliseconds: number, { output }: CommandContext): void {
  const { numbers, serverCount, failures } = outcome
  if (outcome.capability.kind === 'lit') {
    output.note(`${outcome.fileSizeBytes} bytes fit into the capability itself: nothing was sent`)
    return
  }
  output.note(`put ${formatTransfer(outcome.fileSizeBytes, milliseconds)}; ${formatNumbers(numbers)}`)
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
