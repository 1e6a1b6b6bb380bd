/** `cairn alias`: names for capabilities. */
import { type Capability, formatCapability } from '#crypto'
import { ConflictError, NotFoundError, whileOpen } from '#node'
import { isLastWriter } from '../alias-book.ts'
import { changeAliases, readAliases } from '../alias-file.ts'
import type { CommandContext } from '../context.ts'
import { EXIT_DONE } from '../exit-code.ts'
import { checkedAlias, parsePlace, requireGrid } from '../grid-path.ts'
import type { AliasArgs } from '../invocation.ts'
import { Lookup } from '../lookup.ts'

export async function alias(args: AliasArgs, context: CommandContext): Promise<number> {
  switch (args.action) {
    case 'add':
      return add(args, context)
    case 'create':
      return create(args, context)
    case 'list':
      return list(args, context)
    case 'rm':
      return remove(args, context)
  }
}

async function add(args: Extract<AliasArgs, { action: 'add' }>, context: CommandContext): Promise<number> {
  const name = checkedAlias(args.name)
  const capability = await capabilityOf(args.source, context)
  await changeAliases(context.home, (book) => {
    if (!args.force) refuseTaken(book, name)
    book.set(name, capability)
  })
  await context.output.report({ name, kind: capability.kind })
  return EXIT_DONE
}

async function capabilityOf(source: string, context: CommandContext): Promise<Capability> {
  const place = requireGrid(parsePlace(source === '-' ? '@-' : source))
  if (place.path.length === 0) return context.roots.read(place)
  return whileOpen(
    await context.openFiles(),
    async (files) => (await new Lookup(files, context).find(place)).capability,
  )
}

async function create(
  args: Extract<AliasArgs, { action: 'create' }>,
  context: CommandContext,
): Promise<number> {
  const { home, output, signal } = context
  const name = checkedAlias(args.name)
  refuseTaken(await readAliases(home), name)
  await whileOpen(await context.openFiles(), async (files) => {
    const capability = await files.makeDirectory({ signal })
    await changeAliases(home, (book) => {
      refuseTaken(book, name)
      book.set(name, capability)
    })
  })
  output.note(
    `${name}: is a new directory. Its capability is in ${home.aliasFile} and nowhere else: keep a copy ` +
      `(cairn alias list --show), or what is in it is lost with this machine.`,
  )
  await output.report({ name, kind: 'dir' })
  return EXIT_DONE
}

async function list(
  { show }: Extract<AliasArgs, { action: 'list' }>,
  { home, output }: CommandContext,
): Promise<number> {
  const aliases = [...(await readAliases(home))]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, capability]) => ({
      name,
      kind: capability.kind,
      ...(show ? { capability: formatCapability(capability) } : {}),
    }))
  const width = Math.max(0, ...aliases.map(({ name }) => name.length))
  const lines = aliases.map(
    ({ name, kind, capability }) => `${`${name}:`.padEnd(width + 1)}  ${capability ?? kind}`,
  )
  if (aliases.length === 0) {
    output.note('no aliases; cairn alias create home makes a directory and the first one')
    await output.report([])
  } else await output.result(aliases, lines.join('\n'))
  return EXIT_DONE
}

async function remove(
  args: Extract<AliasArgs, { action: 'rm' }>,
  { home, output }: CommandContext,
): Promise<number> {
  const name = checkedAlias(args.name)
  await changeAliases(home, (book) => {
    if (!book.has(name)) throw new NotFoundError(`there is no alias ${name}`)
    if (isLastWriter(book, name) && !args.force) {
      throw new ConflictError(
        `no other alias can write what ${name} stands for: without a copy of its capability nobody could, ever again`,
        { hint: 'cairn alias list --show has it; --force takes the alias away all the same.' },
      )
    }
    book.delete(name)
  })
  await output.report({ removed: name })
  return EXIT_DONE
}

/** @throws ConflictError */
function refuseTaken(book: ReadonlyMap<string, Capability>, name: string): void {
  if (!book.has(name)) return
  throw new ConflictError(`there is an alias ${name} already`, { hint: 'Take another name.' })
}
