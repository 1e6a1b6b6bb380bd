/** The web API as a user has it: a daemon that runs, its token, and curl. */
import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  atEnd,
  CairnProcess,
  cairn,
  cleanUp,
  makeFile,
  temporaryFolder,
} from '../../support/cairn-process.ts'

const run = promisify(execFile)
const daemonFile = z.object({ port: z.int(), token: z.string() })
const NUMBERS = ['--needed', '1', '--happy', '1', '--total', '1']

let daemon: CairnProcess
let folder = ''
let home = ''
let at = ''
let token = ''

beforeAll(async () => {
  folder = await temporaryFolder()
  home = join(folder, 'home')
  await cairn(['init', '--open', '--home', home, '--lend', '1 GB', '--reserve', '0', ...NUMBERS])
  daemon = new CairnProcess(['run', '--home', home, '--json'])
  atEnd(async () => void daemon.child.kill('SIGKILL'))
  await daemon.firstLine()
  const written = daemonFile.parse(JSON.parse(await readFile(join(home, 'daemon.json'), 'utf8')))
  token = written.token
  at = `http://127.0.0.1:${written.port}`
  await writeFile(join(folder, 'curlrc'), `user = "cairn:${token}"\nsilent\nfail-with-body\nproxy = ""\n`, {
    mode: 0o600,
  })
})
afterAll(cleanUp)

async function curl(...args: readonly string[]): Promise<string> {
  return (await run('curl', ['-K', join(folder, 'curlrc'), ...args])).stdout
}

describe('curl', () => {
  test('stores a file, gets it back, and goes on where it was broken off', async () => {
    const film = await makeFile(join(folder, 'film'), 5_000_000)
    const cap = await curl('-T', film, `${at}/uri`)
    expect(cap).toMatch(/^cairn:file:/)
    await curl('-o', join(folder, 'whole'), `${at}/uri/${cap}`)
    const [wanted, whole] = [await readFile(film), await readFile(join(folder, 'whole'))]
    expect(whole.equals(wanted)).toBe(true)
    await writeFile(join(folder, 'part'), wanted.subarray(0, 1_234_567))
    await curl('-C', '-', '-o', join(folder, 'part'), `${at}/uri/${cap}`)
    expect((await readFile(join(folder, 'part'))).equals(wanted)).toBe(true)
    await curl('--etag-save', join(folder, 'tag'), '-o', join(folder, 'whole'), `${at}/uri/${cap}`)
    const again = ['--etag-compare', join(folder, 'tag'), '-o', join(folder, 'nothing'), '-w', '%{http_code}']
    expect(await curl(...again, `${at}/uri/${cap}`)).toBe('304')
  })

  test('makes a directory, uploads into it by form and by path, and lists it', async () => {
    const dir = await curl('-X', 'POST', `${at}/uri?t=mkdir`)
    await mkdir(join(folder, 'photos'))
    const photo = await makeFile(join(folder, 'photos', 'a b.jpg'), 100_000)
    await curl('-F', `file=@"${photo}"`, `${at}/uri/${dir}/photos?t=upload`)
    await curl('-T', photo, `${at}/uri/${dir}/photos/2026/`)
    const { entries } = JSON.parse(await curl(`${at}/uri/${dir}/photos`))
    expect(entries).toEqual([
      { name: '2026', kind: 'directory' },
      { name: 'a b.jpg', kind: 'file', sizeBytes: 100_000 },
    ])
    const lines = (await curl('-X', 'POST', `${at}/uri/${dir}?t=stream-manifest`)).trim().split('\n')
    expect(lines.length).toBe(6)
    expect(
      JSON.parse(await curl('-X', 'POST', `${at}/uri/${dir}/photos/a%20b.jpg?t=check&verify=true`)),
    ).toMatchObject({
      results: { healthy: true },
    })
    await curl('-X', 'DELETE', `${at}/uri/${dir}/photos/2026`)
    await curl('-d', '', `${at}/uri/${dir}?t=start-deep-size&ophandle=one`)
    await expect
      .poll(async () => JSON.parse(await curl(`${at}/operations/one?t=status&output=JSON`)), {
        timeout: 20_000,
      })
      .toEqual({ finished: true, size: 100_000 })
    expect(JSON.parse(await curl(`${at}/openapi.json`))).toMatchObject({ openapi: '3.1.0' })
    // What the daemon has written all the while, and what other users of the machine see of it.
    const [, , secret = dir] = dir.split(':')
    expect(daemon.stderr + daemon.stdout).not.toContain(secret.slice(0, 20))
    const metrics = await (
      await fetch(`${at}/metrics`, { headers: { authorization: `Bearer ${token}` } })
    ).text()
    expect(metrics).toContain('route="/uri/:capability/*",method="PUT"')
    expect(metrics).not.toContain(secret.slice(0, 20))
    const title = await readFile(`/proc/${daemon.child.pid}/cmdline`, 'utf8')
    expect(title).not.toContain(secret.slice(0, 20))
  })

  test('is refused without the token', async () => {
    const answer = await fetch(`${at}/uri?t=mkdir`, { method: 'POST' })
    expect(answer.status).toBe(401)
  })
})
