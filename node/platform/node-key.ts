/**
 * The node's Ed25519 key: a file that holds the 32-byte seed of RFC 8032, readable by its owner alone (PROTOCOL §2).
 */
import { randomBytes } from 'node:crypto'
import { link, mkdir, open, readFile, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { assert, InvalidInputError, Secret } from '#crypto'

export const NODE_KEY_SIZE_BYTES = 32

/** The seed of a node's key. Whoever has it is the node. */
export type NodeKey = Secret<Uint8Array>

/** Wraps a seed that the caller has from elsewhere. @throws InvalidInputError unless it is 32 bytes */
export function nodeKeyFromSeed(seed: Uint8Array): NodeKey {
  if (seed.length !== NODE_KEY_SIZE_BYTES) {
    throw new InvalidInputError(`a node key of ${NODE_KEY_SIZE_BYTES} bytes wanted, found ${seed.length}`)
  }
  return new Secret(seed.slice())
}

/** A key that lives as long as the process: for a client that keeps no home. */
export function temporaryNodeKey(): NodeKey {
  return nodeKeyFromSeed(new Uint8Array(randomBytes(NODE_KEY_SIZE_BYTES)))
}

/**
 * Read the key file, or make one with mode 0600. Of two processes that make it at once, one wins and both return
 * its key.
 *
 * @throws InvalidInputError if the file holds anything but 32 bytes: it is never overwritten
 */
export async function loadOrCreateNodeKey(path: string): Promise<NodeKey> {
  const found = await findNodeKey(path)
  if (found !== undefined) return found
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await createKey(path)
  const created = await findNodeKey(path)
  assert(created !== undefined, 'a key file that was made can be read')
  return created
}

/** Undefined if there is no such file. @throws InvalidInputError if it holds anything but 32 bytes */
export async function findNodeKey(path: string): Promise<NodeKey | undefined> {
  let seed: Uint8Array
  try {
    seed = new Uint8Array(await readFile(path))
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error
  }
  if (seed.length !== NODE_KEY_SIZE_BYTES) {
    throw new InvalidInputError(
      `the key file ${path} holds ${seed.length} bytes, ${NODE_KEY_SIZE_BYTES} wanted`,
    )
  }
  return new Secret(seed)
}

/** A whole file appears under the name at once, so that no crash leaves half a key. */
async function createKey(path: string): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}.new`
  try {
    const file = await open(draft, 'wx', 0o600)
    try {
      await file.writeFile(randomBytes(NODE_KEY_SIZE_BYTES))
      await file.sync()
    } finally {
      await file.close()
    }
    await link(draft, path)
    const folder = await open(dirname(path), 'r')
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error
  } finally {
    await rm(draft, { force: true })
  }
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
