/** `cairn run --install-service`: the daemon of a home, started by systemd from now on. */
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { InvalidInputError } from '#crypto'
import type { CommandContext } from '../context.ts'
import { EXIT_DONE } from '../exit-code.ts'
import type { RunArgs } from '../invocation.ts'
import { SERVICE_HEAD, serviceCommands, serviceUnit } from '../service-unit.ts'
import { enable, unitFolder, verifyUnits, writeUnits } from '../systemd.ts'
import { shellText } from '../unit-text.ts'

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
  const folder = unitFolder(isSystem)
  const commands = serviceCommands(isSystem, folder)
  const report = { folder, units: [unit], undo: commands.undo.map(shellText) }
  output.note(`# ${join(folder, unit.fileName)}\n${unit.text}`)
  if (print) {
    await output.report({ ...report, installed: false })
    return EXIT_DONE
  }
  await writeUnits(folder, [unit], {
    head: SERVICE_HEAD,
    rename: 'Move that one away, or write ours by hand: --print shows it.',
  })
  await verifyUnits(folder, [unit], output)
  const failure = await enable(commands.enable)
  if (failure === undefined)
    output.note(`${unit.fileName} is on; its log: journalctl ${isSystem ? '' : '--user '}-u cairn`)
  else {
    const lines = commands.enable.map((command) => `  ${shellText(command)}`).join('\n')
    output.warning(`the unit is written, and not turned on: ${failure}\nThis does it:\n${lines}`)
  }
  if (!isSystem) output.note('To run it while you are not logged in: loginctl enable-linger')
  output.note(`To undo it all:\n${commands.undo.map((command) => `  ${shellText(command)}`).join('\n')}`)
  await output.report({ ...report, installed: true, enabled: failure === undefined })
  return EXIT_DONE
}
