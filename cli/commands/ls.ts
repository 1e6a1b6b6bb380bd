/** `cairn ls`: what is in a directory, or a line for a file. */
import { isatty } from 'node:tty'
import type { GridFiles } from '#gateway'
import { type DirectoryCapability, isDirectory, whileOpen } from '#node'
import type { CommandContext } from '../context.ts'
import { entryJson, type ListedEntry, longLine, shortLine } from '../entry-lines.ts'
import { EXIT_DONE } from '../exit-code.ts'
import type { LsArgs } from '../invocation.ts'
import { Listing } from '../listing.ts'
import { Lookup } from '../lookup.ts'
import { printable } from '../names.ts'

const STDOUT = 1

export async function ls(args: LsArgs, context: CommandContext): Promise<number> {
  return whileOpen(await context.openFiles(), async (files) => {
    const lookup = new Lookup(files, context)
    const found = await lookup.find(args.place)
    const { capability, metadata, name, label } = found
    const listed = isDirectory(capability)
      ? entriesOf(files, capability, { args, lookup, context })
      : single({ path: name ?? label, child: { name: name ?? label, capability, metadata } })
    await (args.json ? printJson(listed, context) : printLines(listed, args, context))
    return EXIT_DONE
  })
}

async function* entriesOf(
  files: GridFiles,
  directory: DirectoryCapability,
  parts: { readonly args: LsArgs; readonly lookup: Lookup; readonly context: CommandContext },
): AsyncGenerator<ListedEntry, void, undefined> {
  const { signal } = parts.context
  const { onWarning } = parts.lookup
  if (!parts.args.recursive) {
    for await (const child of files.list(directory, { signal, onWarning })) yield { path: child.name, child }
    return
  }
  for await (const { path, child } of files.walk(directory, { signal, onWarning })) {
    yield { path: path.join('/'), child }
  }
}

async function* single(entry: ListedEntry): AsyncGenerator<ListedEntry, void, undefined> {
  yield entry
}

async function printJson(listed: AsyncIterable<ListedEntry>, { output }: CommandContext): Promise<void> {
  const entries: object[] = []
  for await (const entry of listed) entries.push(entryJson(entry))
  await output.report(entries)
}

async function printLines(
  listed: AsyncIterable<ListedEntry>,
  args: LsArgs,
  { output }: CommandContext,
): Promise<void> {
  const show = isatty(STDOUT) ? printable : (name: string): string => name
  const line = args.long ? longLine : shortLine
  const listing = new Listing(output, { json: false })
  for await (const entry of listed) await listing.add({}, line(entry, show))
  await listing.flush()
}
