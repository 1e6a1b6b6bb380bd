/**
 * The records of servers between two runs of a daemon, which alone writes them: a while after something was noted, and
 * when it is closed. A crash forgets what was noted in that while, and nothing else.
 */
import { IntegrityError, InvalidInputError } from '#crypto'
import { LateSave } from '../late-save.ts'
import type { Platform } from '../platform/platform.ts'
import { readWholeFile, replaceFile } from '../replace-file.ts'
import { SERVER_RECORDS_SAVE_MILLISECONDS } from './limits.ts'
import { SERVER_RECORDS_FILE_MAX_BYTES, ServerRecords } from './server-records.ts'

const RECORDS_FILE = 'servers.cbor'

type RecordsPlatform = Pick<Platform, 'disk' | 'clock' | 'log'>

export class ServerRecordsFile implements AsyncDisposable {
  readonly records: ServerRecords
  readonly #late: LateSave

  private constructor(platform: RecordsPlatform, folder: string) {
    this.#late = new LateSave(platform, {
      what: 'the records of servers',
      delayMilliseconds: SERVER_RECORDS_SAVE_MILLISECONDS,
      save: () => replaceFile(platform.disk, folder, { name: RECORDS_FILE, bytes: this.records.format() }),
    })
    this.records = new ServerRecords(() => this.#late.noteChange())
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
    await this.#late[Symbol.asyncDispose]()
  }
}
