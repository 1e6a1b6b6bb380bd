/** The rules of the house that neither the compiler nor the linter knows. */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

const root = new URL('../', import.meta.url)
const LAYERS = ['crypto', 'node', 'gateway', 'cli'] as const
const FILE_LINES_MAX = 400
const LINE_LENGTH_MAX = 120

interface Source {
  readonly path: string
  readonly layer: (typeof LAYERS)[number]
  readonly lines: readonly string[]
  readonly code: string
}

const sources: readonly Source[] = LAYERS.flatMap((layer) =>
  readdirSync(new URL(layer, root), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|cjs)$/.test(entry.name))
    .map((entry) => {
      const path = `${entry.parentPath}/${entry.name}`.slice(root.pathname.length)
      const code = readFileSync(new URL(path, root), 'utf8')
      return { path, layer, lines: code.split('\n'), code: withoutComments(code) }
    }),
)

function withoutComments(code: string): string {
  return code.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '')
}

function importsOf({ code }: Source): readonly string[] {
  return [...code.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, name]) => name ?? '')
}

/** Every source that breaks a rule, as `path: what`. */
function offenders(rule: (source: Source) => readonly string[]): readonly string[] {
  return sources.flatMap((source) => rule(source).map((what) => `${source.path}: ${what}`))
}

describe('the house', () => {
  test('has sources to look at', () => {
    expect(sources.length).toBeGreaterThan(30)
  })

  test('is entered one way: crypto <- node <- gateway <- cli, through the faces', () => {
    const found = offenders(({ path, layer, ...rest }) =>
      importsOf({ path, layer, ...rest }).filter((name) => {
        const face = LAYERS.find((other) => name === `#${other}`)
        if (face !== undefined) return LAYERS.indexOf(face) >= LAYERS.indexOf(layer)
        if (!name.startsWith('.')) return false
        return !new URL(name, `file:///${path}`).pathname.startsWith(`/${layer}/`)
      }),
    )
    expect(found).toEqual([])
  })

  test('keeps crypto/ free of Node, clocks and chance', () => {
    const found = offenders((source) =>
      source.layer === 'crypto'
        ? [
            ...importsOf(source).filter((name) => !/^(\.|@noble\/|cborg$)/.test(name)),
            ...(source.code.match(/\b(process|Buffer|Date|setTimeout|Math\.random|getRandomValues)\b/g) ??
              []),
          ]
        : [],
    )
    expect(found).toEqual([])
  })

  test('touches the world only through the platform', () => {
    const outside = ({ path }: Source) => path.startsWith('node/') && !path.startsWith('node/platform/')
    const world =
      /\b(new Date|Date\.|setTimeout|setInterval|setImmediate|AbortSignal\.timeout|Math\.random|getRandomValues|process\.|console\.)/g
    const found = offenders((source) =>
      outside(source)
        ? [
            ...importsOf(source).filter((name) =>
              /^(node:|libp2p|@libp2p\/(?!peer-id|crypto)|level|memory-level)/.test(name),
            ),
            ...(source.code.match(world) ?? []),
          ]
        : [],
    )
    expect(found).toEqual([])
  })

  test('has files that fit in a head, and lines that fit on a screen', () => {
    const found = offenders(({ lines }) => [
      ...(lines.length > FILE_LINES_MAX ? [`${lines.length} lines`] : []),
      ...lines.flatMap((line, index) =>
        line.length > LINE_LENGTH_MAX ? [`line ${index + 1} is too long`] : [],
      ),
    ])
    expect(found).toEqual([])
  })

  test('uses one word for one thing', () => {
    // `replica` is said of the records of slots, which several servers hold whole, and never of shares.
    const words = /\b\w*(chunk|shard|uri)s?\b/gi
    // `uri` is what Tahoe's clients say, and stands where they are spoken to.
    const isTheirs = (word: string, path: string) => /uri$/i.test(word) && path.startsWith('gateway/web-api/')
    const found = offenders(
      ({ code, path }) =>
        code.match(words)?.filter((word) => !/^(h|H)uri$/.test(word) && !isTheirs(word, path)) ?? [],
    )
    expect(found).toEqual([])
    const names = offenders(
      ({ path }) => path.match(/\b(utils?|common|helpers?|base|manager|data|info)\b/g) ?? [],
    )
    expect(names).toEqual([])
  })

  test('has faces that hold no code', () => {
    const found = offenders(({ path, code }) =>
      path.split('/').at(-1) === 'index.ts' && path.split('/').length === 2
        ? (code.match(/\b(function|class|const|let)\b/g) ?? [])
        : [],
    )
    expect(found).toEqual([])
  })

  test('runs on Node 22, which strips types and leaves `using` behind', () => {
    const found = offenders(({ code }) => code.match(/^\s*(await )?using \w+ =/gm) ?? [])
    expect(found).toEqual([])
  })

  test('casts no value and silences no check', () => {
    const found = offenders(({ code, path }) =>
      path.startsWith('crypto/hash') ? [] : (code.match(/@ts-\w+|\bas (unknown|any)\b|: any\b/g) ?? []),
    )
    expect(found).toEqual([])
  })
})
