import { describe, expect, test } from 'vitest'
import { InvalidInputError } from '#crypto'
import { parseConfigToml } from '#node'
import { asMemberConfig } from '../../cli/config-edit.ts'
import { formatConfig } from '../../cli/config-file.ts'

const ADDRESS = '/ip4/192.0.2.7/tcp/4001/p2p/12D3KooWBmAwcd4PJNJvfV89HwE48nwkRmAgo8Vy3uQEyNNHBox2'
const OTHER = '/ip4/192.0.2.8/tcp/4001'

describe('asMemberConfig', () => {
  test.each([
    ['as cairn init writes it', formatConfig({ lend: '1 GiB', owner: 'ann' })],
    [
      'of an open grid',
      formatConfig({ membership: 'open', bootstrap: [OTHER], lend: '1 GiB', owner: 'ann' }),
    ],
    [
      'from before there were members',
      formatConfig({ lend: '1 GiB', owner: 'ann' }).replace(/^.*[Mm]ember.*\n/gm, ''),
    ],
    ['of a few lines', '[storage]\nlend = "1 GiB"\n[failure_domain]\nowner = "ann"\n'],
    [
      'with a list over several lines',
      `# mine\n[network]\nbootstrap = [\n  "${OTHER}",\n]\n[storage]\nlend = "1 GiB"\n[failure_domain]\nowner = "ann"\n`,
    ],
    ['with a bare table', '[network]\n\n[storage]\nlend = "1 GiB"\n[failure_domain]\nowner = "ann"'],
  ])('changes whose grid it is and no more, in one %s', (_what, text) => {
    const before = parseConfigToml(text, 'x')
    const after = parseConfigToml(asMemberConfig(text, 'x', [ADDRESS]), 'x')
    expect(after).toEqual({
      ...before,
      membership: 'closed',
      network: { ...before.network, bootstrap: [...before.network.bootstrap, ADDRESS] },
    })
    expect(after.storage.lendBytes).toBe(2 ** 30)
    // Comments stay.
    for (const line of text.split('\n').filter((one) => /^# [A-Z]/.test(one))) {
      expect(asMemberConfig(text, 'x', [ADDRESS])).toContain(line)
    }
  })

  test('says what to write where it does not understand the layout', () => {
    const text = 'network = { listen = [], bootstrap = [] }\n'
    expect(() => asMemberConfig(text, 'x', [ADDRESS])).toThrow(InvalidInputError)
    try {
      asMemberConfig(text, 'x', [ADDRESS])
    } catch (error) {
      expect(error).toMatchObject({ details: { hint: expect.stringContaining(ADDRESS) } })
    }
  })
})
