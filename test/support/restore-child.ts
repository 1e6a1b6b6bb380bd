/**
 * A process that restores eighty files to a folder, to be killed while it does: each of 300,000 times the byte that is
 * its round. Prints how many are done.
 */
import { type Content, EMPTY_CONTENT, type TreeEntry } from '#crypto'
import { restoreTree } from '../../cli/backup/restore-tree.ts'
import { MemoryRepository } from './memory-repository.ts'

const FILES = 80
const SIZE_BYTES = 300_000
const [target = '', round = ''] = process.argv.slice(2)

const repository = new MemoryRepository()
async function* bytes(): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(SIZE_BYTES).fill(Number(round))
}
const { content } = await repository.putContent(bytes())

function entryOf(number: number): TreeEntry {
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  const times = { modifiedAtNanoseconds: BigInt(round), changedAtNanoseconds: 0n }
  const name = Buffer.from(`${number}`.padStart(2, '0'))
  return { name, kind: 'file', mode: 0o644, ...owner, ...times, inode: 1n, device: 0n, linkCount: 1, content }
}

const { content: tree } = await repository.putTree(
  Array.from({ length: FILES }, (_, number) => entryOf(number)),
)

let done = 0
await restoreTree(
  {
    readTree: () => repository.readTree(tree),
    async *readContent(of: Content) {
      console.log(done)
      yield* repository.readContent(of)
      done += 1
    },
  },
  EMPTY_CONTENT,
  { target: Buffer.from(target), overwrite: 'always' },
)
