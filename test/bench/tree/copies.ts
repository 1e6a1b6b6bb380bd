/** Copies of whole folders by the command, and a deep check of what they made. */
import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { formatCapability, toVerifyCapability } from '#crypto'
import { checkDeep, makeDirectory } from '#node'
import type { Home } from '../../../cli/home.ts'
import { ServerProcess } from '../../../cli/server-process.ts'
import { cairn } from '../../support/cairn-process.ts'
import { timed } from '../timing.ts'
import type { BenchClient } from './client.ts'
import { type Amounts, type Measured, nameOf } from './work.ts'

const COPIED_FILE_BYTES = 4096

export async function* measureCopies(
  client: BenchClient,
  { copyFiles, copyRounds }: Amounts,
  { home, folder }: { readonly home: Home; readonly folder: string },
): AsyncGenerator<Measured, void, undefined> {
  const { grid, options } = client
  const root = await makeDirectory(grid, [], options)
  const rootFile = `${folder}/root.cap`
  await writeFile(rootFile, formatCapability(root), { mode: 0o600 })
  const copy = async (how: string): Promise<Measured> => {
    const local = (run: number) => `${folder}/${how} ${run}`
    const timing = await timed(
      { count: copyRounds, atOnce: 1 },
      async (run) => {
        const args = ['cp', '-r', local(run), `@${rootFile}:`, '--home', home.folder]
        const { code, stderr } = await cairn(args)
        if (code !== 0) throw new Error(`cp ended with ${code}: ${stderr}`)
      },
      (run) => makeFiles(local(run), copyFiles),
    )
    return {
      what: `cp -r of ${copyFiles} files of 4 KiB${how}`,
      ...timing,
      perSecond: (copyFiles * 1000) / timing.milliseconds,
    }
  }
  yield await copy('')
  const daemon = await ServerProcess.start(home.folder)
  try {
    yield await copy(', through a daemon')
  } finally {
    await daemon.stop()
  }
  let things = 0
  const check = await client.measure({ count: copyRounds, atOnce: 1 }, async () => {
    things = 0
    for await (const report of checkDeep(client.otherGrid(), toVerifyCapability(root), options)) {
      if (!report.isRecoverable) throw new Error('something cannot be recovered')
      things += 1
    }
  })
  const perSecond = (things * 1000) / check.milliseconds
  yield { what: `deep check of ${things} things`, ...check, perSecond }
}

async function makeFiles(folder: string, count: number): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (let number = 0; number < count; number += 1) {
    await writeFile(`${folder}/${nameOf(number)}`, randomBytes(COPIED_FILE_BYTES))
  }
}
