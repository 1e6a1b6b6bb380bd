/** What clients send in a request line and headers: whatever it is, it is read as it was meant, or refused. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  asFileRoot,
  asReadKey,
  asSlotSeed,
  fileReadCapability,
  formatCapability,
  GridError,
  literalCapability,
  slotWriteCapability,
  treeReadCapability,
} from '#crypto'
import { Arguments, isArgumentName } from '../../../gateway/web-api/arguments.ts'
import { parseWantedRange, resolvedRange } from '../../../gateway/web-api/content-range.ts'
import { requireConditions } from '../../../gateway/web-api/content-version.ts'
import { FORM_FIELDS_MAX_BYTES, FORM_PARTS_MAX } from '../../../gateway/web-api/form.ts'
import { withoutCapabilities } from '../../../gateway/web-api/http-edge.ts'
import { HANDLE_LENGTH_MAX, RESULT_LENGTH_MAX } from '../../../gateway/web-api/operation-forms.ts'
import { HANDLES_MAX, RETAIN_MAX_SECONDS, RUNNING_MAX } from '../../../gateway/web-api/operations.ts'
import { CAPABILITY_BODY_MAX_BYTES } from '../../../gateway/web-api/put-forms.ts'
import { PATH_DEPTH_MAX, parseWebPath, TARGET_LENGTH_MAX } from '../../../gateway/web-api/request-path.ts'

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Uint8Array.from(bytes))
const capability = fc.oneof(
  bytes32.map((bytes) => slotWriteCapability('dir', asSlotSeed(bytes))),
  bytes32.map((bytes) => slotWriteCapability('slot', asSlotSeed(bytes))),
  fc.tuple(bytes32, bytes32).map(([key, root]) => treeReadCapability(asReadKey(key), asFileRoot(root))),
  fc.tuple(bytes32, bytes32).map(([key, root]) => fileReadCapability(asReadKey(key), asFileRoot(root))),
  fc.uint8Array({ maxLength: 64 }).map((bytes) => literalCapability(Uint8Array.from(bytes))),
)
const name = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  .filter((text) => !/[/\0]/.test(text) && text !== '.' && text !== '..')

/** More characters than must be are encoded, as some clients do. */
const encodedSegment = (text: string, isLavish: boolean) =>
  isLavish
    ? [...new TextEncoder().encode(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
    : encodeURIComponent(text)

describe('a path', () => {
  test('is read back as it was written, however a client encodes it', () => {
    fc.assert(
      fc.property(
        capability,
        fc.array(name, { maxLength: 8 }),
        fc.boolean(),
        fc.boolean(),
        (cap, names, isLavish, hasEndSlash) => {
          const segments = [formatCapability(cap), ...names].map((one) => encodedSegment(one, isLavish))
          const target = `/uri/${segments.join('/')}${hasEndSlash ? '/' : ''}?t=json`
          fc.pre(target.length <= TARGET_LENGTH_MAX)
          const path = parseWebPath(target)
          expect(formatCapability(path.capability)).toBe(formatCapability(cap))
          expect(path.names).toEqual(names.map((one) => one.normalize('NFC')))
          expect(path.hasEndSlash).toBe(hasEndSlash)
        },
      ),
    )
  })

  test('that is anything else is refused, and nothing of it is told', () => {
    const cap = formatCapability(slotWriteCapability('dir', asSlotSeed(new Uint8Array(32).fill(3))))
    const piece = fc.oneof(
      fc.constantFrom(
        cap,
        encodeURIComponent(cap),
        cap.slice(0, -1),
        '%',
        '%2',
        '%ff',
        '%2f',
        '%00',
        '..',
        '.',
        '',
        '?',
        '/',
        '//',
        'uri',
      ),
      fc.string({ maxLength: 12 }),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const target = `/uri/${pieces.join('/')}`
        try {
          const { names } = parseWebPath(target)
          expect(names.every((one) => one !== '' && one !== '.' && one !== '..' && !/[/\0]/.test(one))).toBe(
            true,
          )
        } catch (error) {
          expect(error).toBeInstanceOf(GridError)
          expect(String(error)).not.toContain(cap.slice(12, 40))
        }
      }),
      { numRuns: 2000 },
    )
  })

  test.each([
    ['a segment that is empty', '//a'],
    ['an encoded slash', '/a%2Fb'],
    ['dots', '/%2e%2e'],
    ['NUL', '/a%00'],
    ['no UTF-8', '/%ff'],
    ['half an escape', '/%e'],
    ['half a character', '/%ed%a0%80'],
    ['too many names', '/a'.repeat(PATH_DEPTH_MAX + 1)],
    ['too many characters', `/${'a'.repeat(TARGET_LENGTH_MAX)}`],
    ['a name that is too long', `/${'a'.repeat(256)}`],
  ])('with %s is refused', (_, rest) => {
    const cap = formatCapability(slotWriteCapability('dir', asSlotSeed(new Uint8Array(32).fill(3))))
    expect(() => parseWebPath(`/uri/${cap}${rest}`)).toThrow(GridError)
  })
})

test('arguments are known ones, once each, and nothing else', () => {
  const pair = fc.tuple(
    fc.oneof(
      fc.constantFrom('t', 'name', 'replace', 'uri', '__proto__', 'constructor'),
      fc.string({ maxLength: 8 }),
    ),
    fc.string({ maxLength: 20 }),
  )
  fc.assert(
    fc.property(fc.array(pair, { maxLength: 6 }), (pairs) => {
      const isFine =
        new Set(pairs.map(([one]) => one)).size === pairs.length &&
        pairs.every(([one]) => isArgumentName(one))
      const read = () =>
        Arguments.ofQuery(new URLSearchParams(pairs.map(([one, value]) => [one, value])).toString())
      if (!isFine) return void expect(read).toThrow(GridError)
      const read1 = read()
      for (const [one, value] of pairs) if (isArgumentName(one)) expect(read1.text(one)).toBe(value)
    }),
    { numRuns: 1000 },
  )
})

describe('a range', () => {
  test('gives the bytes that an array would, or is refused where there are none', () => {
    const number = fc.nat({ max: 40 })
    fc.assert(
      fc.property(number, fc.option(number), fc.option(number), (sizeBytes, first, last) => {
        const wanted = parseWantedRange(`bytes=${first ?? ''}-${last ?? ''}`)
        const all = Array.from({ length: sizeBytes }, (_, at) => at)
        if (wanted.kind === 'whole') {
          return void expect(
            (first === null && last === null) || (first !== null && last !== null && last < first),
          ).toBe(true)
        }
        const expected =
          first === null ? (last === 0 ? [] : all.slice(-(last ?? 0))) : all.slice(first, (last ?? 1e9) + 1)
        if (expected.length === 0)
          return void expect(() => resolvedRange(wanted, sizeBytes)).toThrow(GridError)
        const { start, end } = resolvedRange(wanted, sizeBytes)
        expect(all.slice(start, end)).toEqual(expected)
      }),
      { numRuns: 2000 },
    )
  })

  test('of any other header is the whole', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 30 }), (text) => {
        fc.pre(!/^\s*bytes=(\d+-\d*|-\d+)\s*$/.test(text))
        expect(parseWantedRange(text)).toEqual({ kind: 'whole' })
      }),
    )
    expect(parseWantedRange(undefined)).toEqual({ kind: 'whole' })
  })
})

describe('conditions', () => {
  const tag = '"abc"'
  test.each([
    [{ 'if-match': '*' }, true],
    [{ 'if-match': tag }, true],
    [{ 'if-match': `"x", ${tag}` }, true],
    [{ 'if-match': `W/${tag}` }, false],
    [{ 'if-match': '"x"' }, false],
    [{ 'if-none-match': '"x"' }, true],
    [{ 'if-none-match': '*' }, false],
    [{ 'if-none-match': tag }, false],
    [{}, true],
  ])('%j on what is there', (headers, holds) => {
    const check = () => requireConditions(headers, { exists: true, tag })
    if (holds) expect(check).not.toThrow()
    else expect(check).toThrow(GridError)
  })

  test('If-Match never holds where nothing is, If-None-Match always', () => {
    const nothing = { exists: false, tag: undefined }
    for (const header of ['*', tag]) {
      expect(() => requireConditions({ 'if-match': header }, nothing)).toThrow(GridError)
      expect(() => requireConditions({ 'if-none-match': header }, nothing)).not.toThrow()
    }
  })
})

test('an error that would quote a capability does not', () => {
  fc.assert(
    fc.property(capability, fc.boolean(), (cap, isEncoded) => {
      const text = formatCapability(cap)
      const quoted = isEncoded ? encodeURIComponent(text) : text
      const clean = withoutCapabilities({
        code: 'NOT_FOUND',
        message: `no "${quoted}"`,
        details: { path: [quoted, 'a'] },
      })
      expect(JSON.stringify(clean)).not.toContain(text.split(':')[2])
      expect(clean).toMatchObject({ code: 'NOT_FOUND', details: { path: [expect.any(String), 'a'] } })
    }),
  )
})

const spec = readFileSync(new URL('../../../gateway/WEB-API.md', import.meta.url), 'utf8').replace(
  /\s+/g,
  ' ',
)

test.each([
  `have at most ${TARGET_LENGTH_MAX.toLocaleString('en')} characters`,
  `at most ${PATH_DEPTH_MAX} names`,
  `at most ${FORM_PARTS_MAX} parts, one file, and ${FORM_FIELDS_MAX_BYTES.toLocaleString('en')} bytes of fields`,
  `a capability as a body ${CAPABILITY_BODY_MAX_BYTES.toLocaleString('en')} bytes`,
  `at most ${HANDLE_LENGTH_MAX} letters`,
  `at most ${RETAIN_MAX_SECONDS.toLocaleString('en')}, a day if left out`,
  `At most ${RUNNING_MAX} operations run, ${HANDLES_MAX} handles are kept, and each keeps at most ` +
    `${RESULT_LENGTH_MAX.toLocaleString('en')} characters`,
])('WEB-API.md prints %j', (line) => {
  expect(spec).toContain(line)
})
