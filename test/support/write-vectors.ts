/** `npm run vectors`: write the vectors that are not there yet, and refuse to change those that are. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { portableBulkCrypto } from '#crypto'
import { makeVectors } from './vectors.ts'

const folder = new URL('../vectors/v1/', import.meta.url)
await mkdir(folder, { recursive: true })
let changedCount = 0
for (const [name, vectors] of Object.entries(await makeVectors(portableBulkCrypto()))) {
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
process.exitCode = changedCount === 0 ? 0 : 1
