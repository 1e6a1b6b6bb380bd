/** The text of a new cairn.toml: what was asked for, and the rest as comments. */
import { SHARE_NUMBERS_DEFAULT } from '#node'

export interface ConfigChoices {
  /** Undefined: the line is left out, and the grid is open. */
  readonly membership?: 'closed' | 'open' | undefined
  readonly listen?: readonly string[] | undefined
  readonly announce?: readonly string[] | undefined
  readonly bootstrap?: readonly string[] | undefined
  readonly lend?: string | undefined
  readonly reserve?: string | undefined
  readonly quota?: string | undefined
  readonly owner?: string | undefined
  readonly site?: string | undefined
  readonly needed?: number | undefined
  readonly happy?: number | undefined
  readonly total?: number | undefined
  /** Whether a daemon serves commands on this machine. */
  readonly gateway?: boolean | undefined
}

export function formatConfig(choices: ConfigChoices): string {
  const { listen, announce, bootstrap, lend, reserve, quota, owner, site, needed, happy, total, gateway } =
    choices
  const { neededShares, happyServers, totalShares } = SHARE_NUMBERS_DEFAULT
  const lines = [
    '# A member of a Cairn grid. Lines that start with # show the defaults.',
    '',
    '# Who may use this node: members with a certificate of its grid ("closed"), or whoever reaches it ("open").',
    keyLine('membership', choices.membership, 'open'),
    '',
    '[network]',
    '# Who can reach this node. /ip4/0.0.0.0/tcp/4001: everybody that can reach the machine.',
    keyLine('listen', nonEmpty(listen), ['/ip4/127.0.0.1/tcp/0']),
    '# Told to others in place of the addresses above, for a node behind a forwarded port.',
    keyLine('announce', nonEmpty(announce), []),
    '# Members to learn the grid from.',
    keyLine('bootstrap', nonEmpty(bootstrap), []),
    '',
    '[storage]',
    '# Space lent to the grid; "0": this node is a client only.',
    keyLine('lend', lend, '0'),
    '# Space of the disk that is left alone.',
    keyLine('reserve', reserve, '1 GiB'),
    '# What one account may store here; left out: no limit, but for what its certificate says.',
    keyLine('account_quota', quota, '50 GiB'),
    '',
    '# What a member may store here, by its name or peer id, whatever its certificate says:',
    '#   ann = "200 GiB"',
    '[members.quota]',
    '',
    '[failure_domain]',
    '# Shares of a file are spread over owners and sites.',
    keyLine('owner', owner, ''),
    keyLine('site', site, ''),
    '',
    '[encoding]',
    '# Any `needed` of `total` shares rebuild a file; a put fails unless `happy` servers hold one each.',
    keyLine('needed', needed, neededShares),
    keyLine('happy', happy, happyServers),
    keyLine('total', total, totalShares),
    '',
    '[gateway]',
    '# HTTP for the commands on this machine, on loopback; port 0 is whichever is free.',
    keyLine('enabled', gateway, true),
    '# port = 0',
    '# What a reverse proxy on this machine is called, such as "cairn.home"; others are refused.',
    '# names = []',
    '',
    '[metrics]',
    '# An address such as "127.0.0.1:9469" for /metrics and /health without a token; "": on the HTTP above alone.',
    '# listen = ""',
    '',
    '[log]',
    '# level = "info"',
    '',
  ]
  return lines.join('\n')
}

type TomlValue = string | number | boolean | readonly string[]

function keyLine(key: string, chosen: TomlValue | undefined, byDefault: TomlValue): string {
  return chosen === undefined ? `# ${key} = ${toml(byDefault)}` : `${key} = ${toml(chosen)}`
}

/** JSON's strings, numbers and lists of strings are TOML's too. */
function toml(value: TomlValue): string {
  return JSON.stringify(value).replaceAll('","', '", "')
}

function nonEmpty(list: readonly string[] | undefined): readonly string[] | undefined {
  return list === undefined || list.length === 0 ? undefined : list
}
