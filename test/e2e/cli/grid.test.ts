/** A grid of ten processes: losing as many as the coding allows and one more, damage, and a restart. */
import { open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  atEnd,
  cairn,
  cairnJson,
  checkMessage,
  cleanUp,
  errorMessage,
  GridProcess,
  isAlive,
  makeFile,
  putMessage,
  type ReadyServer,
  repairMessage,
  sha256Of,
  shareFiles,
  temporaryFolder,
  until,
} from '../../support/cairn-process.ts'

const MIB = 1024 * 1024

afterAll(cleanUp)

describe('a grid of ten processes', () => {
  let folder: string
  let grid: GridProcess
  let big: {
    readonly path: string
    readonly capability: string
    readonly placements: readonly { serverId: string }[]
  }

  beforeAll(async () => {
    folder = await temporaryFolder()
    grid = await GridProcess.start(join(folder, 'grid'), ['--servers', '10'])
    atEnd(() => grid.stop())
  })

  const holders = (placements: readonly { readonly serverId: string }[]): readonly ReadyServer[] =>
    placements.flatMap(({ serverId }) => grid.servers.filter(({ peerId }) => peerId === serverId))
  const home = () => ['--home', grid.client]

  test('says when it is ready, each server its own process with its own folder and peer id', () => {
    expect(grid.servers).toHaveLength(10)
    for (const field of ['pid', 'peerId', 'dir'] as const) {
      expect(new Set(grid.servers.map((server) => server[field])).size).toBe(10)
    }
    for (const { addresses, peerId } of grid.servers) {
      expect(addresses[0]).toMatch(new RegExp(`^/ip4/127.0.0.1/tcp/\\d+/p2p/${peerId}$`))
    }
  })

  test('takes 256 MiB at 3 of 10, one share to each server', async () => {
    const path = await makeFile(join(folder, 'big'), 256 * MIB)
    const put = await cairnJson(putMessage, ['put', path, ...home()])
    expect(put).toMatchObject({
      exitCode: 0,
      fileSizeBytes: 256 * MIB,
      neededShares: 3,
      totalShares: 10,
      failures: [],
    })
    expect(new Set(put.placements.map(({ serverId }) => serverId)).size).toBe(10)
    big = { path, ...put }
  })

  test('reads right around one flipped byte; verify names share and server, repair mends it', async () => {
    const path = await makeFile(join(folder, 'small'), 3 * MIB + 17, 2)
    const put = await cairnJson(putMessage, ['put', path, ...home()])
    const victim = put.placements[1]
    const dir = grid.servers.find(({ peerId }) => peerId === victim?.serverId)?.dir ?? ''
    const shares = (await shareFiles(dir)).filter((file) => file.endsWith(`.${victim?.shareNumber}`))
    const sizes = await Promise.all(
      shares.map(async (file) => ({ file, sizeBytes: (await readFile(file)).length })),
    )
    const { file = '' } = sizes.toSorted((left, right) => left.sizeBytes - right.sizeBytes)[0] ?? {}
    await flipByte(file, 100_000)

    const back = join(folder, 'small-back')
    expect((await cairn(['get', put.capability, back, ...home()])).code).toBe(0)
    expect(await sha256Of(back)).toBe(await sha256Of(path))

    const verified = await cairnJson(checkMessage, ['verify', put.capability, ...home()])
    expect(verified).toMatchObject({
      exitCode: 7,
      foundCount: 9,
      missing: [victim?.shareNumber],
      isRecoverable: true,
    })
    expect(verified.failures).toMatchObject([{ ...victim, code: 'INTEGRITY' }])
    const told = await cairn(['verify', put.capability, ...home()])
    expect(told.stdout.toString()).toContain(`${victim?.serverId}: share ${victim?.shareNumber}:`)

    const verifyCapability = put.verifyCapability ?? ''
    const repaired = await cairnJson(repairMessage, ['repair', verifyCapability, ...home()])
    expect(repaired).toMatchObject({ exitCode: 0, before: { isHealthy: false }, after: { isHealthy: true } })
    expect(repaired.removed).toEqual([victim])
    expect(repaired.made.map(({ shareNumber }) => shareNumber)).toEqual([victim?.shareNumber])
    expect(await cairnJson(checkMessage, ['verify', verifyCapability, ...home()])).toMatchObject({
      exitCode: 0,
      isHealthy: true,
    })
  })

  test('gives the 256 MiB back, equal, with seven servers killed, those with the file itself first', async () => {
    await grid.kill(holders(big.placements).slice(0, 7))
    const back = join(folder, 'big-back')
    const got = await cairn(['get', big.capability, back, ...home()])
    expect(got).toMatchObject({ code: 0 })
    expect(await sha256Of(back)).toBe(await sha256Of(big.path))
    expect(grid.process.stderr.match(/ended: SIGKILL/g)).toHaveLength(7)
    expect(await cairnJson(checkMessage, ['check', big.capability, ...home()])).toMatchObject({
      exitCode: 0,
      foundCount: 3,
      isRecoverable: true,
      isHealthy: false,
    })
  })

  test('with eight killed says how many shares were found, needed, and where', async () => {
    await grid.kill(holders(big.placements).slice(7, 8))
    const left = holders(big.placements).slice(8)
    const target = join(folder, 'never')
    const got = await cairn(['get', big.capability, target, ...home()])
    expect(got.code).toBe(5)
    expect(got.stderr).toMatch(
      /^cairn: found 2 of 3 shares needed \([a-z2-7]{8}…\): share \d+ on \w+, share \d+ on \w+; /,
    )
    for (const { peerId } of left) expect(got.stderr).toContain(peerId.slice(-8))
    expect(got.stderr).toContain('8 unreachable')
    expect(got.stderr).not.toContain(big.capability)
    await expect(readFile(target)).rejects.toThrow('ENOENT')
    const failed = await cairnJson(errorMessage, ['get', big.capability, target, ...home()])
    expect(failed).toMatchObject({ exitCode: 5, error: { code: 'NOT_ENOUGH_SHARES' } })
    expect(failed.error.details.found).toHaveLength(2)
    expect(await cairnJson(checkMessage, ['check', big.capability, ...home()])).toMatchObject({ exitCode: 5 })
    const put = await cairn(['put', big.path, ...home()])
    expect(put.code).toBe(6)
    expect(put.stdout).toHaveLength(0)
  })

  test('started again on its folder is the same grid with its data', async () => {
    expect((await grid.stop()).code).toBe(0)
    const before = grid.servers.map(({ peerId }) => peerId)
    grid = await GridProcess.start(join(folder, 'grid'))
    expect(grid.servers.map(({ peerId }) => peerId)).toEqual(before)
    const check = await cairnJson(checkMessage, ['check', big.capability, ...home()])
    expect(check).toMatchObject({ isHealthy: true, foundCount: 10 })
  })

  test('is not started twice, nor with fewer servers, nor over something else', async () => {
    const twice = await cairn(['grid', '--dir', join(folder, 'grid')])
    expect(twice).toMatchObject({ code: 9 })
    expect(twice.stderr).toContain('another cairn grid runs in')
    await writeFile(join(folder, 'mine'), 'x')
    const foreign = await cairn(['grid', '--dir', folder])
    expect(foreign).toMatchObject({ code: 2 })
    expect(foreign.stderr).toContain('something else than a grid')
  })

  test('takes its servers along when it is killed outright', async () => {
    grid.process.child.kill('SIGKILL')
    await grid.process.ended
    await until(() => grid.servers.every(({ pid }) => !isAlive(pid)))
    const fewer = await cairn(['grid', '--dir', join(folder, 'grid'), '--servers', '5'])
    expect(fewer).toMatchObject({ code: 2 })
    expect(fewer.stderr).toContain('has 10 servers, and 5 are asked for')
    grid = await GridProcess.start(join(folder, 'grid'))
    expect((await cairn(['check', big.capability, ...home()])).code).toBe(0)
  })
})

async function flipByte(path: string, offset: number): Promise<void> {
  const file = await open(path, 'r+')
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, offset)
  byte[0] = (byte[0] ?? 0) ^ 1
  await file.write(byte, 0, 1, offset)
  await file.close()
}
