import { expect, test } from 'vitest'
import { asSlotSeed, slotWriteCapability } from '#crypto'
import { acceptingRollback } from '../../../cli/backup/accepting-rollback.ts'
import { fakeFiles } from '../../support/fake-files.ts'

const directory = slotWriteCapability('dir', asSlotSeed(new Uint8Array(32)))
const slot = slotWriteCapability('slot', asSlotSeed(new Uint8Array(32)))
const source = { sizeBytes: 0, rereadable: false, open: async function* () {} }

test('accepts a rollback in every edit, and leaves all else as it is', async () => {
  const seen: unknown[] = []
  let isClosed = false
  const { signal } = new AbortController()
  const files = acceptingRollback(
    fakeFiles({
      edit: async (...args) => {
        seen.push(args[2])
        return { changed: true, sequence: 1, warnings: [] }
      },
      putSlot: async (...args) => {
        seen.push(args[2])
        return slot
      },
      makeDirectory: async (options) => {
        seen.push(options)
        return directory
      },
      [Symbol.asyncDispose]: async () => {
        isClosed = true
      },
    }),
  )
  await files.edit(directory, [], { signal })
  await files.putSlot(slot, source)
  await files.makeDirectory({ signal })
  expect(seen).toEqual([{ signal, acceptRollback: true }, { acceptRollback: true }, { signal }])
  await files[Symbol.asyncDispose]()
  expect(isClosed).toBe(true)
})
