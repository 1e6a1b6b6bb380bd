import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { InvalidInputError, nobleBulkCrypto, parseCapability, webBulkCrypto } from '#crypto'
import { makeVectors } from '../support/vectors.ts'

const folder = new URL('../vectors/v1/', import.meta.url)
const readVectors = (name: string): unknown => JSON.parse(readFileSync(new URL(name, folder), 'utf8'))
const ours = await makeVectors(webBulkCrypto(crypto.subtle))

describe('the frozen vectors of version 1', () => {
  test.each(Object.keys(ours))('%s are what this code makes', (name) => {
    expect(ours[name]).toEqual(readVectors(`${name}.json`))
  })

  test('are what @noble alone makes', async () => {
    expect(await makeVectors(nobleBulkCrypto)).toEqual(ours)
  })

  test('are all accounted for', () => {
    const stored = readdirSync(folder)
    expect(stored.sort()).toEqual(
      Object.keys(ours)
        .map((name) => `${name}.json`)
        .sort(),
    )
  })

  test('refuse what must be refused', () => {
    const cases = readVectors('capability_refused.json')
    expect(Array.isArray(cases)).toBe(true)
    if (!Array.isArray(cases)) return
    for (const { fault, text } of cases) expect(() => parseCapability(text), fault).toThrow(InvalidInputError)
  })
})
