/** `npm run vectors`: write the vectors that are not there yet, and refuse to change those that are. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { portableBulkCrypto } from '#crypto'
import { makeMembershipVectors } from './membership-vectors.ts'
import { makeVectors } from './vectors.ts'

let changedCount = 0
await write('v1', await makeVectors(portableBulkCrypto()))
await write('membership-v1', await makeMembershipVectors())
process.exitCode = changedCount === 0 ? 0 : 1

async function write(version: string, files: Readonly<Record<string, unknown>>): Promise<void> {
  const folder = new URL(`../vectors/${version}/`, import.meta.url)
  await mkdir(folder, { recursive: true })
  for (const [name, vectors] of Object.entries(files)) {
    const file = new URL(`${name}.json`, folder)
    const text = `${JSON.stringify(vectors, undefined, 1)}\n`
    const stored = await readFile(file, 'utf8').catch(() => undefined)
    if (stored === undefined) {
      await writeFile(file, text)
      console.log(`${name}.json written`)
    } else if (stored === text) {
      console.log(`${name}.json unchanged`)
    } else {
      console.error(
        `${name}.json would change: stored bytes are frozen, so this needs a new version (FORMAT §14)`,
      )
      changedCount += 1
    }
  }
}
