/** Taking in what hosts have put into a drop-box. */
import type { CollectOptions, CollectReport } from './types.ts'

export async function collect(_parts: object, _options: CollectOptions = {}): Promise<CollectReport> {
  return { drops: 0, packs: 0, snapshots: 0, refused: [] }
}
