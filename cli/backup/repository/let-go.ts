/**
 * The last step of a prune: packs that nobody needs leave `data/` for good, and a record says where they are as long
 * as their leases last.
 */
import {
  type FreedPack,
  formatFreedRecord,
  formatPackId,
  freedRecordId,
  GridError,
  INDEX_ROWS_MAX,
} from '#crypto'
import { EDIT_CHANGES_MAX, type GridFiles } from '#gateway'
import { type DirectoryChange, mapInOrder } from '#node'
import type { KnownPack } from './blob-index.ts'
import { formatDataName } from './layout.ts'
import { FETCHES_IN_FLIGHT_MAX, FREED_KEPT_MILLISECONDS } from './limits.ts'
import type { LocalState } from './local-state.ts'
import { putSmallFile } from './small-files.ts'
import type { StoredRepository } from './stored-repository.ts'
import type { Cancel } from './types.ts'

/** Of one record, which goes into `data/` in the edit that takes its packs out. */
const PACKS_TOGETHER_MAX = Math.floor(EDIT_CHANGES_MAX / 2)

export interface LetGoParts {
  readonly files: Pick<GridFiles, 'put'>
  readonly state: LocalState
  readonly stored: StoredRepository
}

export interface LetGoOptions extends Cancel {
  readonly packs: readonly KnownPack[]
  /** What `data/` calls a pack that this prune has taken out. */
  readonly freeingName: (packName: string) => string
  readonly onProgress: (donePacks: number) => void
}

export async function letGo(parts: LetGoParts, options: LetGoOptions): Promise<void> {
  const { state, stored } = parts
  let group: FreedPack[] = []
  let rowCount = 0
  let done = 0
  const writeGroup = async (): Promise<void> => {
    await writeRecord(parts, group, options)
    group = []
    rowCount = 0
  }
  const tables = mapInOrder(options.packs, FETCHES_IN_FLIGHT_MAX, async (pack) => {
    return {
      pack,
      table: await stored.data
        .tableOf(pack.capability, { ...options, sizeBytes: pack.sizeBytes })
        .catch(noTable),
    }
  })
  for await (const { pack, table } of tables) {
    const isFull = table !== undefined && rowCount + table.rows.length > INDEX_ROWS_MAX
    if (isFull || group.length >= PACKS_TOGETHER_MAX) await writeGroup()
    if (table === undefined) await stored.data.edit([removal(options.freeingName(pack.name))], options)
    else group.push({ ...table, file: pack.capability })
    rowCount += table?.rows.length ?? 0
    await state.index.drop(pack)
    done += 1
    options.onProgress(done)
  }
  await writeGroup()
}

/** Records of what was let go of so long ago that nothing is left of it. */
export async function dropOldRecords(
  { state, stored }: Omit<LetGoParts, 'files'>,
  options: Cancel,
): Promise<void> {
  const { freed } = await stored.data.list(options)
  const before = state.clock.now() - FREED_KEPT_MILLISECONDS
  const old = [...freed].filter(([, { linkedAtMilliseconds }]) => linkedAtMilliseconds < before)
  await stored.data.edit(
    old.map(([id]) => removal(formatDataName({ kind: 'freed', id }))),
    options,
  )
}

async function writeRecord(
  { files, state, stored }: LetGoParts,
  packs: readonly FreedPack[],
  options: LetGoOptions,
): Promise<void> {
  if (packs.length === 0) return
  const freedAtMilliseconds = state.clock.now()
  const bytes = formatFreedRecord({ freedAtMilliseconds, packs })
  const capability = await putSmallFile(files, bytes, options)
  const name = formatDataName({ kind: 'freed', id: freedRecordId(bytes) })
  const metadata = { sizeBytes: bytes.length, modifiedAtMilliseconds: freedAtMilliseconds }
  const record = { kind: 'set', name, capability, metadata, ifExists: 'replace' } as const
  const removals = packs.map((pack) => removal(options.freeingName(formatPackId(pack.packId))))
  await stored.data.edit([record, ...removals], options)
}

function removal(name: string): DirectoryChange {
  return { kind: 'remove', name, ifMissing: 'ignore' }
}

/** Of a pack that cannot be read: nothing is to be said of it, and it goes all the same. */
function noTable(error: unknown): undefined {
  if (error instanceof GridError) return undefined
  throw error
}
