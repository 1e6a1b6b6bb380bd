/** `cairn get`: a file or a range of it, into a file that appears only when it is whole, or onto standard output. */
import { isatty } from 'node:tty'
import { InvalidInputError } from '#crypto'
import { type GridFiles, parseInclusiveRange } from '#gateway'
import { type ByteRange, type Download, whileOpen } from '#node'
import type { CommandContext } from '../context.ts'
import { requireFile } from '../copy/directory-stack.ts'
import { formatFailures, formatTransfer } from '../describe.ts'
import { EXIT_DONE } from '../exit-code.ts'
import { type GridPlace, parsePlace, requireGrid } from '../grid-path.ts'
import type { GetArgs } from '../invocation.ts'
import { Lookup } from '../lookup.ts'
import { writeOut } from '../stdout.ts'
import { TargetFile } from '../target-file.ts'

const STDOUT = 1

export async function get(args: GetArgs, context: CommandContext): Promise<number> {
  const place = requireGrid(parsePlace(args.source))
  // What can be told without the grid is told before it is asked, and before a draft is made.
  if (place.path.length === 0) requireFile(await context.roots.read(place))
  const range = args.range === undefined ? undefined : parseInclusiveRange(args.range)
  if (args.target === '-' && isatty(STDOUT)) {
    throw new InvalidInputError('standard output is a terminal: name a file, or redirect it')
  }
  const target = args.target === '-' ? undefined : await TargetFile.open(args.target, { replace: args.force })
  try {
    return await whileOpen(await context.openFiles(), (files) =>
      getFrom(files, args, { place, range, target, context }),
    )
  } finally {
    await target?.[Symbol.asyncDispose]()
  }
}

async function getFrom(
  files: GridFiles,
  args: GetArgs,
  parts: {
    readonly place: GridPlace
    readonly range: ByteRange | undefined
    readonly target: TargetFile | undefined
    readonly context: CommandContext
  },
): Promise<number> {
  const { place, range, target, context } = parts
  const { output, signal } = context
  const lookup = new Lookup(files, context)
  const { capability, label } = await lookup.find(place)
  const startedAt = performance.now()
  const { onWarning } = lookup
  const download = await files.get(requireFile(capability, label), { range, signal, onWarning })
  const sizeBytes = await receive(download, target, context)
  signal.throwIfAborted()
  await target?.finish()
  const milliseconds = performance.now() - startedAt
  output.note(`got ${formatTransfer(sizeBytes, milliseconds)}`)
  const failures = download.failures()
  if (failures.length > 0) output.note(`read around failures: ${formatFailures(failures)}`)
  if (args.json) {
    const { fileSizeBytes } = download
    const { start, end } = download.range
    const file = target?.path
    await output.result(
      { file, sizeBytes, fileSizeBytes, start, end, failures, seconds: milliseconds / 1000 },
      '',
    )
  }
  return EXIT_DONE
}

async function receive(
  download: Download,
  target: TargetFile | undefined,
  { output, signal }: CommandContext,
): Promise<number> {
  const total = download.range.end - download.range.start
  let done = 0
  try {
    for await (const bytes of download.content) {
      signal.throwIfAborted()
      await (target === undefined ? writeOut(bytes) : target.append(bytes))
      done += bytes.length
      output.progress({ done, total }, { label: 'getting', unit: 'bytes' })
    }
  } finally {
    await download.close()
  }
  return done
}
