/** What to do next about an error, in one line; nothing if its message says it all. */

const HINTS: Readonly<Record<string, string>> = Object.freeze({
  WEAK_CAPABILITY: 'Ask whoever gave you the capability for one that grants it.',
  NOT_ENOUGH_SHARES:
    'Shares on servers that are down come back with them: try again later; `cairn status` shows who answers.',
  UNHAPPY:
    '`cairn status` shows who answers and has space; --happy takes a smaller number at a greater risk.',
  INTEGRITY: '`cairn verify` names every bad share, and `cairn repair` makes them again.',
  NO_SPACE: 'Free some space and try again; nothing half written was left.',
  TIMEOUT: 'Try again; `cairn status` shows who answers.',
  UNREACHABLE: 'Check network.bootstrap in cairn.toml, and that one of those members runs.',
  BUSY: 'Try again in a while.',
  NOT_ADMITTED:
    '`cairn status` says which membership this home has; `cairn join LINK` takes part with an invitation.',
  INTERNAL: 'Please report it with what you did: SECURITY.md if it touches secrets, else an issue.',
})

const ROLLBACK_HINT =
  'Servers that come back may have it still. If they are gone for good: --accept-rollback writes over it.'

/** @param details of the error; `hint` and `proposal` in them go before what the code suggests */
export function hintOf(code: string, details: object): string | undefined {
  const found = new Map<string, unknown>(Object.entries(details))
  const hint = found.get('hint')
  if (typeof hint === 'string') return hint
  if (code === 'INTEGRITY' && found.has('seenSequence')) return ROLLBACK_HINT
  const proposal = found.get('proposal')
  if (typeof proposal === 'object' && proposal !== null) {
    const numbers = new Map<string, unknown>(Object.entries(proposal))
    const [needed, happy, total] = ['neededShares', 'happyServers', 'totalShares'].map((name) =>
      numbers.get(name),
    )
    return `Fitting: --needed ${needed} --happy ${happy} --total ${total}; or set it under [encoding] in cairn.toml.`
  }
  return HINTS[code]
}
