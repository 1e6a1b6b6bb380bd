/** A level database of any make as the platform's KeyValueIndex. */
import type { AbstractLevel } from 'abstract-level'
import { IntegrityError } from '#crypto'
import type { IndexOperation, KeyValueIndex } from './platform.ts'

/** Entries that an iterator fetches at a time; level stops sooner at 16 KiB. */
const RUN_MAX = 256

/** @param level open, with binary keys and values; closed with the index */
export function levelIndex<Format>(level: AbstractLevel<Format, Uint8Array, Uint8Array>): KeyValueIndex {
  const encodings = { keyEncoding: 'view', valueEncoding: 'view' } as const
  return Object.freeze({
    async get(key: Uint8Array) {
      // On this thread: a record is in memory or one page away, and handing the look-up to another thread costs more.
      const value = look(() => level.getSync(key, encodings))
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

interface Entries {
  nextv(countMax: number): Promise<[Uint8Array | undefined, Uint8Array | undefined][]>
  close(): Promise<void>
}

/** In runs: each is a trip to another thread, and most ranges end within the first. */
async function* plainEntries(entries: Entries): AsyncGenerator<readonly [Uint8Array, Uint8Array]> {
  try {
    for (let run = await entries.nextv(RUN_MAX); run.length > 0; run = await entries.nextv(RUN_MAX)) {
      for (const [key, value] of run) {
        if (key !== undefined && value !== undefined) yield [plain(key), plain(value)]
      }
    }
  } catch (error) {
    translate(error)
  } finally {
    await entries.close()
  }
}

function look<Value>(read: () => Value): Value {
  try {
    return read()
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
