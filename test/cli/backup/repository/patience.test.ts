import { describe, expect, test } from 'vitest'
import { IntegrityError } from '#crypto'
import { UnhappyError, UnreachableError } from '#node'
import { TRIES_MAX } from '../../../../cli/backup/repository/limits.ts'
import { patiently } from '../../../../cli/backup/repository/patience.ts'

async function tried(failures: readonly Error[]) {
  const pauses: number[] = []
  const left = [...failures]
  const options = {
    clock: { sleep: async (milliseconds: number) => void pauses.push(milliseconds) },
    onWarning: () => undefined,
  }
  const work = async () => {
    const failure = left.shift()
    if (failure !== undefined) throw failure
    return 'done'
  }
  const outcome = await patiently(work, options).catch((error: unknown) => error)
  return { outcome, pauses }
}

describe('patiently', () => {
  test('does again what fails for want of servers, after longer and longer pauses', async () => {
    const failures = [new UnhappyError('few'), new UnreachableError('none'), new UnhappyError('few')]
    expect(await tried(failures)).toEqual({ outcome: 'done', pauses: [2000, 4000, 8000] })
  })

  test('gives up at last', async () => {
    const failures = Array.from({ length: TRIES_MAX }, (_, number) => new UnhappyError(`${number}`))
    const { outcome, pauses } = await tried(failures)
    expect(outcome).toBe(failures.at(-1))
    expect(pauses).toHaveLength(TRIES_MAX - 1)
  })

  test('does not wait for what no waiting mends', async () => {
    const damage = new IntegrityError('damaged')
    expect(await tried([damage])).toEqual({ outcome: damage, pauses: [] })
    const tooSmall = new UnhappyError('few', { proposal: {} })
    expect(await tried([tooSmall])).toEqual({ outcome: tooSmall, pauses: [] })
  })
})
