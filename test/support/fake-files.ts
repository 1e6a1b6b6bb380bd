/** The contract of gateway/files.ts with nothing behind it: each test says what its methods do. */
import { InvalidInputError } from '#crypto'
import type { GridFiles } from '#gateway'

export function fakeFiles(methods: Partial<GridFiles>): GridFiles {
  const refuse = (): never => {
    throw new InvalidInputError('nothing is behind this')
  }
  const refuseLater = async (): Promise<never> => refuse()
  return {
    status: refuseLater,
    put: refuseLater,
    get: refuseLater,
    check: refuseLater,
    verify: refuseLater,
    repair: refuseLater,
    makeDirectory: refuseLater,
    makeTree: refuseLater,
    list: refuse,
    find: refuseLater,
    edit: refuseLater,
    walk: refuse,
    checkDeep: refuse,
    verifyDeep: refuse,
    repairDeep: refuse,
    checkSlot: refuseLater,
    repairSlot: refuseLater,
    putSlot: refuseLater,
    invite: refuseLater,
    members: refuseLater,
    expel: refuseLater,
    [Symbol.asyncDispose]: async () => undefined,
    ...methods,
  }
}
