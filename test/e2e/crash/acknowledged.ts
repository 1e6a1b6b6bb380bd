/** What the clients of all rounds have told, added up. */
import { Promises } from '../../support/promises.ts'
import { formatStored, parseStored, type StoredFile, type Told } from './told.ts'

export class Acknowledged {
  readonly promises = new Promises()
  readonly #files = new Map<string, StoredFile>()
  /** Operations. */
  count = 0
  failedCount = 0
  readCount = 0

  get files(): readonly StoredFile[] {
    return [...this.#files.values()]
  }

  heed(told: Told): void {
    switch (told.kind) {
      case 'begun':
        this.promises.begin(told.thing, told.value)
        break
      case 'done':
        this.count += 1
        this.promises.acknowledge(told.thing, told.value)
        break
      case 'stored': {
        const file = parseStored(told.value)
        this.count += 1
        this.#files.set(file.capability, file)
        break
      }
      case 'failed':
        this.failedCount += 1
        break
      case 'read':
        this.readCount += 1
    }
  }

  /** What an entry that points to a capability has for a value; the capability itself if nobody has stored that. */
  valueOf(capability: string): string {
    const file = this.#files.get(capability)
    return file === undefined ? capability : formatStored(file)
  }
}
