/** `cairn drop`: drop-boxes, for hosts that may only add backups. */
import { readFile, rm, stat } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { assert, formatDropCapability, parseDropCapability } from '#crypto'
import { ConflictError, whileOpen } from '#node'
import { changeAliases, readAliases } from '../alias-file.ts'
import type { DropArgs } from '../backup/invocation.ts'
import { createDropState } from '../backup/repository/drop-session.ts'
import { createRepository } from '../backup/repository/open-repository.ts'
import type { CommandContext } from '../context.ts'
import { explain } from '../errno.ts'
import { EXIT_DONE } from '../exit-code.ts'
import { checkedAlias } from '../grid-path.ts'
import { createPrivateFile } from '../private-file.ts'

export async function drop(args: DropArgs, context: CommandContext): Promise<number> {
  switch (args.action) {
    case 'create':
      return create(args, context)
    case 'accept':
      return accept(args, context)
  }
}

async function create(
  args: Extract<DropArgs, { action: 'create' }>,
  { home, output, signal, openFiles }: CommandContext,
): Promise<number> {
  const name = checkedAlias(args.name)
  const refuseTaken = (book: ReadonlyMap<string, unknown>): void => {
    if (!book.has(name)) return
    throw new ConflictError(`there is an alias ${name} already`, { hint: 'Take another name.' })
  }
  refuseTaken(await readAliases(home))
  if (args.output !== undefined) await refuseFile(args.output)
  const made = await whileOpen(await openFiles(), (files) =>
    createRepository(files, { dropBox: true, signal }),
  )
  assert(made.drop !== undefined, 'a repository that is asked for a drop-box has one')
  await changeAliases(home, (book) => {
    refuseTaken(book)
    book.set(name, made.capability)
  })
  const capability = formatDropCapability(made.drop)
  output.note(
    `${name}: is a new repository, which takes backups through its drop-box alone. Its capability is in ` +
      `${home.aliasFile} and nowhere else: cairn recovery-kit --repository ${name}: --output kit.html keeps it.`,
  )
  if (args.output === undefined) await output.result({ name, capability }, capability)
  else {
    await createPrivateFile(args.output, `${capability}\n`)
    await output.report({ name, file: args.output })
  }
  const file = args.output ?? 'FILE'
  output.note(
    `The drop-box is for one host, once. Bring it there, and there: cairn drop accept @${file}; rm ${file}. ` +
      'Then remove it here: it is not shown again.',
  )
  return EXIT_DONE
}

/** Before anything is made. @throws ConflictError */
async function refuseFile(path: string): Promise<void> {
  if ((await stat(path).catch(() => undefined)) === undefined) return
  throw new ConflictError(`writing ${path}: it exists already`)
}

async function accept(
  args: Extract<DropArgs, { action: 'accept' }>,
  { home, output }: CommandContext,
): Promise<number> {
  await home.readConfig()
  const capability = parseDropCapability((await readDrop(args.source)).trim())
  // What is replaced leads nowhere any more; the owner has all that was dropped with it.
  if (args.force) await rm(home.dropFile, { force: true })
  await createDropState(capability, home.dropFile)
  output.note(
    'cairn backup PATH puts into the drop-box from now on. Remove what held it: this host has all that it needs, and ' +
      'with each drop it forgets what would lead to the drops before.',
  )
  await output.report({ accepted: true })
  return EXIT_DONE
}

/** Itself, or where it is kept. */
async function readDrop(source: string): Promise<string> {
  if (source === '-' || source === '@-') return text(process.stdin)
  if (!source.startsWith('@')) return source
  const path = source.slice(1)
  return readFile(path, 'utf8').catch(explain('reading', path))
}
