/**
 * The configuration of a home: `cairn.toml` -> Config.
 *
 * Everything has a default, so an empty file is a whole configuration. All problems are reported at once, each with
 * its path; unknown keys are problems.
 */
import { parse as parseToml, TomlError } from 'smol-toml'
import { z } from 'zod'
import { InvalidInputError, TOTAL_SHARES_MAX } from '#crypto'
import { SHARE_NUMBERS_DEFAULT, type ShareNumbers } from './fitting-encoding.ts'
import { LOG_LEVELS, type LogLevel } from './platform/log.ts'
import { parseSize } from './size.ts'

export interface Config {
  /** Who may use this node: members with a certificate of its grid, or whoever reaches it. */
  readonly membership: 'closed' | 'open'
  readonly network: {
    /** Multiaddrs to listen on; none: this node only dials. */
    readonly listen: readonly string[]
    /** Multiaddrs told to others in place of those listened on; none: those listened on. */
    readonly announce: readonly string[]
    /** Multiaddrs of members to learn the grid from. */
    readonly bootstrap: readonly string[]
  }
  readonly storage: {
    /** 0: nothing is lent, and this node is a client only. */
    readonly lendBytes: number
    /** Left free on the disk whatever is lent. */
    readonly reserveBytes: number
    /** Undefined: no limit for one account. */
    readonly accountQuotaBytes: number | undefined
  }
  /** What the owner grants, in bytes, by peer id or name of a member; others: what their certificate says. */
  readonly members: { readonly quotas: Readonly<Record<string, number>> }
  /** What fails together with this server: one owner's machines at one site. */
  readonly failureDomain: { readonly owner: string; readonly site: string }
  readonly encoding: ShareNumbers
  readonly gateway: {
    readonly enabled: boolean
    /** On loopback; 0: any that is free. */
    readonly port: number
    /** What a reverse proxy on this machine is called; without a port, lower case. Requests for others are refused. */
    readonly names: readonly string[]
  }
  readonly metrics: {
    /** Where `/metrics` and `/health` are served without a token; undefined: only on the gateway. */
    readonly listen: HostPort | undefined
  }
  readonly log: { readonly level: LogLevel }
}

export interface HostPort {
  /** A name or an address, IPv6 without brackets. */
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
}

/** The only table of defaults. */
const DEFAULTS = {
  // What homes were before there were members: `cairn init` and `cairn join` say "closed".
  membership: 'open',
  network: {
    // Loopback: nobody outside this machine reaches a node whose owner has not said so.
    listen: ['/ip4/127.0.0.1/tcp/0'],
    announce: [],
    // A node that knows nobody is its own grid, and others can name it as theirs.
    bootstrap: [],
  },
  storage: {
    // Lending is a decision, never a surprise on somebody's disk.
    lend: '0',
    // Enough that logs and updates of the machine go on when the lent space is full.
    reserve: '1 GiB',
  },
  // Of unknown owners and sites nothing is assumed: each such server is a domain of its own.
  failureDomain: { owner: '', site: '' },
  encoding: SHARE_NUMBERS_DEFAULT,
  // A port that is free: whoever needs it reads it from daemon.json.
  gateway: { enabled: true, port: 0, names: [] },
  // The gateway has them too, for whoever has its token.
  metrics: { listen: '' },
  log: { level: 'info' },
} as const

const PORT_MAX = 65_535
/** A name in a certificate, or a peer id. */
const MEMBER_NAME_MAX = 64
/** Longer names would only blow up announcements. */
const DOMAIN_NAME_MAX = 64
const ADDRESSES_MAX = 64
const HOST_NAMES_MAX = 16
const HOST_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/

const multiaddrText = z
  .string()
  .regex(
    /^\/(ip4|ip6|dns|dns4|dns6)\/[^/]+\/tcp\/\d{1,5}(\/.*)?$/,
    'an address such as /ip4/127.0.0.1/tcp/4001 wanted',
  )
/** `127.0.0.1:9469`, `[::1]:9469`; empty: none. */
const hostPort = z.string().transform((text, context): HostPort | undefined => {
  if (text === '') return undefined
  const { host, bare, port } =
    /^(?:\[(?<host>[0-9a-fA-F:.]+)\]|(?<bare>[^\s:]+)):(?<port>\d{1,5})$/.exec(text)?.groups ?? {}
  const name = host ?? bare
  if (name !== undefined && Number(port) <= PORT_MAX) return { host: name, port: Number(port) }
  context.addIssue('an address and a port such as "127.0.0.1:9469" or "[::1]:9469" wanted')
  return z.NEVER
})
const addressList = z.array(multiaddrText).max(ADDRESSES_MAX)
const domainName = z.string().max(DOMAIN_NAME_MAX)
const shareNumber = z.int().min(1).max(TOTAL_SHARES_MAX)

/** A size in words, or a number of bytes. */
const sizeBytes = z.union([z.string(), z.int().min(0)]).transform((size, context) => {
  if (typeof size === 'number') return size
  try {
    return parseSize(size)
  } catch (error) {
    context.addIssue(error instanceof Error ? error.message : 'not a size')
    return z.NEVER
  }
})

const configSchema = z.strictObject({
  membership: z.enum(['closed', 'open']).default(DEFAULTS.membership),
  network: z
    .strictObject({
      listen: addressList.default([...DEFAULTS.network.listen]),
      announce: addressList.default([...DEFAULTS.network.announce]),
      bootstrap: addressList.default([...DEFAULTS.network.bootstrap]),
    })
    .prefault({}),
  storage: z
    .strictObject({
      lend: sizeBytes.prefault(DEFAULTS.storage.lend),
      reserve: sizeBytes.prefault(DEFAULTS.storage.reserve),
      account_quota: sizeBytes.optional(),
    })
    .prefault({}),
  members: z
    .strictObject({
      quota: z.record(z.string().min(1).max(MEMBER_NAME_MAX), sizeBytes).default({}),
    })
    .prefault({}),
  failure_domain: z
    .strictObject({
      owner: domainName.default(DEFAULTS.failureDomain.owner),
      site: domainName.default(DEFAULTS.failureDomain.site),
    })
    .prefault({}),
  encoding: z
    .strictObject({
      needed: shareNumber.default(DEFAULTS.encoding.neededShares),
      happy: shareNumber.default(DEFAULTS.encoding.happyServers),
      total: shareNumber.default(DEFAULTS.encoding.totalShares),
    })
    .refine(({ needed, happy, total }) => needed <= happy && happy <= total, {
      error: ({ input }) => `needed <= happy <= total wanted, found ${numbersOf(input)}`,
    })
    .prefault({}),
  gateway: z
    .strictObject({
      enabled: z.boolean().default(DEFAULTS.gateway.enabled),
      port: z.int().min(0).max(PORT_MAX).default(DEFAULTS.gateway.port),
      names: z
        .array(
          z
            .string()
            .regex(HOST_NAME, 'a host name such as "cairn.home", lower case and without a port, wanted'),
        )
        .max(HOST_NAMES_MAX)
        .default([...DEFAULTS.gateway.names]),
    })
    .prefault({}),
  metrics: z.strictObject({ listen: hostPort.prefault(DEFAULTS.metrics.listen) }).prefault({}),
  log: z.strictObject({ level: z.enum(LOG_LEVELS).default(DEFAULTS.log.level) }).prefault({}),
})

/** @throws InvalidInputError with every problem and its path */
export function parseConfig(input: unknown, sourceName: string): Config {
  const parsed = configSchema.safeParse(input)
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      ({ path, message }) => `${path.join('.') || 'top level'}: ${message}`,
    )
    throw configError(sourceName, problems)
  }
  const { membership, members, network, storage, failure_domain, encoding, gateway, metrics, log } =
    parsed.data
  return deepFreeze({
    membership,
    network,
    storage: {
      lendBytes: storage.lend,
      reserveBytes: storage.reserve,
      accountQuotaBytes: storage.account_quota,
    },
    members: { quotas: members.quota },
    failureDomain: failure_domain,
    encoding: {
      neededShares: encoding.needed,
      happyServers: encoding.happy,
      totalShares: encoding.total,
    },
    gateway,
    metrics: { listen: metrics.listen },
    log,
  })
}

/** @throws InvalidInputError if the text is no TOML, naming the line; and as parseConfig */
export function parseConfigToml(text: string, sourceName: string): Config {
  let input: unknown
  try {
    input = parseToml(text)
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause
    const why = cause.message.split('\n', 1)[0]?.replace('Invalid TOML document: ', '') ?? 'not TOML'
    throw configError(sourceName, [`line ${cause.line}, column ${cause.column}: ${why}`], cause)
  }
  return parseConfig(input, sourceName)
}

function configError(sourceName: string, problems: readonly string[], cause?: unknown): InvalidInputError {
  const count = problems.length === 1 ? '' : `${problems.length} problems: `
  return new InvalidInputError(`${sourceName}: ${count}${problems.join('; ')}`, { problems }, { cause })
}

function numbersOf(input: unknown): string {
  return typeof input === 'object' && input !== null ? Object.values(input).join(', ') : 'something else'
}

function deepFreeze<Value extends object>(value: Value): Readonly<Value> {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) deepFreeze(part)
  return Object.freeze(value)
}
