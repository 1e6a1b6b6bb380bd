/** Puts and gets of every shape on a grid of five processes, with and without a daemon on the client's home. */
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  atEnd,
  CairnProcess,
  cairn,
  cairnJson,
  checkMessage,
  cleanUp,
  errorMessage,
  GridProcess,
  holdsNone,
  makeFile,
  putMessage,
  repairMessage,
  temporaryFolder,
  until,
} from '../../support/cairn-process.ts'

const MIB = 1024 * 1024
const LITERAL = 'cairn:lit:'

afterAll(cleanUp)

let folder: string
let grid: GridProcess
let path: string
let content: Buffer

beforeAll(async () => {
  folder = await temporaryFolder()
  grid = await GridProcess.start(join(folder, 'grid'), ['--servers', '5'])
  atEnd(() => grid.stop())
  path = await makeFile(join(folder, 'file'), 5 * MIB + 321)
  content = await readFile(path)
})

const home = () => ['--home', grid.client]

for (const withDaemon of [false, true]) {
  describe(withDaemon ? 'through a daemon' : 'without a daemon', () => {
    let capability: string

    beforeAll(async () => {
      if (!withDaemon) return
      const daemon = new CairnProcess(['run', ...home(), '--json'])
      expect(JSON.parse(await daemon.firstLine())).toMatchObject({ ready: true, home: grid.client })
      expect((await stat(join(grid.client, 'daemon.json'))).mode & 0o777).toBe(0o600)
      return async () => {
        daemon.child.kill('SIGTERM')
        expect((await daemon.ended).code).toBe(0)
        await expect(stat(join(grid.client, 'daemon.json'))).rejects.toThrow('ENOENT')
        expect(await readdir(join(grid.client, 'spool'))).toEqual([])
        expect(daemon.stderr).not.toContain(capability.slice(-20))
      }
    })

    test('the numbers are the ones that fit the grid', async () => {
      const put = await cairnJson(putMessage, ['put', path, ...home()])
      expect(put).toMatchObject({
        neededShares: 2,
        happyServers: 4,
        totalShares: 5,
        fileSizeBytes: content.length,
      })
      capability = put.capability
    })

    test('a put prints the capability and nothing else on standard output', async () => {
      const put = await cairn(['put', path, ...home()])
      expect(put.code).toBe(0)
      expect(put.stdout.toString()).toMatch(/^cairn:file:[a-z2-7]+\n$/)
      expect(put.stderr).toMatch(/^put 5\.24 MB in /)
      expect((await cairn(['put', path, '--quiet', ...home()])).stderr).toBe('')
    })

    test('a pipe goes in and a pipe comes out', async () => {
      const put = await cairn(['put', '-', ...home()], { stdin: content })
      expect(put.code).toBe(0)
      const got = await cairn(['get', put.stdout.toString().trim(), '-', ...home()])
      expect(got.code).toBe(0)
      expect(got.stdout.equals(content)).toBe(true)
    })

    test('the empty file, and one that fits into its capability', async () => {
      for (const small of ['', 'hello']) {
        const put = await cairn(['put', '-', ...home()], { stdin: small })
        expect(put.stdout.toString().startsWith(LITERAL)).toBe(true)
        const got = await cairn(['get', put.stdout.toString().trim(), ...home()])
        expect(got).toMatchObject({ code: 0 })
        expect(got.stdout.toString()).toBe(small)
      }
    })

    test.each([
      ['0-0', 0, 1],
      ['1048570-1048589', 1_048_570, 1_048_590],
      ['5242880-', 5_242_880, undefined],
      ['5243000-99999999', 5_243_000, undefined],
    ])('the range %s is those bytes, both ends included', async (range, start, end) => {
      const got = await cairn(['get', capability, '-', '--range', range, ...home()])
      expect(got.code).toBe(0)
      expect(got.stdout.equals(content.subarray(start, end))).toBe(true)
    })

    test('a capability may come from a file or from standard input', async () => {
      await writeFile(join(folder, 'cap'), `${capability}\n`)
      const fromFile = await cairn(['get', `@${join(folder, 'cap')}`, '--range', '0-9', ...home()])
      expect(fromFile.stdout.equals(content.subarray(0, 10))).toBe(true)
      const fromStdin = await cairn(['get', '@-', '--range', '0-9', ...home()], {
        stdin: `  ${capability}\n`,
      })
      expect(fromStdin.stdout.equals(content.subarray(0, 10))).toBe(true)
    })

    test('a get replaces a file only when told to, and leaves nothing beside it', async () => {
      const target = join(folder, `target-${withDaemon}`)
      await writeFile(target, 'precious')
      const refused = await cairn(['get', capability, target, ...home()])
      expect(refused.code).toBe(9)
      expect(refused.stderr).toContain('--force')
      expect(await readFile(target, 'utf8')).toBe('precious')
      const report = z.object({ file: z.string(), sizeBytes: z.number(), fileSizeBytes: z.number() })
      const got = await cairnJson(report, ['get', capability, target, '--force', ...home()])
      expect(got).toMatchObject({ exitCode: 0, file: target, sizeBytes: content.length })
      expect((await readFile(target)).equals(content)).toBe(true)
      expect((await readdir(folder)).filter((name) => name.endsWith('.part'))).toEqual([])
    })

    test('equal files put convergently are one', async () => {
      const [one, two] = [
        await cairn(['put', path, '--convergent', ...home()]),
        await cairn(['put', path, '--convergent', ...home()]),
      ]
      expect(one.code).toBe(0)
      expect(one.stdout.equals(two.stdout)).toBe(true)
      expect(two.stderr).toContain('on the grid already: nothing was sent')
    })

    test('check, verify and repair take read and verify capabilities', async () => {
      const checked = await cairnJson(checkMessage, ['check', capability, ...home()])
      expect(checked).toMatchObject({ exitCode: 0, isHealthy: true })
      expect(checked.verifyCapability).toMatch(/^cairn:file-verify:/)
      const verified = await cairnJson(checkMessage, ['verify', checked.verifyCapability, ...home()])
      expect(verified).toMatchObject({
        exitCode: 0,
        isHealthy: true,
        verifyCapability: checked.verifyCapability,
      })
      const repaired = await cairnJson(repairMessage, ['repair', checked.verifyCapability, ...home()])
      expect(repaired).toMatchObject({ exitCode: 0, made: [], removed: [] })
      expect((await cairn(['get', checked.verifyCapability, ...home()])).code).toBe(3)
    })

    test('progress comes as JSON lines when asked for', async () => {
      const verified = await cairn(['verify', capability, '--json', '--progress', ...home()])
      const lines = verified.stdout
        .toString()
        .trim()
        .split('\n')
        .map((line) => z.record(z.string(), z.unknown()).parse(JSON.parse(line)))
      expect(lines.length).toBeGreaterThan(1)
      expect(lines[0]).toMatchObject({ progress: { stage: 'verifying' } })
      expect(lines.at(-1)).toMatchObject({ isHealthy: true })
    })

    test('Ctrl-C in the middle of a put leaves nothing behind, and ends with 130', async () => {
      const putting = new CairnProcess(['put', '-', '--json', '--progress', ...home()])
      for (let round = 0; round < 5; round += 1) putting.child.stdin.write(content)
      await putting.firstLine()
      putting.child.kill('SIGINT')
      const ended = await putting.ended
      expect(ended.code).toBe(130)
      expect(ended.stderr).toBe('cairn: interrupted\n')
      await until(async () => (await incomingOf(grid)).length === 0)
    })

    test('Ctrl-C in the middle of a get leaves no file', async () => {
      const target = join(folder, `broken-off-${withDaemon}`)
      const getting = new CairnProcess(['get', capability, target, '--json', '--progress', ...home()])
      await getting.firstLine()
      getting.child.kill('SIGINT')
      const ended = await getting.ended
      if (ended.code !== 0) {
        expect(ended.code).toBe(130)
        await expect(stat(target)).rejects.toThrow('ENOENT')
      }
      expect((await readdir(folder)).filter((name) => name.includes('.part'))).toEqual([])
    })

    test('a reader that goes away ends a get quietly', async () => {
      const command = `"$0" "$1" get ${capability} - --home ${grid.client} | head -c 10; echo "$?" >&2`
      const got = await cairn([], { shell: command })
      expect(got.stdout.equals(content.subarray(0, 10))).toBe(true)
      expect(got.stderr).not.toContain('bug')
    })

    test('a disk that is full ends a get with 10, and leaves nothing', async () => {
      const target = join(folder, `full-${withDaemon}`)
      const limited = `ulimit -f 1000; exec "$0" "$1" get ${capability} ${target} --home ${grid.client}`
      const got = await cairn([], { shell: limited, env: { NODE_COMPILE_CACHE: join(folder, 'no-cache') } })
      expect(got.code).toBe(10)
      expect(got.stderr).toContain('no space')
      expect((await readdir(folder)).filter((name) => name.includes(`full-${withDaemon}`))).toEqual([])
      const piped = `"$0" "$1" get ${capability} - --home ${grid.client} > /dev/full; echo "code $?" >&2`
      expect((await cairn([], { shell: piped })).stderr).toContain('code 10')
    })
  })
}

test('no capability is in any log, roster or file of the servers', async () => {
  const put = await cairn(['put', path, ...home()])
  const secret = put.stdout.toString().trim().split(':')[2] ?? ''
  const failed = await cairnJson(errorMessage, [
    'get',
    put.stdout.toString().trim().slice(0, -1),
    ...home(),
    '/x/y',
  ])
  expect(failed).toMatchObject({ exitCode: 2, error: { code: 'INVALID_INPUT' } })
  const logs = grid.servers.map(({ dir }) => join(dir, 'daemon.log'))
  expect(await holdsNone(logs, [secret, secret.slice(0, 30)])).toBe(true)
})

async function incomingOf(running: GridProcess): Promise<readonly string[]> {
  const folders = running.servers.map(({ dir }) => join(dir, 'storage', 'incoming'))
  return (await Promise.all(folders.map((name) => readdir(name)))).flat()
}
