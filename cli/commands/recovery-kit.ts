/** `cairn recovery-kit`: the page with which all is restored on a bare machine. */
import { hostname } from 'node:os'
import { InvalidInputError, slotKeys, slotReadCapability, WeakCapabilityError } from '#crypto'
import { type Config, NotFoundError, whileOpen } from '#node'
import type { RecoveryKitArgs } from '../backup/invocation.ts'
import { makeKitMember } from '../backup/kit-member.ts'
import { areAllOfThisMachine, chooseMembers } from '../backup/kit-members.ts'
import { kitAsHtml, kitAsText } from '../backup/kit-page.ts'
import { type FoundRepository, findRepository } from '../backup/open.ts'
import { KIT_MEMBERS_MAX, type KitMembership, type RecoveryKit } from '../backup/recovery-kit.ts'
import { REPOSITORY_NAMES } from '../backup/repository/layout.ts'
import { tryKit } from '../backup/try-kit.ts'
import type { CommandContext } from '../context.ts'
import { EXIT_DONE, EXIT_PARTLY } from '../exit-code.ts'
import { printable } from '../names.ts'
import { createPrivateFile } from '../private-file.ts'
import { VERSION } from '../version.ts'

/** @returns 1 if it could not be tried out */
export async function recoveryKit(args: RecoveryKitArgs, context: CommandContext): Promise<number> {
  const { output, home } = context
  const config = await home.readConfig()
  const kit = await whileOpen(await context.openFiles(), async (files): Promise<RecoveryKit> => {
    const found = await findRepository(files, args, context)
    await requireRepository(found, context)
    return {
      repository: granted(found, args.right),
      members: await membersOf(found, { args, config, context }),
      shares: config.encoding,
      madeOn: dateOf(new Date()),
      membership: await membershipOf(args, config, context),
    }
  })
  const problem = await tryKit(kit, context.signal)
  if (problem !== undefined)
    output.warning(`warning: the kit was tried, and does not work from here: ${problem}`)
  const page = { kit, host: hostname(), version: VERSION }
  const isPage = args.output !== undefined && /\.html?$/i.test(args.output)
  const text = isPage ? kitAsHtml(page) : kitAsText(page)
  const { members, madeOn, membership } = kit
  const report = {
    right: args.right,
    members,
    madeOn,
    file: args.output,
    peerId: membership?.chain.peerId,
    isTried: problem === undefined,
  }
  if (args.output === undefined) await output.result({ ...report, kit: text }, text.trimEnd())
  else {
    await createPrivateFile(args.output, text)
    await output.report(report)
  }
  noteKit(kit, args, context)
  return problem === undefined ? EXIT_DONE : EXIT_PARTLY
}

function noteKit({ membership }: RecoveryKit, args: RecoveryKitArgs, { output }: CommandContext): void {
  const right = args.right === 'write' ? 'read and delete' : 'read'
  const keep = 'where no fire takes it together with this machine'
  if (args.output === undefined) output.note(`Whoever has it can ${right} all backups: keep it ${keep}.`)
  else output.note(`${args.output} can ${right} all backups: print it, keep it ${keep}, and remove the file.`)
  if (membership === undefined) return
  const { own, peerId } = membership.chain
  const until = new Date(1000 * own.expiresAtSeconds).toISOString().slice(0, 10)
  output.note(
    `The grid admits it as ${printable(own.name)} until ${until}: make a new one before. If it is lost: ` +
      `cairn expel ${peerId}`,
  )
}

/** Undefined on an open grid, and where nobody can sign for it now: then the kit says what to do. */
async function membershipOf(
  args: RecoveryKitArgs,
  config: Config,
  { home, output, signal }: CommandContext,
): Promise<KitMembership | undefined> {
  if (config.membership !== 'closed') return undefined
  const { right, invitation } = args
  const membership = await makeKitMember(home, { right, invitation, signal })
  if (membership === undefined) {
    output.warning(
      'warning: this home may not invite, so the kit restores only after a member has invited whoever has it; ' +
        'with a link from a member who may (cairn invite --role client), --invitation LINK puts that right',
    )
  }
  return membership
}

/** A kit that leads to no repository would be noticed too late. @throws NotFoundError */
async function requireRepository(found: FoundRepository, { signal }: CommandContext): Promise<void> {
  try {
    await found.files.find(found.capability, [REPOSITORY_NAMES.repository], { signal })
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error
    throw new NotFoundError(
      `${found.label} is a directory, and no repository of backups`,
      {},
      { cause: error },
    )
  }
}

/** @throws WeakCapabilityError */
function granted(
  { capability, label }: FoundRepository,
  right: RecoveryKitArgs['right'],
): RecoveryKit['repository'] {
  if (capability.kind === 'dir-read' && right === 'read') return capability
  if (capability.kind === 'dir') {
    return right === 'write' ? capability : slotReadCapability('dir-read', slotKeys(capability.seed.reveal()))
  }
  throw new WeakCapabilityError(`${label} only reads the repository: leave out --write`)
}

/** @throws InvalidInputError if no member is known: the kit would lead nowhere */
async function membersOf(
  { files }: FoundRepository,
  parts: { readonly args: RecoveryKitArgs; readonly config: Config; readonly context: CommandContext },
): Promise<readonly string[]> {
  const { args, config, context } = parts
  if (args.members.length > KIT_MEMBERS_MAX) {
    throw new InvalidInputError(`a kit has room for ${KIT_MEMBERS_MAX} members, found ${args.members.length}`)
  }
  if (args.members.length > 0) return args.members
  const { servers } = await files.status({ signal: context.signal })
  const members = chooseMembers(config.network.bootstrap, servers)
  if (members.length === 0) {
    throw new InvalidInputError('no member of the grid is known here, and a kit without one leads nowhere', {
      hint: '--member ADDRESS names one, as another member prints it when it starts.',
    })
  }
  if (areAllOfThisMachine(members)) {
    context.output.warning(
      'warning: all members that are known are on this machine: they are lost together with it',
    )
  }
  return members
}

/** Of the calendar here. */
function dateOf(time: Date): string {
  const two = (number: number): string => String(number).padStart(2, '0')
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`
}
