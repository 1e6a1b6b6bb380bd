/** One suite for the contract of gateway/files.ts: over a node in this process, and over HTTP to a daemon. */
import { afterAll, describe, expect, test } from 'vitest'
import { formatCapability, InvalidInputError, parseCapability, requireFileVerify, Secret } from '#crypto'
import { openGateway, RemoteFiles } from '#gateway'
import {
  MemoryDisk,
  NotEnoughSharesError,
  silentLog,
  systemRandom,
  UnhappyError,
  UnreachableError,
} from '#node'
import { bytesOf, closeLater, closeStages, localStage, NUMBERS, STAGES } from '../support/grid-stages.ts'
import { contentOf, fileSource, pipeSource } from '../support/memory-grid.ts'

const CONTENT = contentOf(3_000_000)

afterAll(closeStages)

for (const [name, open] of STAGES) {
  describe(`GridFiles ${name}`, () => {
    test('puts a file and gets it back, whole and in part', async () => {
      const { files } = await open(5)
      const done: number[] = []
      const outcome = await files.put(fileSource(CONTENT), {
        onProgress: ({ doneBytes }) => done.push(doneBytes),
      })
      expect(outcome).toMatchObject({
        fileSizeBytes: CONTENT.length,
        numbers: NUMBERS,
        serverCount: 5,
        failures: [],
      })
      expect(new Set(outcome.placements.map(({ serverId }) => serverId)).size).toBe(5)
      expect(done.at(-1)).toBe(CONTENT.length)
      const whole = await files.get(outcome.capability)
      expect(whole.fileSizeBytes).toBe(CONTENT.length)
      expect(await bytesOf(whole.content)).toEqual(CONTENT)
      expect(whole.failures()).toEqual([])
      const part = await files.get(outcome.capability, { range: { start: 1_048_570, end: 1_048_590 } })
      expect(part.range).toEqual({ start: 1_048_570, end: 1_048_590 })
      expect(await bytesOf(part.content)).toEqual(CONTENT.slice(1_048_570, 1_048_590))
      const rest = await files.get(outcome.capability, { range: { start: 2_999_999 } })
      expect(await bytesOf(rest.content)).toEqual(CONTENT.slice(2_999_999))
    })

    test('puts a pipe, the empty file and one that fits into its capability', async () => {
      const { files } = await open(5)
      for (const content of [contentOf(100_000), contentOf(0), contentOf(64)]) {
        const { capability } = await files.put(pipeSource(content))
        expect(await bytesOf((await files.get(capability)).content)).toEqual(content)
      }
    })

    test('gives equal contents one capability, when asked', async () => {
      const { files } = await open(5)
      const [one, two] = [
        await files.put(fileSource(CONTENT), { convergent: true }),
        await files.put(fileSource(CONTENT), { convergent: true }),
      ]
      expect(formatCapability(one.capability)).toBe(formatCapability(two.capability))
      expect([one.sentShareCount, two.sentShareCount]).toEqual([5, 0])
      expect(two.placements).toEqual(one.placements)
      const other = await files.put(fileSource(CONTENT))
      expect(formatCapability(other.capability)).not.toBe(formatCapability(one.capability))
    })

    test('binds the leases of files and slots, when asked', async () => {
      const { files, grid } = await open(5)
      const large = contentOf(40_000)
      await files.put(fileSource(CONTENT), { bindingLease: true })
      await files.putSlot(undefined, fileSource(large), { bindingLease: true })
      expect(await grid.cancelAll()).toEqual({ cancelled: 0, bound: 15 })
      await files.put(fileSource(CONTENT))
      expect(await grid.cancelAll()).toEqual({ cancelled: 5, bound: 15 })
    })

    test('checks, verifies and repairs with a verify capability', async () => {
      const { files, grid } = await open(5)
      const { capability, placements } = await files.put(fileSource(CONTENT))
      const verifyCapability = requireFileVerify(capability)
      expect(await files.check(verifyCapability)).toMatchObject({ isHealthy: true, foundCount: 5 })
      await grid.damageShare(2)
      const damaged = placements.find(({ serverId }) => serverId === grid.serverId(2))?.shareNumber
      const stages = new Set<string>()
      const verified = await files.verify(verifyCapability, { onProgress: ({ stage }) => stages.add(stage) })
      expect(verified).toMatchObject({ isHealthy: false, isRecoverable: true, missing: [damaged] })
      expect(verified.failures).toMatchObject([
        { serverId: grid.serverId(2), shareNumber: damaged, code: 'INTEGRITY' },
      ])
      const repaired = await files.repair(verifyCapability, { onProgress: ({ stage }) => stages.add(stage) })
      expect([...stages]).toEqual(['verifying', 'repairing'])
      expect(repaired).toMatchObject({ after: { isHealthy: true }, made: [{ shareNumber: damaged }] })
      expect((await files.verify(verifyCapability)).isHealthy).toBe(true)
    })

    test('keeps the class and the details of an error', async () => {
      const { files, grid } = await open(5)
      const { capability } = await files.put(fileSource(CONTENT))
      for (const number of [0, 1, 2, 3]) grid.fault(number, { kind: 'down' })
      const lost = files.get(capability).then(({ content }) => bytesOf(content))
      await expect(lost).rejects.toThrow(NotEnoughSharesError)
      await expect(lost).rejects.toThrow('found 1 of 2 shares needed')
      await expect(files.put(fileSource(CONTENT))).rejects.toThrow(UnhappyError)
      await expect(files.put(pipeSource(CONTENT), { convergent: true })).rejects.toThrow()
      const wrong = files.put(fileSource(CONTENT), { numbers: { neededShares: 6 } })
      await expect(wrong).rejects.toThrow(InvalidInputError)
    })

    test('proposes numbers that fit a grid too small for the usual ones', async () => {
      const { files } = await open(3)
      const small = await files.put(fileSource(CONTENT)).catch((error: unknown) => error)
      expect(small).toBeInstanceOf(UnhappyError)
      expect(small).toMatchObject({
        details: { serverCount: 3, proposal: { neededShares: 1, happyServers: 2, totalShares: 3 } },
      })
      expect(String(small)).toContain('any 2 of 3 servers may be lost')
    })

    test('without any server says so, and why', async () => {
      const { files } = await open(0)
      const { capability } = await (await localStage(5)).files.put(fileSource(CONTENT))
      await expect(files.put(fileSource(CONTENT))).rejects.toThrow(UnreachableError)
      await expect(files.get(capability)).rejects.toThrow('nobody home')
      await expect(files.check(requireFileVerify(capability))).rejects.toThrow(UnreachableError)
    })

    test('breaks off a put and a get when the signal says so', async () => {
      const { files, grid } = await open(5)
      const reason = new Error('enough')
      const putting = new AbortController()
      const put = files.put(fileSource(CONTENT), {
        signal: putting.signal,
        onProgress: () => putting.abort(reason),
      })
      await expect(put).rejects.toBe(reason)
      await expect.poll(() => grid.incomingShares()).toBe(0)
      const { capability } = await files.put(fileSource(CONTENT))
      const getting = new AbortController()
      const { content } = await files.get(capability, { signal: getting.signal })
      const read = (async () => {
        for await (const _ of content) getting.abort(reason)
      })()
      await expect(read).rejects.toBe(reason)
    })

    test('passes on what the source fails with', async () => {
      const { files } = await open(5)
      const source = {
        sizeBytes: undefined,
        rereadable: false,
        async *open() {
          yield CONTENT.slice(0, 1_500_000)
          throw new InvalidInputError('the file cannot be read')
        },
      }
      await expect(files.put(source)).rejects.toThrow('the file cannot be read')
    })
  })
}

describe('the gateway', () => {
  test('wants its token, in constant time and on every path but hello', async () => {
    const { files } = await localStage(5)
    const spool = { disk: new MemoryDisk({ capacityBytes: 1e8 }), folder: '/spool' }
    const gateway = await openGateway({ files, log: silentLog, random: systemRandom, port: 0, spool })
    closeLater(gateway)
    const at = `http://127.0.0.1:${gateway.port}`
    for (const authorization of [undefined, 'Bearer', 'Bearer x', `Basic ${gateway.token.reveal()}`]) {
      const headers = authorization === undefined ? {} : { authorization }
      const answer = await fetch(`${at}/v1/status`, { headers })
      expect(answer.status).toBe(401)
      expect(await answer.json()).toMatchObject({ code: 'WEAK_CAPABILITY' })
    }
    const headers = { authorization: `Bearer ${gateway.token.reveal()}` }
    expect((await fetch(`${at}/v1/status`, { headers })).status).toBe(200)
    expect((await fetch(`${at}/v2/else`, { headers })).status).toBe(404)
    expect((await fetch(`${at}/v1/check`, { method: 'POST', headers })).status).toBe(400)
  })

  test('serves plain HTTP clients: a length, a range, a status for each error', async () => {
    const { files, grid } = await localStage(5)
    const spool = { disk: new MemoryDisk({ capacityBytes: 1e8 }), folder: '/spool' }
    const gateway = await openGateway({ files, log: silentLog, random: systemRandom, port: 0, spool })
    closeLater(gateway)
    const at = `http://127.0.0.1:${gateway.port}/v1`
    const headers = { authorization: `Bearer ${gateway.token.reveal()}` }
    const put = await fetch(`${at}/files?needed=2&happy=3&total=4`, {
      method: 'PUT',
      headers,
      body: CONTENT.slice(),
    })
    expect(put.status).toBe(200)
    const outcome: unknown = await put.json()
    expect(outcome).toMatchObject({ fileSizeBytes: CONTENT.length, numbers: { totalShares: 4 } })
    const capability = String(new Map(Object.entries(Object(outcome))).get('capability'))
    const withCapability = { ...headers, 'cairn-capability': capability }
    const whole = await fetch(`${at}/files`, { headers: withCapability })
    expect(whole.headers.get('content-length')).toBe(String(CONTENT.length))
    expect(new Uint8Array(await whole.arrayBuffer())).toEqual(CONTENT)
    const part = await fetch(`${at}/files`, { headers: { ...withCapability, range: 'bytes=10-19' } })
    expect(part.status).toBe(206)
    expect(part.headers.get('content-range')).toBe(`bytes 10-19/${CONTENT.length}`)
    expect(new Uint8Array(await part.arrayBuffer())).toEqual(CONTENT.slice(10, 20))
    const weak = formatCapability(requireFileVerify(parseCapability(capability)))
    expect((await fetch(`${at}/files`, { headers: { ...headers, 'cairn-capability': weak } })).status).toBe(
      403,
    )
    expect((await fetch(`${at}/files?needed=x`, { method: 'PUT', headers, body: 'x' })).status).toBe(400)
    for (const number of [0, 1, 2, 3, 4]) grid.fault(number, { kind: 'down' })
    expect((await fetch(`${at}/files`, { headers: withCapability })).status).toBe(503)
  })

  test('is not taken for by whoever sits on its port', async () => {
    const { files } = await localStage(5)
    const spool = { disk: new MemoryDisk({ capacityBytes: 1e8 }), folder: '/spool' }
    const other = await openGateway({ files, log: silentLog, random: systemRandom, port: 0, spool })
    closeLater(other)
    const ours = { port: other.port, token: new Secret('another token') }
    await expect(RemoteFiles.open(ours, systemRandom)).rejects.toThrow('is not the daemon')
    await expect(
      openGateway({ files, log: silentLog, random: systemRandom, port: other.port, spool }),
    ).rejects.toThrow('another process holds the port')
  })
})
