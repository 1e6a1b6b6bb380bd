/** What the tar of this system makes of our archives. */
import { execFile, spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, readlink, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { NotFoundError } from '#node'
import { printablePath, ROOT_PATH, readPath } from '../../../cli/backup/byte-path.ts'
import { tarOf } from '../../../cli/backup/tar.ts'
import { spotAt } from '../../../cli/backup/walk.ts'
import { collect } from '../../support/grid-stages.ts'
import { Made, MemoryTrees } from '../../support/memory-trees.ts'

const LONG = `${'long '.repeat(40)}name`
const trees = new MemoryTrees()
const large = new Uint8Array(300_000).map((_, index) => index % 251)
const linked = { linkCount: 2, inode: 7n, content: trees.putFile(Buffer.from('twice')) }
const root = trees.put({
  home: {
    'a.txt': new Made({
      mode: 0o600,
      modifiedAtNanoseconds: 1_234_567_890_123_456_789n,
      content: trees.putFile(Buffer.from('A')),
    }),
    empty: {},
    first: new Made(linked),
    second: new Made(linked),
    large,
    link: new Made({ kind: 'symlink', target: Buffer.from('a.txt') }),
    [LONG]: { [LONG]: 'deep' },
    old: new Made({ modifiedAtNanoseconds: -1_500_000_000n, content: trees.putFile(new Uint8Array(0)) }),
    'odd\xff': 'odd',
    socket: new Made({ kind: 'socket' }),
  },
})

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cairn-tar-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function unpack(path: string): Promise<readonly string[]> {
  const problems: string[] = []
  const spot = await spotAt(trees, root, { readings: readPath(path) })
  const archive = tarOf(trees, spot, { onProblem: ({ path: where }) => problems.push(printablePath(where)) })
  const tar = spawn('tar', ['-x', '--no-same-owner', '-C', folder], { stdio: ['pipe', 'inherit', 'inherit'] })
  const ended = new Promise((resolve) => tar.on('close', resolve))
  await pipeline(Readable.from(archive), tar.stdin)
  expect(await ended).toBe(0)
  return problems
}

test('all comes out of it: contents, long names, links, modes and times', async () => {
  expect(await unpack('/home')).toEqual(['/home/odd\\xff', '/home/socket'])
  const home = join(folder, 'home')
  const names = await readdir(home)
  expect(names.sort()).toEqual(
    ['a.txt', 'empty', 'first', 'large', 'link', LONG, 'odd\\xff', 'old', 'second'].sort(),
  )
  expect(await readFile(join(home, 'a.txt'), 'utf8')).toBe('A')
  const { mode, mtimeNs } = await stat(join(home, 'a.txt'), { bigint: true })
  expect([mode & 0o777n, mtimeNs]).toEqual([0o600n, 1_234_567_890_123_456_789n])
  expect((await stat(join(home, 'old'), { bigint: true })).mtimeNs).toBe(-1_500_000_000n)
  expect(Buffer.compare(await readFile(join(home, 'large')), large)).toBe(0)
  expect(await readlink(join(home, 'link'))).toBe('a.txt')
  expect(await readFile(join(home, LONG, LONG), 'utf8')).toBe('deep')
  expect((await stat(join(home, 'first'))).ino).toBe((await stat(join(home, 'second'))).ino)
})

test('of the root, all that is in it; a failure of the repository is one of the archive', async () => {
  const listed: Uint8Array[] = []
  const all = tarOf(
    trees,
    { path: ROOT_PATH, entry: undefined, content: root },
    { onProblem: () => undefined },
  )
  for await (const bytes of all) listed.push(bytes)
  const list = promisify(execFile)('tar', ['-t'], { maxBuffer: 1e6 })
  list.child.stdin?.end(Buffer.concat(listed))
  expect((await list).stdout.split('\n')[0]).toBe('home/')
  const broken = {
    readTree: trees.readTree.bind(trees),
    async *readContent(): AsyncGenerator<Uint8Array> {
      yield Uint8Array.of(1)
      throw new NotFoundError('a pack is gone')
    },
  }
  const failing = tarOf(
    broken,
    { path: ROOT_PATH, entry: undefined, content: root },
    { onProblem: () => undefined },
  )
  await expect(collect(failing)).rejects.toThrow('a pack is gone')
})
