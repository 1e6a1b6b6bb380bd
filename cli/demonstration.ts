/**
 * A grid of ten servers on this machine, a real file onto it, as many servers stopped as the coding allows, the file
 * back from the rest, and the two compared.
 */
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { formatCapability } from '#crypto'
import type { GridFiles, PutOutcome } from '#gateway'
import { silentLog, type UploadSource, whileOpen } from '#node'
import { fileSource } from './commands/put.ts'
import { formatBytes, formatTransfer } from './describe.ts'
import { exitCodeOf, Interrupted } from './exit-code.ts'
import { LocalGrid } from './local-grid.ts'
import { Output } from './output.ts'
import type { ServerProcess } from './server-process.ts'
import { localFiles, openNode } from './session.ts'
import { TargetFile } from './target-file.ts'

const SERVER_COUNT = 10
const DEFAULT_FILE = fileURLToPath(new URL('../package-lock.json', import.meta.url))

const output = new Output({ json: false, quiet: false })

interface Stage {
  readonly files: GridFiles
  readonly servers: readonly ServerProcess[]
  readonly folder: string
  readonly signal: AbortSignal
}

/** @returns whether the bytes came back equal */
async function demo(path: string, signal: AbortSignal): Promise<boolean> {
  const source = await fileSource(path)
  const folder = await mkdtemp(join(tmpdir(), 'cairn-demo-'))
  try {
    say(`Starting ${SERVER_COUNT} servers on this machine, each its own process with its own folder and key.`)
    const startedAt = performance.now()
    const choices = {
      servers: SERVER_COUNT,
      lend: '1 TiB',
      needed: undefined,
      happy: undefined,
      total: undefined,
    }
    return await whileOpen(
      await LocalGrid.open(join(folder, 'grid'), choices),
      async ({ client, servers }) => {
        signal.throwIfAborted()
        const config = await client.readConfig()
        const node = await openNode(client, config, { lends: false, log: silentLog, signal })
        return await whileOpen(localFiles(client, config, node), async (files) => {
          await node.waitForServers(SERVER_COUNT, { signal })
          say(`Ready after ${secondsSince(startedAt)} s.`)
          return await putStopGet(path, source, { files, servers, folder, signal })
        })
      },
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function putStopGet(path: string, source: UploadSource, stage: Stage): Promise<boolean> {
  const { files, servers, folder, signal } = stage
  const size = formatBytes(source.sizeBytes ?? 0)
  say(`\nPutting ${path} (${size}): sealed here, cut into 10 shares of which any 3 rebuild it.`)
  const putAt = performance.now()
  const outcome = await files.put(source, {
    signal,
    onProgress: ({ doneBytes, totalBytes }) =>
      output.progress({ done: doneBytes, total: totalBytes }, { label: 'putting', unit: 'bytes' }),
  })
  const putMilliseconds = performance.now() - putAt
  tellShares(outcome, servers)
  say(
    `  put ${formatTransfer(outcome.fileSizeBytes, putMilliseconds)}, every share durable on its server's disk`,
  )
  say(`\nThe capability. Whoever has it can read the file; nobody without it can, the servers least of all:`)
  say(`  ${formatCapability(outcome.capability)}`)

  await stopServers(outcome, servers)

  say('\nGetting the file back from the rest.')
  const getAt = performance.now()
  const target = await TargetFile.open(join(folder, 'returned'), { replace: false })
  const download = await files.get(outcome.capability, { signal })
  let done = 0
  for await (const bytes of download.content) {
    await target.append(bytes)
    done += bytes.length
    output.progress({ done, total: download.fileSizeBytes }, { label: 'getting', unit: 'bytes' })
  }
  await target.finish()
  const getMilliseconds = performance.now() - getAt
  say(
    `  got ${formatTransfer(outcome.fileSizeBytes, getMilliseconds)}, every byte verified before it was written`,
  )
  return compare(path, target.path)
}

function tellShares(outcome: PutOutcome, servers: readonly ServerProcess[]): void {
  if (outcome.placements.length === 0) {
    say('  So small a file fits into its capability: the servers got nothing.')
  }
  for (const { shareNumber, serverId } of outcome.placements) {
    const number = servers.findIndex(({ peerId }) => peerId === serverId) + 1
    say(`  share ${shareNumber}  ->  server ${String(number).padStart(2)}  ${serverId}`)
  }
}

/** As many as the coding allows, and those with the first shares, which are the file itself: the rest must decode. */
async function stopServers(outcome: PutOutcome, servers: readonly ServerProcess[]): Promise<void> {
  const { neededShares, totalShares } = outcome.numbers
  const holders = outcome.placements.slice(0, totalShares - neededShares).map(({ serverId }) => serverId)
  const stopped = servers.filter(({ peerId }) => holders.includes(peerId))
  if (stopped.length === 0) return
  await Promise.all(stopped.map((server) => server.stop()))
  const numbersOf = (some: readonly ServerProcess[]) =>
    some.map((server) => servers.indexOf(server) + 1).join(', ')
  say(`\nStopped ${stopped.length} of ${servers.length} servers: ${numbersOf(stopped)}.`)
  say(`  Still running: ${numbersOf(servers.filter((server) => !stopped.includes(server)))}.`)
}

async function compare(path: string, returned: string): Promise<boolean> {
  const [before, after] = [await sha256Of(path), await sha256Of(returned)]
  say(`\n  SHA-256 of the file    ${before}`)
  say(`  SHA-256 of what came   ${after}`)
  if (before !== after) {
    say('\nTHEY DIFFER: this must never be. Please report it.')
    return false
  }
  say('\nEqual: the file came back whole.')
  say(`
To keep such a grid (Ctrl-C stops it, and the same command starts it again with its data):
  npx cairn grid --dir ~/cairn-grid
and in another terminal:
  npx cairn put FILE --home ~/cairn-grid/client
  npx cairn get CAPABILITY COPY --home ~/cairn-grid/client
  npx cairn --help`)
  return true
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const bytes of (await fileSource(path)).open()) hash.update(bytes)
  return hash.digest('hex')
}

function secondsSince(startedAt: number): string {
  return ((performance.now() - startedAt) / 1000).toFixed(1)
}

function say(text: string): void {
  output.clear()
  process.stdout.write(`${text}\n`)
}

/** @returns the exit code: 0 only if they are equal */
export async function demonstrate(file: string | undefined): Promise<number> {
  const interrupted = new AbortController()
  const interrupt = (): void => interrupted.abort(new Interrupted())
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  try {
    const isEqual = await demo(resolve(file ?? DEFAULT_FILE), interrupted.signal)
    return isEqual ? 0 : 1
  } catch (error) {
    const cause = interrupted.signal.aborted ? interrupted.signal.reason : error
    await output.failure(cause)
    return exitCodeOf(cause)
  }
}
