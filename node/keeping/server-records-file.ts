/**
 * The records of servers between two runs of a daemon, which alone writes them: a while after something was noted, and
 * when it is closed. A crash forgets what was noted in that while, and nothing else.
 */
import { GridError, IntegrityError, InvalidInputError } from '#crypto'
import type { Platform } from '../platform/platform.ts'
import { readWholeFile, replaceFile } from '../replace-file.ts'
import { SERVER_RECORDS_SAVE_MILLISECONDS } from './limits.ts'
import { SERVER_RECORDS_FILE_MAX_BYTES, ServerRecords } from './server-records.ts'

const RECORDS_FILE = 'servers.cbor'

type RecordsPlatform = Pick<Platform, 'disk' | 'clock' | 'log'>

export class ServerRecordsFile implements AsyncDisposable {
  readonly records: ServerRecords
  readonly #platform: RecordsPlatform
  readonly #folder: string
  readonly #stop = new AbortController()
  #needsSave = false
  #saving: Promise<void> | undefined

  private constructor(platform: RecordsPlatform, folder: string) {
    this.#platform = platform
    this.#folder = folder
    this.records = new ServerRecords(() => {
      this.#needsSave = true
      this.#saving ??= this.#saveSoon()
    })
  }

  /**
   * A file that cannot be read is passed over, and said so: what was measured is measured again.
   *
   * @param folder exists, and durably so
   */
  static async open(platform: RecordsPlatform, folder: string): Promise<ServerRecordsFile> {
    const file = new ServerRecordsFile(platform, folder)
    const path = `${folder}/${RECORDS_FILE}`
    try {
      const bytes = await readWholeFile(platform.disk, path, SERVER_RECORDS_FILE_MAX_BYTES)
      if (bytes !== undefined) file.records.restore(bytes)
    } catch (error) {
      if (!(error instanceof InvalidInputError || error instanceof IntegrityError)) throw error
      platform.log.warn('the records of servers cannot be read and begin anew', { reason: error.message })
    }
    return file
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new DOMException('the node is stopping', 'AbortError'))
    await this.#saving
    await this.#save()
  }

  async #saveSoon(): Promise<void> {
    const { signal } = this.#stop
    try {
      await this.#platform.clock.sleep(SERVER_RECORDS_SAVE_MILLISECONDS, { signal })
      await this.#save()
    } catch (error) {
      if (!signal.aborted) this.#platform.log.error('the records of servers could not be kept', { error })
    } finally {
      this.#saving = undefined
    }
  }

  async #save(): Promise<void> {
    if (!this.#needsSave) return
    const { disk, log } = this.#platform
    this.#needsSave = false
    try {
      await replaceFile(disk, this.#folder, { name: RECORDS_FILE, bytes: this.records.format() })
    } catch (error) {
      if (!(error instanceof GridError)) throw error
      log.warn('the records of servers could not be kept', { reason: error.message })
      this.#needsSave = true
    }
  }
}
