/** Units of systemd on this machine: where they stand, and how they are written, looked at and turned on. */
import { execFile } from 'node:child_process'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ConflictError } from '#node'
import type { CommandContext } from './context.ts'
import { errnoOf, explain } from './errno.ts'
import { printable } from './names.ts'
import { draftOf } from './private-file.ts'
import { shellText, type Unit } from './unit-text.ts'

const UNIT_MODE = 0o644
const run = promisify(execFile)

/** @param isSystem of the machine, and not of one user */
export function unitFolder(isSystem: boolean): string {
  if (isSystem) return '/etc/systemd/system'
  const { XDG_CONFIG_HOME } = process.env
  const config = XDG_CONFIG_HOME?.startsWith('/') === true ? XDG_CONFIG_HOME : join(homedir(), '.config')
  return join(config, 'systemd', 'user')
}

/** Units to install, and what is said of it. */
export interface Installation {
  readonly units: readonly Unit[]
  /** Of the machine, and not of one user. */
  readonly isSystem: boolean
  readonly commands: SystemdCommands
  /** Only tell what would be written. */
  readonly printOnly: boolean
  /** `head`: of the first line of what may be replaced; `rename`: how ours gets another name, for people. */
  readonly ours: { readonly head: string; readonly rename: string }
  /** `the unit is`, `the units are`. */
  readonly subject: string
  /** When it is on. */
  readonly success: string
}

export interface SystemdCommands {
  readonly enable: readonly (readonly string[])[]
  readonly undo: readonly (readonly string[])[]
}

/**
 * Show the units, write them, have systemd look at them, turn them on, and say how to undo it. Where it cannot be
 * turned on it says what would do that.
 *
 * @throws ConflictError if something else has one of the names: then nothing is written
 */
export async function installUnits(
  { units, isSystem, commands, printOnly, ours, subject, success }: Installation,
  output: CommandContext['output'],
): Promise<void> {
  const folder = unitFolder(isSystem)
  for (const { fileName, text } of units) output.note(`# ${join(folder, fileName)}\n${text}`)
  const report = { folder, units, undo: commands.undo.map(shellText) }
  if (printOnly) return await output.report({ ...report, installed: false })
  await writeUnits(folder, units, ours)
  await verifyUnits(folder, units, output)
  const failure = await enable(commands.enable)
  if (failure === undefined) output.note(success)
  else
    output.warning(
      `${subject} written, and not turned on: ${failure}\nThis does it:\n${linesOf(commands.enable)}`,
    )
  if (!isSystem) output.note('To run it while you are not logged in: loginctl enable-linger')
  output.note(`To undo it all:\n${linesOf(commands.undo)}`)
  await output.report({ ...report, installed: true, enabled: failure === undefined })
}

function linesOf(commands: readonly (readonly string[])[]): string {
  return commands.map((command) => `  ${shellText(command)}`).join('\n')
}

/**
 * @param ours.head of the first line of what may be replaced
 * @param ours.rename how ours gets another name, for people
 * @throws ConflictError if something else has one of the names: then nothing is written
 */
export async function writeUnits(
  folder: string,
  units: readonly Unit[],
  ours: { readonly head: string; readonly rename: string },
): Promise<void> {
  await mkdir(folder, { recursive: true }).catch(explain('making', folder))
  for (const { fileName } of units) {
    const path = join(folder, fileName)
    const before = await readFile(path, 'utf8').catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return undefined
      return explain('reading', path)(error)
    })
    if (before !== undefined && !before.startsWith(ours.head)) {
      throw new ConflictError(`${path} is there, and not of cairn`, {
        hint: ours.rename,
      })
    }
  }
  for (const { fileName, text } of units) await writeUnit(join(folder, fileName), text)
}

async function writeUnit(path: string, text: string): Promise<void> {
  const draft = draftOf(path)
  try {
    const file = await open(draft, 'wx', UNIT_MODE).catch(explain('writing', path))
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(draft, path).catch(explain('writing', path))
  } finally {
    await rm(draft, { force: true })
  }
}

/** What systemd does not like of them goes out as a warning. */
async function verifyUnits(
  folder: string,
  units: readonly Unit[],
  output: CommandContext['output'],
): Promise<void> {
  const files = units.map(({ fileName }) => join(folder, fileName))
  try {
    const { stderr } = await run('systemd-analyze', ['verify', ...files])
    // It looks at what the units need too, which is not ours.
    for (const line of stderr.split('\n')) if (line.includes(folder)) output.warning(printable(line))
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return
    output.warning(`systemd-analyze verify: ${printable(String(error))}`)
  }
}

/** @returns why it could not be turned on */
async function enable(commands: readonly (readonly string[])[]): Promise<string | undefined> {
  for (const [program = '', ...args] of commands) {
    try {
      await run(program, args)
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return 'there is no systemctl'
      const said =
        typeof error === 'object' && error !== null && 'stderr' in error ? String(error.stderr) : ''
      return printable(said.trim().split('\n').at(-1) ?? '') || String(error)
    }
  }
  return undefined
}
