import { describe, expect, test } from 'vitest'
import { InvalidInputError } from '#crypto'
import { type Config, parseConfigToml } from '#node'

const parse = (text: string): Config => parseConfigToml(text, 'cairn.toml')

function problemsOf(text: string): readonly unknown[] {
  try {
    parse(text)
  } catch (error) {
    if (error instanceof InvalidInputError && Array.isArray(error.details.problems))
      return error.details.problems
    throw error
  }
  return []
}

describe('parseConfigToml', () => {
  test('takes an empty file as all defaults: loopback, nothing lent, 3 of 10', () => {
    expect(parse('')).toEqual({
      membership: 'open',
      members: { quotas: {} },
      network: { listen: ['/ip4/127.0.0.1/tcp/0'], announce: [], bootstrap: [] },
      storage: { lendBytes: 0, reserveBytes: 2 ** 30, accountQuotaBytes: undefined },
      failureDomain: { owner: '', site: '' },
      encoding: { neededShares: 3, happyServers: 7, totalShares: 10 },
      gateway: { enabled: true, port: 0, names: [] },
      metrics: { listen: undefined },
      log: { level: 'info' },
    })
  })

  test.each([
    ['127.0.0.1:9469', { host: '127.0.0.1', port: 9469 }],
    ['[::1]:0', { host: '::1', port: 0 }],
    ['box.example.net:80', { host: 'box.example.net', port: 80 }],
  ])('reads %s as where metrics are served', (text, place) => {
    expect(parse(`[metrics]\nlisten = "${text}"`).metrics.listen).toEqual(place)
  })

  test.each(['9469', '::1:9469', '127.0.0.1:99999', '127.0.0.1', 'a b:1'])('refuses %j as such', (text) => {
    const [problem, ...others] = problemsOf(`[metrics]\nlisten = "${text}"`)
    expect(problem).toMatch(/^metrics.listen: an address and a port such as/)
    expect(others).toEqual([])
  })

  test('reads every key', () => {
    const config = parse(`
      membership = "closed"
      [members.quota]
      ann = "1 GiB"
      [network]
      listen = ["/ip4/0.0.0.0/tcp/4001", "/ip6/::/tcp/4001/ws"]
      announce = ["/dns4/box.example.net/tcp/4001"]
      bootstrap = ["/ip4/192.0.2.7/tcp/4001/p2p/12D3KooWBmAwcd4PJNJvfV89HwE48nwkRmAgo8Vy3uQEyNNHBox2"]
      [storage]
      lend = "200 GiB"
      reserve = 5_000_000
      account_quota = "1.5 GB"
      [failure_domain]
      owner = "ann"
      site = "cellar"
      [encoding]
      needed = 2
      happy = 4
      total = 5
      [gateway]
      enabled = false
      port = 8443
      names = ["cairn.home"]
      [log]
      level = "debug"
    `)
    expect(config.storage).toEqual({
      lendBytes: 200 * 2 ** 30,
      reserveBytes: 5_000_000,
      accountQuotaBytes: 1_500_000_000,
    })
    expect(config.encoding).toEqual({ neededShares: 2, happyServers: 4, totalShares: 5 })
    expect(config.network.announce).toEqual(['/dns4/box.example.net/tcp/4001'])
    expect(config.failureDomain.site).toBe('cellar')
    expect(config.gateway).toEqual({ enabled: false, port: 8443, names: ['cairn.home'] })
    expect(config.log.level).toBe('debug')
    expect(config.membership).toBe('closed')
    expect(config.members.quotas).toEqual({ ann: 2 ** 30 })
  })

  test('reports all problems at once, each with its path', () => {
    const problems = problemsOf(`
      colour = "red"
      [network]
      listen = ["localhost:4001"]
      [storage]
      lend = "a lot"
      [encoding]
      needed = 5
      happy = 4
      [log]
      level = "loud"
    `)
    expect(problems).toHaveLength(5)
    const text = problems.join('\n')
    for (const path of ['colour', 'network.listen.0', 'storage.lend', 'encoding', 'log.level']) {
      expect(text).toContain(path)
    }
    expect(text).toContain('"200 GiB"')
    expect(problemsOf('membership = "shut"\n[members]\nquota = { ann = "much" }\n').join()).toMatch(
      /membership: .*members\.quota\.ann: /,
    )
    expect(text).toContain('needed <= happy <= total wanted, found 5, 4, 10')
  })

  test('names the line of broken TOML, in one line', () => {
    const [problem] = problemsOf('[storage]\nlend = 200 GiB\n')
    expect(problem).toMatch(/^line 2, column \d+: /)
    expect(problem).not.toContain('\n')
  })

  test('is frozen all the way down', () => {
    const config = parse('')
    expect(Object.isFrozen(config)).toBe(true)
    expect(Object.isFrozen(config.network.listen)).toBe(true)
    expect(Object.isFrozen(config.encoding)).toBe(true)
  })
})
