/** A directory for people: a page without scripts, or names as JSON for a client that asks for no HTML. */
import { type DirectoryCapability, isDirectory, type NamedChild } from '#node'
import type { WebCall } from './web-call.ts'

export const PAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

/** @param place.root the capability in the address, as text: the links of the page begin with it */
export async function* listingPage(
  { parts, signal }: WebCall,
  place: {
    readonly capability: DirectoryCapability
    readonly names: readonly string[]
    readonly root: string
  },
): AsyncGenerator<string, void, undefined> {
  const title = escaped(place.names.at(-1) ?? 'Directory')
  const path = ['/uri', encodeURIComponent(place.root), ...place.names.map(encodeURIComponent)].join('/')
  const children = parts.files.list(place.capability, { signal })[Symbol.asyncIterator]()
  try {
    let next = await children.next()
    yield `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title}</title><style>
body{font:1em/1.6 sans-serif;margin:1em auto;max-width:50em;padding:0 1em;color-scheme:light dark}
td{padding-right:1.5em}td+td{text-align:right}
</style><main><h1>${title}</h1><table><caption>Entries</caption>
<thead><tr><th scope="col">Name<th scope="col">Bytes</thead><tbody>\n`
    for (; next.done !== true; next = await children.next()) yield row(path, next.value)
    yield '</tbody></table></main></html>\n'
  } finally {
    await children.return?.()
  }
}

function row(path: string, { name, capability, metadata }: NamedChild): string {
  const end = isDirectory(capability) ? '/' : ''
  const link = `${path}/${encodeURIComponent(name)}${end}`
  return `<tr><td><a href="${escaped(link)}">${escaped(name + end)}</a><td>${metadata.sizeBytes ?? ''}\n`
}

/** Of text and of attributes in double quotes. */
function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

/** Names, kinds and sizes, without a capability in it. */
export async function* listingJson(
  { parts, signal }: WebCall,
  capability: DirectoryCapability,
): AsyncGenerator<string, void, undefined> {
  let before = '{"entries":['
  for await (const child of parts.files.list(capability, { signal })) {
    const { name, metadata } = child
    const kind = isDirectory(child.capability) ? 'directory' : 'file'
    yield before + JSON.stringify({ name, kind, sizeBytes: metadata.sizeBytes })
    before = ','
  }
  yield `${before === ',' ? '' : before}]}\n`
}
