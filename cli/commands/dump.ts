/** `cairn dump`: a file of a snapshot, or a folder as an archive, to standard output. */
import { isatty } from 'node:tty'
import { InvalidInputError } from '#crypto'
import { printablePath, readPath } from '../backup/byte-path.ts'
import type { DumpArgs } from '../backup/invocation.ts'
import { listSnapshots, withReader } from '../backup/open.ts'
import { Problems } from '../backup/problems.ts'
import type { RepositoryReader } from '../backup/repository/types.ts'
import { chooseSnapshot } from '../backup/selection.ts'
import { tarOf } from '../backup/tar.ts'
import { type Spot, spotAt } from '../backup/walk.ts'
import type { CommandContext } from '../context.ts'
import { EXIT_DONE, EXIT_PARTLY } from '../exit-code.ts'
import { writeOut } from '../stdout.ts'

const STDOUT = 1

/** @returns 1 if an archive lacks something */
export async function dump(args: DumpArgs, context: CommandContext): Promise<number> {
  const { output, signal } = context
  const readings = readPath(args.path)
  const problems = new Problems(output)
  return withReader(args, context, async (reader) => {
    const { snapshots } = await listSnapshots(reader, context)
    const { root } = chooseSnapshot(snapshots, args.snapshot, args.filter)
    const spot = await spotAt(reader, root, { readings, signal })
    for await (const bytes of bytesOf(reader, spot, { problems, signal })) {
      signal.throwIfAborted()
      await writeOut(bytes)
    }
    return problems.count > 0 ? EXIT_PARTLY : EXIT_DONE
  })
}

function bytesOf(
  reader: RepositoryReader,
  spot: Spot,
  { problems, signal }: { readonly problems: Problems; readonly signal: AbortSignal },
): AsyncIterable<Uint8Array> {
  const { path, entry, content } = spot
  if (entry?.kind === 'file' && content !== undefined) return reader.readContent(content, { signal })
  if (entry !== undefined && entry.kind !== 'folder') {
    throw new InvalidInputError(`${printablePath(path)} is neither file nor folder, but a ${entry.kind}`)
  }
  if (isatty(STDOUT)) {
    throw new InvalidInputError(
      'a folder is an archive, and standard output a terminal: redirect it, or pipe it to tar',
    )
  }
  return tarOf(reader, spot, { onProblem: problems.add, signal })
}
