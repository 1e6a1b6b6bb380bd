import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { makeMembershipVectors } from '../../support/membership-vectors.ts'

const folder = new URL('../../vectors/membership-v1/', import.meta.url)
const ours = await makeMembershipVectors()

test.each(Object.keys(ours))('the frozen vectors of %s are what this code makes, and refuses', (name) => {
  const stored: unknown = JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'))
  expect(JSON.parse(JSON.stringify(ours[name]))).toEqual(stored)
})

test('all vectors of membership are accounted for', () => {
  expect(readdirSync(folder).sort()).toEqual(
    Object.keys(ours)
      .map((name) => `${name}.json`)
      .sort(),
  )
})
