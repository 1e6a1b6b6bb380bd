/** What stands in the files of a mixed tree: as compressible, or as little, as what people keep. */
import { Seeded } from './seeded.ts'

export type ContentKind = 'text' | 'log' | 'media' | 'table' | 'image'

const WORD_COUNT = 4096
const BREAK_EVERY_WORDS = 12
const LEVELS = ['DEBUG', 'INFO', 'INFO', 'INFO', 'NOTICE', 'WARN', 'ERROR']
const SERVICES = ['kernel', 'sshd', 'cron', 'postgres', 'nginx', 'systemd', 'dockerd']
const LOG_START_MILLISECONDS = Date.UTC(2024, 0, 1)
/** A row of a table: a counter and small numbers, between them what no code shortens. */
const ROW_BYTES = 48
const ROW_RANDOM_BYTES = 16
/** An image of a disk: pages that are in use, pages that are zeros. */
const PAGE_BYTES = 4096

/** So many bytes of the kind, which belong to the caller. */
export function contentOf(kind: ContentKind, sizeBytes: number, seeded: Seeded): Buffer {
  switch (kind) {
    case 'text':
      return textOf(sizeBytes, seeded)
    case 'log':
      return logOf(sizeBytes, seeded)
    case 'media':
      return seeded.bytes(sizeBytes)
    case 'table':
      return tableOf(sizeBytes, seeded)
    case 'image':
      return imageOf(sizeBytes, seeded)
  }
}

/** Made-up words, in every tree the same ones. */
const words = makeWords()
const wordBytes = words.map((word) => new TextEncoder().encode(`${word} `))

function makeWords(): readonly string[] {
  const seeded = new Seeded('words')
  const syllables = Array.from(
    { length: 256 },
    () => seeded.pick([...'bcdfghklmnprstvw']) + seeded.pick([...'aeiou']),
  )
  return Array.from({ length: WORD_COUNT }, (_, rank) => {
    const length = 1 + seeded.below(rank < 100 ? 2 : 4)
    return Array.from({ length }, () => seeded.pick(syllables)).join('')
  })
}

/** Words as often as in a language: few of them most of the time. */
function textOf(sizeBytes: number, seeded: Seeded): Buffer {
  const text = Buffer.alloc(sizeBytes)
  let offset = 0
  for (let count = 1; offset < sizeBytes; count += 1) {
    const part = seeded.fraction()
    const word = wordBytes[Math.floor(WORD_COUNT * part * part * part)]
    // Byte by byte: words are too short for the call of a copy to be worth it; what is past the end is not written.
    for (let index = 0; word !== undefined && index < word.length; index += 1) {
      text[offset + index] = word[index] ?? 0
    }
    offset += word?.length ?? 0
    if (count % BREAK_EVERY_WORDS === 0) text[offset - 1] = 0x0a
  }
  return text
}

function logOf(sizeBytes: number, seeded: Seeded): Buffer {
  const log = Buffer.alloc(sizeBytes, 0x0a)
  const host = `host${seeded.below(100)}`
  let milliseconds = LOG_START_MILLISECONDS + seeded.uint32()
  for (let offset = 0; offset < sizeBytes; ) {
    milliseconds += seeded.below(2000)
    const head = `${new Date(milliseconds).toISOString()} ${host} ${seeded.pick(SERVICES)} ${seeded.pick(LEVELS)}: `
    const said = `${words[seeded.below(64)]} ${words[seeded.below(256)]} ${words[seeded.below(WORD_COUNT)]} `
    const numbers = `pid=${seeded.below(32768)} took=${seeded.below(5000)}ms id=${seeded.uint32().toString(16)}\n`
    offset += log.write(head + said + numbers, offset, 'latin1')
  }
  return log
}

function tableOf(sizeBytes: number, seeded: Seeded): Buffer {
  const table = Buffer.alloc(sizeBytes)
  const random = seeded.bytes(Math.ceil(sizeBytes / ROW_BYTES) * ROW_RANDOM_BYTES)
  const first = seeded.uint32()
  for (let row = 0; (row + 1) * ROW_BYTES <= sizeBytes; row += 1) {
    const start = row * ROW_BYTES
    table.writeUInt32LE((first + row) >>> 0, start)
    table.writeUInt16LE(row % 977, start + 8)
    random.copy(table, start + 16, row * ROW_RANDOM_BYTES, (row + 1) * ROW_RANDOM_BYTES)
  }
  return table
}

function imageOf(sizeBytes: number, seeded: Seeded): Buffer {
  const image = Buffer.alloc(sizeBytes)
  for (let start = 0; start < sizeBytes; ) {
    const runBytes = Math.min(sizeBytes - start, PAGE_BYTES * seeded.magnitude(1, 64))
    const kind = seeded.below(4)
    if (kind === 1) seeded.bytes(runBytes).copy(image, start)
    if (kind === 2) textOf(runBytes, seeded).copy(image, start)
    if (kind === 3) tableOf(runBytes, seeded).copy(image, start)
    start += runBytes
  }
  return image
}
