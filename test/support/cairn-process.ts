/** The command `cairn` as a user has it: real processes, their output and how they end. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'

const MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))

export interface Ended {
  /** Exit code, or the name of a signal. */
  readonly code: number | string
  readonly stdout: Buffer
  readonly stderr: string
}

export class CairnProcess {
  readonly child: ChildProcessWithoutNullStreams
  readonly ended: Promise<Ended>
  #stdout: Buffer[] = []
  #stderr = ''

  constructor(
    args: readonly string[],
    options: {
      readonly env?: NodeJS.ProcessEnv
      readonly shell?: string
      /** A command that runs the one given to it, somewhere else. */
      readonly enter?: readonly string[]
    } = {},
  ) {
    const env = { ...process.env, CAIRN_HOME: '/nowhere', ...options.env }
    const [command = '', ...rest] = [...(options.enter ?? []), process.execPath, MAIN, ...args]
    this.child =
      options.shell === undefined
        ? spawn(command, rest, { env })
        : spawn('/bin/sh', ['-c', options.shell, process.execPath, MAIN, ...args], { env })
    this.child.stdin.on('error', () => undefined)
    this.child.stdout.on('data', (bytes: Buffer) => this.#stdout.push(bytes))
    this.child.stderr.on('data', (bytes: Buffer) => {
      this.#stderr += bytes.toString()
    })
    this.ended = once(this.child, 'close').then(([code, signal]: unknown[]) => ({
      code: typeof code === 'number' ? code : String(signal),
      stdout: Buffer.concat(this.#stdout),
      stderr: this.#stderr,
    }))
  }

  get stderr(): string {
    return this.#stderr
  }

  get stdout(): string {
    return Buffer.concat(this.#stdout).toString()
  }

  /** The first line of standard output. @throws if the process ends before */
  async firstLine(): Promise<string> {
    while (!this.stdout.includes('\n')) {
      const ended = await Promise.race([once(this.child.stdout, 'data').then(() => undefined), this.ended])
      if (ended !== undefined && !this.stdout.includes('\n')) {
        throw new Error(`it ended with ${ended.code}: ${ended.stderr}`)
      }
    }
    return this.stdout.split('\n', 1)[0] ?? ''
  }
}

/** Run to the end. The standard input is empty unless given. */
export async function cairn(
  args: readonly string[],
  options: {
    readonly stdin?: Uint8Array | string
    readonly env?: NodeJS.ProcessEnv
    readonly shell?: string
  } = {},
): Promise<Ended> {
  const running = new CairnProcess(args, options)
  running.child.stdin.end(options.stdin ?? '')
  return running.ended
}

/** Run to the end with `--json`, and read the one document that it prints. */
export async function cairnJson<Schema extends z.ZodType>(
  schema: Schema,
  args: readonly string[],
  options: { readonly stdin?: Uint8Array | string } = {},
): Promise<z.output<Schema> & { readonly exitCode: number | string }> {
  const ended = await cairn([...args, '--json'], options)
  const lines = ended.stdout.toString().trim().split('\n')
  if (lines.length !== 1) throw new Error(`one line wanted, found ${lines.length}: ${ended.stderr}`)
  return Object.assign({}, schema.parse(JSON.parse(lines[0] ?? '')), { exitCode: ended.code })
}

const invitedMessage = z.object({ invitations: z.array(z.object({ link: z.string() })) })

/** Links that a running node of that home makes, one for each name. */
export async function invite(home: string, names: readonly string[]): Promise<readonly string[]> {
  const { invitations } = await cairnJson(invitedMessage, ['invite', '--name', ...names, '--home', home])
  return invitations.map(({ link }) => link)
}

const readyMessage = z.strictObject({
  client: z.string(),
  servers: z.array(
    z.strictObject({ pid: z.int(), peerId: z.string(), dir: z.string(), addresses: z.array(z.string()) }),
  ),
})
export type ReadyServer = z.output<typeof readyMessage>['servers'][number]

export class GridProcess implements AsyncDisposable {
  readonly process: CairnProcess
  readonly client: string
  readonly servers: readonly ReadyServer[]

  private constructor(running: CairnProcess, ready: z.output<typeof readyMessage>) {
    this.process = running
    this.client = ready.client
    this.servers = ready.servers
  }

  /** @param enter see CairnProcess */
  static async start(
    dir: string,
    args: readonly string[] = [],
    enter: readonly string[] = [],
  ): Promise<GridProcess> {
    const running = new CairnProcess(['grid', '--dir', dir, '--json', ...args], { enter })
    return new GridProcess(running, readyMessage.parse(JSON.parse(await running.firstLine())))
  }

  /** Kill servers, and wait until they are gone. */
  async kill(servers: readonly ReadyServer[]): Promise<void> {
    for (const { pid } of servers) process.kill(pid, 'SIGKILL')
    await until(() => servers.every(({ pid }) => !isAlive(pid)))
  }

  /** As by Ctrl-C. */
  async stop(): Promise<Ended> {
    this.process.child.kill('SIGINT')
    return this.process.ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Wait for a condition that nobody announces. */
export async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, 20))
}

const cleanups: (() => Promise<unknown>)[] = []

/** Do this when the tests of the file are over, last first. */
export function atEnd(cleanup: () => Promise<unknown>): void {
  cleanups.push(cleanup)
}

/** For `afterAll` of each file. */
export async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
}

/** A folder that goes when the tests of the file are over. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cairn-e2e-'))
  atEnd(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A file of bytes that follow from the seed and repeat nowhere. */
export async function makeFile(path: string, sizeBytes: number, seed = 1): Promise<string> {
  const content = function* (): Generator<Buffer> {
    let block = createHash('sha512').update(`${seed}`).digest()
    for (let made = 0; made < sizeBytes; made += 65_536) {
      const run = Buffer.alloc(Math.min(65_536, sizeBytes - made))
      for (let offset = 0; offset < run.length; offset += 64) {
        if (offset % 1024 === 0) block = createHash('sha512').update(block).digest()
        block.copy(run, offset)
      }
      yield run
    }
  }
  await pipeline(Readable.from(content()), createWriteStream(path))
  return path
}

export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const bytes of createReadStream(path)) hash.update(bytes)
  return hash.digest('hex')
}

/** Every share file under a server's folder. */
export async function shareFiles(dir: string): Promise<readonly string[]> {
  const entries = await readdir(join(dir, 'storage', 'shares'), { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

/** Nothing that was given as a secret stands in any of these files. */
export async function holdsNone(files: readonly string[], secrets: readonly string[]): Promise<boolean> {
  for (const file of files) {
    const text = (await readFile(file)).toString('latin1')
    if (secrets.some((secret) => text.includes(secret))) return false
  }
  return true
}

export const putMessage = z.object({
  capability: z.string(),
  verifyCapability: z.string().nullable(),
  fileSizeBytes: z.number(),
  neededShares: z.number(),
  happyServers: z.number(),
  totalShares: z.number(),
  placements: z.array(z.object({ shareNumber: z.number(), serverId: z.string() })),
  failures: z.array(z.object({ serverId: z.string(), code: z.string(), message: z.string() })),
})

const failure = z.object({
  serverId: z.string(),
  shareNumber: z.number().optional(),
  code: z.string(),
  message: z.string(),
})
export const checkMessage = z.object({
  verifyCapability: z.string(),
  foundCount: z.number(),
  missing: z.array(z.number()),
  isRecoverable: z.boolean(),
  isHealthy: z.boolean(),
  placements: z.array(z.object({ shareNumber: z.number(), serverId: z.string() })),
  failures: z.array(failure),
})

export const repairMessage = z.object({
  before: z.object({ isHealthy: z.boolean(), foundCount: z.number() }),
  after: z.object({ isHealthy: z.boolean(), foundCount: z.number() }),
  made: z.array(z.object({ shareNumber: z.number(), serverId: z.string() })),
  removed: z.array(z.object({ shareNumber: z.number(), serverId: z.string() })),
})

export const errorMessage = z.object({
  error: z.object({ code: z.string(), message: z.string(), details: z.record(z.string(), z.unknown()) }),
})
