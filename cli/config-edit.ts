/** Changes to a cairn.toml that somebody may have edited: a line or two, and the rest stays. Pure. */
import { InvalidInputError } from '#crypto'
import { parseConfigToml } from '#node'

/**
 * The same configuration for a member of a grid that is reached at these addresses.
 *
 * @throws InvalidInputError that says what to write by hand, if the text is laid out in a way that is not understood
 */
export function asMemberConfig(text: string, sourceName: string, bootstrap: readonly string[]): string {
  const before = parseConfigToml(text, sourceName)
  const addresses = [...new Set([...before.network.bootstrap, ...bootstrap])]
  const line = `bootstrap = [${addresses.map((address) => JSON.stringify(address)).join(', ')}]`
  const edited = withBootstrap(withMembership(text), line)
  try {
    const after = parseConfigToml(edited, sourceName)
    const isSame = JSON.stringify({ ...before, ...changed(after) }) === JSON.stringify(after)
    if (isSame && after.membership === 'closed' && after.network.bootstrap.length === addresses.length)
      return edited
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error
  }
  throw new InvalidInputError(`${sourceName} cannot be changed without you`, {
    hint: `Write into it, above all tables: membership = "closed"; and under [network]: ${line}`,
  })
}

function changed({ membership, network }: ReturnType<typeof parseConfigToml>): object {
  return { membership, network }
}

/** Keys of no table stand before the first one. */
function withMembership(text: string): string {
  const line = 'membership = "closed"'
  const known = /^#? ?membership\s*=.*$/m
  return known.test(text) ? text.replace(known, line) : `${line}\n${text}`
}

function withBootstrap(text: string, line: string): string {
  const known = /^#? ?bootstrap\s*=\s*\[[^\]]*\]/m
  if (known.test(text)) return text.replace(known, () => line)
  if (/^\[network\]\s*$/m.test(text)) return text.replace(/^\[network\]\s*$/m, (head) => `${head}\n${line}`)
  return `${text.replace(/\n*$/, '\n')}\n[network]\n${line}\n`
}
