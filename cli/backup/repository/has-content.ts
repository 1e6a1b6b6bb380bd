/** Whether all blobs of a content are there, lists among them: then a snapshot may refer to it. */
import type { BlobId, Content } from '#crypto'
import { NotFoundError } from '#node'
import type { ContentReader } from './content-reader.ts'
import { isLoss } from './losses.ts'
import type { BlobStore, Cancel } from './types.ts'

export async function hasContent(
  {
    blobs,
    contents,
  }: { readonly blobs: Pick<BlobStore, 'has'>; readonly contents: Pick<ContentReader, 'ids'> },
  content: Content,
  options: Cancel = {},
): Promise<boolean> {
  const onList = async (id: BlobId): Promise<void> => {
    if (!(await blobs.has(id))) throw new NotFoundError('a list of the content is not there')
  }
  try {
    for await (const id of contents.ids(content, { ...options, onList })) {
      if (!(await blobs.has(id))) return false
    }
    return true
  } catch (error) {
    if (isLoss(error)) return false
    throw error
  }
}
