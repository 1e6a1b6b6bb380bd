/**
 * `npm run e2e:tree [-- COUNT]`: a tree of so many files (10,000) by the commands that a user has. It is copied onto a
 * grid of ten server processes; three servers are destroyed with their disks; a check says what is missing; a repair
 * with nothing but the verify capability of the directory, from the home of somebody else, mends it; three more
 * servers are destroyed, and every byte is read back. In the end: how long each step took, and `N passed, 0 failed`.
 */
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { z } from 'zod'
import { cairn, type Ended, GridProcess, invite, type ReadyServer } from '../support/cairn-process.ts'

const FILES_PER_FOLDER = 100
const LARGEST_FILE_BYTES = 12_000
const LOST_SERVERS = 3

const summary = z.object({
  things: z.int(),
  healthy: z.int(),
  missing: z.int(),
  unrecoverable: z.int(),
  repaired: z.int(),
  made: z.int(),
  notHealthy: z.array(z.object({ kind: z.string(), foundCount: z.int(), wantedCount: z.int() })),
})
type Summary = z.output<typeof summary>

/** Of ten replicas: what a record must be on to be changed. */
const QUORUM = 7

const count = Number(process.argv[2] ?? 10_000)
const folder = await mkdtemp(join(tmpdir(), 'cairn-tree-'))
let passed = 0
let grid: GridProcess | undefined
try {
  await main()
  console.log(`${passed} passed, 0 failed`)
} catch (error) {
  console.error(error)
  console.log(`${passed} passed, 1 failed`)
  process.exitCode = 1
} finally {
  await grid?.stop()
  await rm(folder, { recursive: true, force: true })
}

async function main(): Promise<void> {
  const source = join(folder, 'source')
  const sizeBytes = await makeTree(source)
  const written = await digestsOf(source)
  console.log(
    `${count} files, ${(sizeBytes / 1e6).toFixed(1)} MB, in ${Math.ceil(count / FILES_PER_FOLDER)} folders`,
  )
  const dir = join(folder, 'grid')
  grid = await GridProcess.start(dir, ['--servers', '10'])
  const home = ['--home', grid.client]

  await step('alias create', async () => done(await cairn(['alias', 'create', 'home', ...home])))
  await step('cp -r onto the grid', async () => done(await cairn(['cp', '-r', source, 'home:tree', ...home])))
  await step('check --deep: all is well', async () => {
    const report = summaryOf(done(await cairn(['check', '--deep', 'home:tree', '--json', ...home])))
    want(report.things > count, `more than ${count} things checked, found ${report.things}`)
    want(report.healthy === report.things, `${report.things} healthy, found ${report.healthy}`)
  })
  const verifyCap = await step('share --verify', async () => {
    const text = done(await cairn(['share', '--verify', 'home:tree', ...home]))
      .stdout.toString()
      .trim()
    want(/^cairn:dir-verify:/.test(text), 'a capability that only verifies')
    return text
  })

  grid = await step(`${LOST_SERVERS} servers destroyed, and as many new ones`, async () =>
    replaceServers(dir),
  )
  const capability = join(folder, 'verify.cap')
  await writeFile(capability, verifyCap)
  const friend = await friendOf(grid.servers)
  await step('check --deep: says what is missing', async () => {
    const report = summaryOf(done(await cairn(['check', '--deep', `@${capability}`, '--json', ...friend])))
    want(report.healthy === 0, `nothing healthy, found ${report.healthy}`)
    want(report.unrecoverable === 0, `nothing lost, found ${report.unrecoverable}`)
    console.log(`    ${told(report)}`)
  })
  await step('repair --deep with the verify capability alone', async () => {
    const report = summaryOf(done(await cairn(['repair', '--deep', `@${capability}`, '--json', ...friend])))
    requireMended(report)
    console.log(`    ${told(report)}`)
  })
  await step('check --deep: all is well again', async () => {
    requireMended(summaryOf(done(await cairn(['check', '--deep', `@${capability}`, '--json', ...friend]))))
  })
  const others = grid.servers.slice(0, LOST_SERVERS)
  await step(`${LOST_SERVERS} of the servers that never failed killed`, async () => grid?.kill(others))
  await step('cp -r back, and every byte compared', async () => {
    const target = join(folder, 'target')
    done(await cairn(['cp', '-r', 'home:tree', target, ...home]))
    const read = await digestsOf(target)
    want(read.size === written.size, `${written.size} files, found ${read.size}`)
    for (const [name, digest] of written) want(read.get(name) === digest, `${name} as it was`)
  })
}

/** The last servers go with all they hold, and new ones with other keys take their places. */
async function replaceServers(dir: string): Promise<GridProcess> {
  await grid?.stop()
  grid = undefined
  const numbers = Array.from({ length: LOST_SERVERS }, (_, place) => 10 - place)
  for (const number of numbers) await rm(join(dir, `server-${number}`), { recursive: true })
  return GridProcess.start(dir, ['--servers', '10'])
}

/** Somebody else on the same grid, who has no keys of ours. */
async function friendOf(servers: readonly ReadyServer[]): Promise<readonly string[]> {
  const home = ['--home', join(folder, 'friend')]
  const [link = ''] = await invite(servers[0]?.dir ?? '', ['friend'])
  done(await cairn(['join', link, ...home]))
  return home
}

async function makeTree(root: string): Promise<number> {
  let sizeBytes = 0
  for (let number = 0; number < count; number += 1) {
    const place = join(root, `folder ${Math.floor(number / FILES_PER_FOLDER)}`)
    if (number % FILES_PER_FOLDER === 0) await mkdir(place, { recursive: true })
    const content = contentOf(number)
    sizeBytes += content.length
    await writeFile(join(place, `file ${number}`), content)
  }
  return sizeBytes
}

/** From nothing to some kilobytes; no two files alike. */
function contentOf(number: number): Buffer {
  const size = (number * 7919) % LARGEST_FILE_BYTES
  const word = createHash('sha512').update(`${number}`).digest()
  return Buffer.alloc(size, word)
}

async function digestsOf(root: string): Promise<ReadonlyMap<string, string>> {
  const digests = new Map<string, string>()
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    digests.set(
      relative(root, path),
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
    )
  }
  return digests
}

function summaryOf({ stdout }: Ended): Summary {
  return summary.parse(JSON.parse(stdout.toString()))
}

/** The servers that are gone are still known, and some of them are replicas of records, which nothing can stand in for. */
function requireMended({ notHealthy }: Summary): void {
  for (const { kind, foundCount, wantedCount } of notHealthy.filter(
    (thing) => thing.foundCount < thing.wantedCount,
  )) {
    want(
      kind === 'directory' && foundCount >= QUORUM,
      `all of ${wantedCount} found, found ${foundCount} of a ${kind}`,
    )
  }
}

function told({ notHealthy, ...counts }: Summary): string {
  return JSON.stringify({ ...counts, notHealthy: notHealthy.length })
}

function done(ended: Ended): Ended {
  want(ended.code === 0, `exit 0, found ${ended.code}: ${ended.stderr}`)
  return ended
}

function want(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(`wanted: ${what}`)
}

async function step<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
  const startedAt = performance.now()
  const result = await work()
  passed += 1
  console.log(`  ${what}: ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
  return result
}
