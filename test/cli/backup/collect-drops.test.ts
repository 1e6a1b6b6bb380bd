import { expect, test } from 'vitest'
import { IntegrityError } from '#crypto'
import { NotEnoughSharesError } from '#node'
import { collectDrops } from '../../../cli/backup/collect-drops.ts'
import type { CommandContext } from '../../../cli/context.ts'

function contextOf(told: string[]): Pick<CommandContext, 'signal'> & { output: CommandContext['output'] } {
  const note = (text: string): void => void told.push(text)
  const output = { warning: note, note, activity: () => undefined }
  return { signal: new AbortController().signal, output: Object.assign(Object.create(null), output) }
}

function failing(error: Error) {
  return { collect: () => Promise.reject(error) }
}

test('a pack of a drop that cannot be read keeps nobody from what was collected before', async () => {
  const told: string[] = []
  const context = Object.assign(Object.create(null), contextOf(told))
  await collectDrops(failing(new NotEnoughSharesError('a pack cannot be read now')), context)
  expect(told).toEqual(['warning: not all collected: a pack cannot be read now'])
  await expect(collectDrops(failing(new IntegrityError('broken')), context)).rejects.toThrow('broken')
})
