/** `cairn run --install-service`: the daemon of a home, started by systemd from now on. */
import { userInfo } from 'node:os'
import { InvalidInputError } from '#crypto'
import type { CommandContext } from '../context.ts'
import { EXIT_DONE } from '../exit-code.ts'
import type { RunArgs } from '../invocation.ts'
import { SERVICE_HEAD, serviceCommands, serviceUnit } from '../service-unit.ts'
import { installUnits, unitFolder } from '../systemd.ts'

/**
 * By root for the machine, else for one user.
 *
 * @throws InvalidInputError without a home that can be run; ConflictError if another unit has the name
 */
export async function installService(
  { serviceUser, print }: RunArgs,
  { output, home }: CommandContext,
): Promise<number> {
  const isSystem = process.getuid?.() === 0
  if (!isSystem && serviceUser !== undefined) {
    throw new InvalidInputError('--service-user: only root can run it as somebody else', {
      hint: 'Without it the unit is one of your own systemd, and runs as you.',
    })
  }
  // A broken configuration is better told of here than in the journal.
  await home.readConfig()
  const script = process.argv[1]
  const unit = serviceUnit({
    command: [process.execPath, ...(script === undefined ? [] : [script]), 'run', '--home', home.folder],
    home: home.folder,
    user: isSystem ? (serviceUser ?? userInfo().username) : undefined,
  })
  const commands = serviceCommands(isSystem, unitFolder(isSystem))
  await installUnits(
    {
      units: [unit],
      isSystem,
      commands,
      printOnly: print,
      ours: {
        head: SERVICE_HEAD,
        rename: 'Move that one away, or write ours by hand: --print shows it.',
      },
      subject: 'the unit is',
      success: `${unit.fileName} is on; its log: journalctl ${isSystem ? '' : '--user '}-u cairn`,
    },
    output,
  )
  return EXIT_DONE
}
