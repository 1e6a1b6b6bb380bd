import { describe, expect, test } from 'vitest'
import { parseConfigToml } from '#node'
import { formatConfig } from '../../cli/config-file.ts'

describe('formatConfig', () => {
  test('of nothing is all defaults', () => {
    expect(parseConfigToml(formatConfig({}), 'x')).toEqual(parseConfigToml('', 'x'))
  })

  test('shows the defaults it leaves alone: without the marks it reads the same', () => {
    const shown = formatConfig({})
      .split('\n')
      .filter((line) => !line.startsWith('# account_quota'))
      .map((line) => line.replace(/^# ([a-z_]+ = )/, '$1'))
      .join('\n')
    expect(parseConfigToml(shown, 'x')).toEqual(parseConfigToml('', 'x'))
  })

  test('keeps every choice', () => {
    const text = formatConfig({
      membership: 'closed',
      listen: ['/ip4/0.0.0.0/tcp/4001'],
      announce: ['/dns4/box.example.net/tcp/4001'],
      bootstrap: ['/ip4/192.0.2.7/tcp/4001', '/ip4/192.0.2.8/tcp/4001'],
      lend: '200 GiB',
      reserve: '5 GiB',
      quota: '50 GiB',
      owner: 'ann "the" owner\\',
      site: 'cellar',
      needed: 2,
      happy: 3,
      total: 4,
      gateway: false,
    })
    expect(parseConfigToml(text, 'x')).toEqual({
      membership: 'closed',
      members: { quotas: {} },
      network: {
        listen: ['/ip4/0.0.0.0/tcp/4001'],
        announce: ['/dns4/box.example.net/tcp/4001'],
        bootstrap: ['/ip4/192.0.2.7/tcp/4001', '/ip4/192.0.2.8/tcp/4001'],
      },
      storage: { lendBytes: 200 * 2 ** 30, reserveBytes: 5 * 2 ** 30, accountQuotaBytes: 50 * 2 ** 30 },
      failureDomain: { owner: 'ann "the" owner\\', site: 'cellar' },
      encoding: { neededShares: 2, happyServers: 3, totalShares: 4 },
      gateway: { enabled: false, port: 0, names: [] },
      metrics: { listen: undefined },
      log: { level: 'info' },
    })
  })
})
