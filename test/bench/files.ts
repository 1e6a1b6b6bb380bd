/** Files that benches put and get. */
import { ENCODING_DEFAULT, type Encoding, HAPPY_SERVERS_DEFAULT, type ReadCapability } from '#crypto'
import { downloadFile, type Grid, type UploadSource, uploadFile } from '#node'

const RUN_BYTES = 1024 * 1024

/** Content that no two segments of share, made as it is read. */
export function sourceOf(sizeBytes: number): UploadSource {
  return {
    sizeBytes,
    rereadable: true,
    async *open(): AsyncGenerator<Uint8Array, void, undefined> {
      for (let offset = 0; offset < sizeBytes; offset += RUN_BYTES) {
        const bytes = new Uint8Array(Math.min(RUN_BYTES, sizeBytes - offset)).fill(offset / RUN_BYTES)
        bytes[0] = 1
        yield bytes
      }
    },
  }
}

export async function putFile(
  grid: Grid,
  sizeBytes: number,
  options: { readonly encoding: Encoding; readonly happyServers: number } = {
    encoding: ENCODING_DEFAULT,
    happyServers: HAPPY_SERVERS_DEFAULT,
  },
): Promise<ReadCapability> {
  return (await uploadFile(grid, sourceOf(sizeBytes), options)).capability
}

/** @throws if not all of it comes */
export async function getFile(
  grid: Grid,
  capability: ReadCapability,
  range?: { readonly start: number; readonly end: number },
): Promise<void> {
  const download = await downloadFile(grid, capability, { range })
  const wantedBytes = download.range.end - download.range.start
  let gotBytes = 0
  for await (const bytes of download.content) gotBytes += bytes.length
  if (gotBytes !== wantedBytes) throw new Error(`${wantedBytes} bytes wanted, ${gotBytes} came`)
}
