/**
 * Listing a directory so that everything that was ever reported as written is in it. What an ordinary listing gives
 * may be out of date when few servers answer, which is good enough to restore from, and not to judge by what may go.
 */
import type { GridFiles } from '#gateway'
import { type DirectoryCapability, type NamedChild, type SlotWarning, UnhappyError } from '#node'
import type { Cancel } from './types.ts'

const TRIES_MAX = 3
const DOUBTS: ReadonlySet<SlotWarning['kind']> = new Set(['rollback', 'partial', 'unsettled'])

/**
 * @throws UnhappyError if too few servers answer, or others keep writing; what an edit throws
 */
export async function listFirmly(
  files: Pick<GridFiles, 'list' | 'edit'>,
  capability: DirectoryCapability,
  { signal }: Cancel,
): Promise<readonly NamedChild[]> {
  let doubt: SlotWarning | undefined
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    // To change nothing is to have a quorum agree on what stands.
    if (doubt !== undefined && capability.kind === 'dir') await files.edit(capability, [], { signal })
    doubt = undefined
    const children: NamedChild[] = []
    const onWarning = (warning: SlotWarning): void => {
      if (DOUBTS.has(warning.kind)) doubt ??= warning
    }
    for await (const child of files.list(capability, { signal, onWarning })) children.push(child)
    if (doubt === undefined) return children
  }
  throw new UnhappyError(`what the repository has cannot be told for certain: ${doubt?.message}`)
}
