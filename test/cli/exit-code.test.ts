import { describe, expect, test } from 'vitest'
import { AssertionError, IntegrityError, InvalidInputError, WeakCapabilityError } from '#crypto'
import {
  BusyError,
  ConflictError,
  NoSpaceError,
  NotEnoughSharesError,
  NotFoundError,
  ProtocolError,
  TimeoutError,
  UnhappyError,
  UnreachableError,
} from '#node'
import { exitCodeOfVerify } from '../../cli/commands/upkeep.ts'
import { BrokenPipe, exitCodeOf, Interrupted } from '../../cli/exit-code.ts'
import { hintOf } from '../../cli/hint.ts'

describe('exitCodeOf', () => {
  test.each([
    [new InvalidInputError('x'), 2],
    [new WeakCapabilityError('x'), 3],
    [new NotFoundError('x'), 4],
    [new NotEnoughSharesError('x'), 5],
    [new UnhappyError('x'), 6],
    [new IntegrityError('x'), 7],
    [new ProtocolError('x'), 8],
    [new ConflictError('x'), 9],
    [new NoSpaceError('x'), 10],
    [new TimeoutError('x'), 11],
    [new UnreachableError('x'), 12],
    [new BusyError('x'), 13],
    [new AssertionError('x'), 70],
    [new TypeError('x'), 70],
    [new Interrupted(), 130],
    [new BrokenPipe(), 141],
  ])('%s ends with %i', (error, code) => expect(exitCodeOf(error)).toBe(code))
})

describe('exitCodeOfVerify', () => {
  const corrupt = { serverId: 's', code: 'INTEGRITY', message: 'x' } as const
  const away = { serverId: 's', code: 'UNREACHABLE', message: 'x' } as const

  test('tells lost from corrupt from well, and does not mind a server that is away', () => {
    expect(exitCodeOfVerify({ isRecoverable: false, failures: [corrupt] })).toBe(5)
    expect(exitCodeOfVerify({ isRecoverable: true, failures: [away, corrupt] })).toBe(7)
    expect(exitCodeOfVerify({ isRecoverable: true, failures: [away] })).toBe(0)
  })
})

describe('hintOf', () => {
  test('proposes the numbers that fit, else what the error says, else what the code suggests', () => {
    const proposal = { neededShares: 2, happyServers: 4, totalShares: 5 }
    expect(hintOf('UNHAPPY', { proposal })).toContain('--needed 2 --happy 4 --total 5')
    expect(hintOf('CONFLICT', { hint: 'Do that.' })).toBe('Do that.')
    expect(hintOf('UNREACHABLE', {})).toContain('bootstrap')
    expect(hintOf('INVALID_INPUT', {})).toBeUndefined()
  })
})
