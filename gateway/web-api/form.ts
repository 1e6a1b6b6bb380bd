/**
 * Bodies of POST that carry arguments: `application/x-www-form-urlencoded`, and `multipart/form-data` with one file,
 * which is read as it comes (RFC 7578).
 */
import { Readable } from 'node:stream'
import { Busboy, type BusboyFileStream, type BusboyInstance } from '@fastify/busboy'
import type { FastifyRequest } from 'fastify'
import { InvalidInputError } from '#crypto'
import type { UploadSource } from '#node'
import { Arguments, STORING_ARGUMENTS } from './arguments.ts'
import { requestBody, textBody } from './request-body.ts'
import type { WebCall } from './web-call.ts'

/** Arguments of a form, names and values together: a few capabilities and names. */
export const FORM_FIELDS_MAX_BYTES = 65_536
/** More than there are arguments. */
export const FORM_PARTS_MAX = 32
const FORM_LIMITS = Object.freeze({
  fieldNameSize: 64,
  fieldSize: FORM_FIELDS_MAX_BYTES,
  fields: FORM_PARTS_MAX,
  files: 1,
  parts: FORM_PARTS_MAX,
  headerPairs: 16,
  headerSize: 8192,
})

export function isMultipart({ headers }: FastifyRequest): boolean {
  return /^multipart\/form-data\s*;/i.test(headers['content-type'] ?? '')
}

/** The arguments of the query and, where the body is a form without a file, of that. @throws InvalidInputError */
export async function withFormArguments(call: WebCall): Promise<Arguments> {
  const { request, args } = call
  if (!/^application\/x-www-form-urlencoded\b/i.test(request.headers['content-type'] ?? '')) return args
  return args.and(Arguments.ofQuery(await textBody(call, FORM_FIELDS_MAX_BYTES)))
}

export interface UploadedForm<Result> {
  /** Of the query, and of the fields before and after the file. */
  readonly args: Arguments
  readonly fileName: string | undefined
  readonly result: Result
}

/**
 * Read a form, and do the work with its field `file` as it comes. Arguments that say how the file is stored stand
 * before it.
 *
 * @throws InvalidInputError if they do not, if there is no such field, or anything beside the limits
 */
export async function readUploadForm<Result>(
  call: WebCall,
  work: (file: UploadSource, args: Arguments) => Promise<Result>,
): Promise<UploadedForm<Result>> {
  const { request, args } = call
  const form = new FormReader(request.headers['content-type'] ?? '')
  const body = Readable.from(requestBody(call).open(), { objectMode: false })
  body.on('error', (error) => form.fail(error))
  body.pipe(form.parser)
  try {
    const file = await form.file
    const before = args.and(Arguments.of(form.fields))
    const source = { sizeBytes: undefined, rereadable: false, open: () => bytesOf(file.stream) }
    const result = await Promise.race([work(source, before), form.failure])
    file.stream.resume()
    await form.end
    return { args: args.and(Arguments.of(form.fields)), fileName: file.name, result }
  } catch (error) {
    form.fail(error)
    throw error
  } finally {
    body.unpipe(form.parser)
    body.destroy()
    form.parser.destroy()
  }
}

interface FormFile {
  readonly stream: BusboyFileStream
  readonly name: string | undefined
}

class FormReader {
  readonly parser: BusboyInstance
  /** The field `file`, when it comes. */
  readonly file: Promise<FormFile>
  readonly end: Promise<void>
  /** Never resolves. */
  readonly failure: Promise<never>
  readonly fields: [string, string][] = []
  readonly fail: (error: unknown) => void
  #fieldsSizeBytes = 0

  constructor(contentType: string) {
    const file = Promise.withResolvers<FormFile>()
    const end = Promise.withResolvers<void>()
    const failure = Promise.withResolvers<never>()
    this.file = file.promise
    this.end = end.promise
    this.failure = failure.promise
    this.fail = (error) => {
      for (const { reject } of [file, end, failure]) reject(error)
      // Whoever still reads the file shall not wait for more of it.
      file.promise.then(({ stream }) => stream.destroy(malformedForm())).catch(() => undefined)
    }
    // Whoever waits hears of it; of the others it is not unhandled.
    for (const { promise } of [file, end, failure]) promise.catch(() => undefined)
    this.parser = openParser(contentType)
    let hasFile = false
    this.parser.on('field', (name, value, nameTruncated, valueTruncated) => {
      if (hasFile && STORING_ARGUMENTS.includes(name)) this.fail(tooLate())
      this.#fieldsSizeBytes += name.length + value.length
      if (nameTruncated || valueTruncated || this.#fieldsSizeBytes > FORM_FIELDS_MAX_BYTES)
        this.fail(tooLong())
      else this.fields.push([name, value])
    })
    this.parser.on('file', (name, stream, fileName) => {
      // Whoever reads it hears of its errors; where nobody does they must not end the process.
      stream.on('error', () => undefined)
      hasFile = true
      if (name === 'file') return file.resolve({ stream, name: fileName === '' ? undefined : fileName })
      stream.resume()
      this.fail(new InvalidInputError('one file in the field `file` is wanted, found one in another field'))
    })
    for (const limit of ['partsLimit', 'filesLimit', 'fieldsLimit'] as const) {
      this.parser.on(limit, () => this.fail(tooLong()))
    }
    this.parser.on('error', () => this.fail(malformedForm()))
    this.parser.on('finish', () => {
      file.reject(new InvalidInputError('a file in the field `file` is wanted, found none'))
      end.resolve()
    })
  }
}

function openParser(contentType: string): BusboyInstance {
  try {
    return new Busboy({ headers: { 'content-type': contentType }, limits: FORM_LIMITS })
  } catch {
    throw malformedForm()
  }
}

/** Its words may quote the form. */
function malformedForm(): InvalidInputError {
  return new InvalidInputError('a form as RFC 7578 has it is wanted: multipart/form-data with its boundary')
}

function tooLate(): InvalidInputError {
  return new InvalidInputError(
    `${STORING_ARGUMENTS.join(', ')} are wanted before the file, found one behind it`,
  )
}

function tooLong(): InvalidInputError {
  return new InvalidInputError(
    `a form of one file, at most ${FORM_PARTS_MAX} parts and ${FORM_FIELDS_MAX_BYTES} bytes of fields is wanted`,
  )
}

async function* bytesOf(stream: AsyncIterable<unknown>): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const bytes of stream) if (bytes instanceof Uint8Array) yield bytes
  } catch {
    throw malformedForm()
  }
}
