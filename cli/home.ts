/**
 * A home: the one folder of a member of a grid.
 *
 * | path | what |
 * |---|---|
 * | `cairn.toml` | the configuration |
 * | `node.key` | the node's Ed25519 seed, mode 0600 |
 * | `founder.key` | the founder's Ed25519 seed, mode 0600; only where the grid was founded |
 * | `membership.cbor` | the certificates that make this home a member of its grid |
 * | `expulsions.cbor` | who is a member no more |
 * | `invitations.cbor` | hashes of invitations made here; `invitations-lock/` is held while that changes |
 * | `convergence.key` | the secret of convergent puts, mode 0600; made when it is first needed |
 * | `aliases` | names for capabilities, mode 0600 |
 * | `aliases-lock/` | held while a command changes them |
 * | `roster` | servers known when the node last ran |
 * | `storage/` | what is lent |
 * | `lock/` | held by the daemon |
 * | `daemon.json` | port and token of the running daemon, mode 0600 |
 * | `spool/` | bodies of convergent puts, while they run |
 * | `backup/` | what is known of repositories of backups, and packs on their way there; can be lost |
 * | `drop-box` | what this host needs to add to its drop-box, mode 0600 |
 */
import { readFile, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { InvalidInputError } from '#crypto'
import { type Config, NotFoundError, parseConfigToml } from '#node'
import { errnoOf } from './errno.ts'

export class Home {
  readonly folder: string

  constructor(folder: string) {
    this.folder = resolve(folder)
  }

  get configFile(): string {
    return join(this.folder, 'cairn.toml')
  }

  get keyFile(): string {
    return join(this.folder, 'node.key')
  }

  get founderKeyFile(): string {
    return join(this.folder, 'founder.key')
  }

  get convergenceFile(): string {
    return join(this.folder, 'convergence.key')
  }

  get aliasFile(): string {
    return join(this.folder, 'aliases')
  }

  get aliasLockFolder(): string {
    return join(this.folder, 'aliases-lock')
  }

  get lockFolder(): string {
    return join(this.folder, 'lock')
  }

  get daemonFile(): string {
    return join(this.folder, 'daemon.json')
  }

  get spoolFolder(): string {
    return join(this.folder, 'spool')
  }

  /** Whether there is a configuration. */
  async exists(): Promise<boolean> {
    return (await stat(this.configFile).catch(() => undefined)) !== undefined
  }

  get storageFolder(): string {
    return join(this.folder, 'storage')
  }

  get backupFolder(): string {
    return join(this.folder, 'backup')
  }

  get dropFile(): string {
    return join(this.folder, 'drop-box')
  }

  /** Whether this host backs up into one. */
  async hasDropBox(): Promise<boolean> {
    return (await stat(this.dropFile).catch(() => undefined)) !== undefined
  }

  /** @throws NotFoundError if nobody has run `init` there; InvalidInputError with every problem of the file */
  async readConfig(): Promise<Config> {
    let text: string
    try {
      text = await readFile(this.configFile, 'utf8')
    } catch (cause) {
      const code = errnoOf(cause)
      if (code === 'ENOENT' || code === 'ENOTDIR') {
        const hint = `Make one: cairn init --home ${this.folder} founds a grid, cairn join LINK takes part in one`
        throw new NotFoundError(`${this.folder} is not a home: it has no cairn.toml`, { hint }, { cause })
      }
      throw new InvalidInputError(`${this.configFile} cannot be read (${code})`, {}, { cause })
    }
    return parseConfigToml(text, this.configFile)
  }
}

/**
 * The option, else CAIRN_HOME, else the data folder of the XDG rules: most of what lies there is data.
 *
 * @throws InvalidInputError
 */
export function findHome(option: string | undefined): Home {
  if (option === '') throw new InvalidInputError('--home: the path of a folder wanted')
  const { CAIRN_HOME, XDG_DATA_HOME } = process.env
  if (option !== undefined) return new Home(option)
  if (CAIRN_HOME !== undefined && CAIRN_HOME !== '') return new Home(CAIRN_HOME)
  const dataHome =
    XDG_DATA_HOME?.startsWith('/') === true ? XDG_DATA_HOME : join(homedir(), '.local', 'share')
  return new Home(join(dataHome, 'cairn'))
}
