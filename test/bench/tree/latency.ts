/**
 * A network with a delay: the client in one network namespace, the servers in another, and delay-link.py between them.
 * Everything is made in a namespace of the bench's own, so nothing outside is touched, and nothing is left when it ends.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const LINK = fileURLToPath(new URL('./delay-link.py', import.meta.url))
/** RFC 2544: addresses for benchmarks. */
const NEAR = '198.18.0.1'
const FAR = '198.18.0.2'
/** Set in the process that is inside. */
const INSIDE = 'CAIRN_BENCH_NETWORK'

/** Go on in a network namespace of our own: this process is replaced by one that is inside. @throws if it cannot be */
export function enterOwnNetwork(): void {
  if (process.env[INSIDE] !== undefined) return
  const asRoot = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']
  const unshare = ['unshare', ...asRoot, '--net']
  const [command = '', ...args] = [...unshare, 'python3', LINK, '0', NEAR, FAR]
  const probe = spawnSync(command, args, { input: '', encoding: 'utf8' })
  if (probe.status !== 0) {
    const why = (probe.error?.message ?? probe.stderr).trim()
    throw new Error(
      `no network with a delay can be made here; wanted: Linux with /dev/net/tun, unshare, ip and python3.\n${why}`,
    )
  }
  const inside = ['sh', '-c', 'ip link set lo up && exec "$0" "$@"', process.execPath]
  const again = [...process.execArgv, ...process.argv.slice(1)]
  process.execve?.('/usr/bin/env', ['env', `${INSIDE}=1`, ...unshare, ...inside, ...again])
  throw new Error('this Node cannot go on as another process; 22.15 or later wanted')
}

export class DelayLink implements AsyncDisposable {
  /** Where servers listen. */
  readonly farAddress = FAR
  /** What to put before a command that runs at the far end. */
  readonly enter: readonly string[]
  readonly #process: ChildProcess

  private constructor(link: ChildProcess) {
    this.#process = link
    this.enter = ['nsenter', `--net=/proc/${link.pid}/ns/net`]
  }

  /** @throws if it cannot be made */
  static async open(roundTripMilliseconds: number): Promise<DelayLink> {
    const link = spawn('python3', [LINK, String(roundTripMilliseconds), NEAR, FAR], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const ready = await Promise.race([
      once(link.stdout, 'data').then(() => true),
      once(link, 'exit').then(() => false),
    ])
    if (!ready) throw new Error('the delaying link ended before it was ready')
    return new DelayLink(link)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null) return
    const exited = once(this.#process, 'exit')
    this.#process.stdin?.end()
    await exited
  }
}
