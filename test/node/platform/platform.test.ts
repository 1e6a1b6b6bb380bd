import { describe, expect, test } from 'vitest'
import { asEncryptionKey, IntegrityError, nobleBulkCrypto, publicKeyOfSeed, sign, utf8 } from '#crypto'
import { ConflictError, TimeoutError } from '#node'
import { nativeBulkCrypto } from '../../../node/platform/bulk-crypto.ts'
import { systemClock } from '../../../node/platform/clock.ts'
import { jsonLog } from '../../../node/platform/log.ts'
import { systemRandom } from '../../../node/platform/random.ts'

describe('nativeBulkCrypto', () => {
  const key = asEncryptionKey(systemRandom.bytes(32))
  const nonce = systemRandom.bytes(12)

  test.for([0, 1, 15, 16, 17, 1000, 70_001])(
    'agrees with the portable one on %i bytes',
    async (sizeBytes) => {
      const plaintext = systemRandom.bytes(sizeBytes)
      const sealed = nativeBulkCrypto.seal(key, nonce, plaintext)
      expect(sealed).toEqual(await nobleBulkCrypto.seal(key, nonce, plaintext))
      expect(nativeBulkCrypto.open(key, nonce, sealed)).toEqual(plaintext)
      expect(nativeBulkCrypto.sha256(plaintext)).toEqual(await nobleBulkCrypto.sha256(plaintext))
    },
  )

  test('refuses a segment that was changed or cut', () => {
    const sealed = nativeBulkCrypto.seal(key, nonce, systemRandom.bytes(40))
    const changed = sealed.slice()
    changed[3] = (changed[3] ?? 0) ^ 1
    expect(() => nativeBulkCrypto.open(key, nonce, changed)).toThrow(IntegrityError)
    expect(() => nativeBulkCrypto.open(key, nonce, sealed.subarray(0, 30))).toThrow(IntegrityError)
    expect(() => nativeBulkCrypto.open(key, nonce, sealed.subarray(0, 9))).toThrow(IntegrityError)
  })
})

test.each([
  ['natively', nativeBulkCrypto],
  ['portably', nobleBulkCrypto],
])('a signature is verified %s from Buffers, which stay as they are', (_, bulk) => {
  for (let number = 0; number < 16; number += 1) {
    const seed = new Uint8Array(32).fill(number)
    const message = utf8(`message ${number}`)
    const signature = Buffer.from(sign(seed, message))
    const publicKey = Buffer.from(publicKeyOfSeed(seed))
    const before = Buffer.concat([signature, publicKey])
    expect(bulk.verifySignature(publicKey, message, signature)).toBe(true)
    expect(Buffer.concat([signature, publicKey])).toEqual(before)
  }
})

describe('systemClock', () => {
  test('sleeps no shorter than asked', async () => {
    const start = systemClock.elapsed()
    await systemClock.sleep(5)
    expect(systemClock.elapsed() - start).toBeGreaterThanOrEqual(4)
  })

  test('a sleep ends with the reason of its signal', async () => {
    const controller = new AbortController()
    const sleeping = systemClock.sleep(60_000, { signal: controller.signal })
    const reason = new ConflictError('enough')
    controller.abort(reason)
    await expect(sleeping).rejects.toBe(reason)
    await expect(systemClock.sleep(60_000, { signal: controller.signal })).rejects.toBe(reason)
  })

  test('a deadline aborts with a TimeoutError that says what', async () => {
    using deadline = systemClock.deadline(1, { what: 'the answer' })
    await new Promise((resolve) => deadline.signal.addEventListener('abort', resolve))
    expect(deadline.signal.reason).toBeInstanceOf(TimeoutError)
    expect(String(deadline.signal.reason)).toContain('the answer: no answer within 1 ms')
  })

  test('a deadline follows its parent', () => {
    const reason = new ConflictError('enough')
    using deadline = systemClock.deadline(60_000, { what: 'x', signal: AbortSignal.abort(reason) })
    expect(deadline.signal.reason).toBe(reason)
  })
})

describe('jsonLog', () => {
  const clock = { ...systemClock, now: () => 0 }

  test('writes one line for each event at or above its level', () => {
    const lines: string[] = []
    const log = jsonLog({ level: 'info', clock, write: (line) => lines.push(line) })
    log.debug('unheard')
    log.info('share visible', { shareNumber: 3, level: 'forged' })
    log.error('failed', { error: new ConflictError('taken') })
    expect(lines).toEqual([
      '{"time":"1970-01-01T00:00:00.000Z","level":"info","message":"share visible","shareNumber":3}\n',
      '{"time":"1970-01-01T00:00:00.000Z","level":"error","message":"failed","error":{"name":"ConflictError","code":"CONFLICT","message":"taken"}}\n',
    ])
  })

  test('never prints bytes', () => {
    const lines: string[] = []
    jsonLog({ level: 'debug', clock, write: (line) => lines.push(line) }).warn('x', {
      bytes: new Uint8Array(32),
    })
    expect(lines.join()).toContain('"[32 bytes]"')
  })
})
