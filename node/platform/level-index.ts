/** A level database of any make as the platform's KeyValueIndex. */
import type { AbstractLevel } from 'abstract-level'
import { IntegrityError } from '#crypto'
import type { IndexOperation, KeyValueIndex } from './platform.ts'

/** @param level open, with binary keys and values; closed with the index */
export function levelIndex<Format>(level: AbstractLevel<Format, Uint8Array, Uint8Array>): KeyValueIndex {
  const encodings = { keyEncoding: 'view', valueEncoding: 'view' } as const
  return Object.freeze({
    async get(key: Uint8Array) {
      const value = await level.get(key, encodings).catch(translate)
      return value === undefined ? undefined : plain(value)
    },

    async getMany(keys: readonly Uint8Array[]) {
      const values = await level.getMany([...keys], encodings).catch(translate)
      return values.map((value) => (value === undefined ? undefined : plain(value)))
    },

    async batch(operations: readonly IndexOperation[], { sync }: { readonly sync: boolean }) {
      // abstract-level hands options that it does not know to the database below, which knows `sync`.
      const options = { ...encodings, sync }
      await level.batch([...operations], options).catch(translate)
    },

    iterator(range: { readonly gte: Uint8Array; readonly lt: Uint8Array }) {
      return plainEntries(level.iterator({ ...range, ...encodings }))
    },

    close: () => level.close(),
  })
}

async function* plainEntries(
  entries: AsyncIterable<[Uint8Array, Uint8Array]>,
): AsyncGenerator<readonly [Uint8Array, Uint8Array]> {
  try {
    for await (const [key, value] of entries) yield [plain(key), plain(value)]
  } catch (error) {
    translate(error)
  }
}

/** Rethrow: what level says of a damaged table is for the caller to act on. */
function translate(cause: unknown): never {
  const isDamage = cause instanceof Error && 'code' in cause && cause.code === 'LEVEL_CORRUPTION'
  throw isDamage ? new IntegrityError('the index is damaged', {}, { cause }) : cause
}

/** level gives Buffers; nobody shall come to rely on that. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}
