/** Forms that store a body, and link it where the path says (WEB-API.md §7). */
import type { FastifyReply } from 'fastify'
import { type Capability, formatCapability, InvalidInputError, parseCapability } from '#crypto'
import { ConflictError, isDirectory, type UploadSource } from '#node'
import { requireContent, requireSlotWrite } from '../capabilities.ts'
import type { Arguments } from './arguments.ts'
import { metadataOf } from './children-json.ts'
import { entityTagOf, requireConditions } from './content-version.ts'
import { readUploadForm } from './form.ts'
import { requestBody, textBody } from './request-body.ts'
import { nameOf, type WebPath } from './request-path.ts'
import { slotOf, store } from './store.ts'
import { directoryAt, findIfThere, link, replaceOf, requireNoDirectory, splitLast } from './tree.ts'
import { sendCapability, sendText, type WebCall } from './web-call.ts'

/** PUT /uri: a file, or slot, that nothing links to. */
export async function putUnlinked(call: WebCall): Promise<FastifyReply> {
  const { capability } = await store(call, requestBody(call), { args: call.args })
  return sendCapability(call, capability, 201)
}

/** POST /uri?t=upload */
export async function postUnlinked(call: WebCall): Promise<FastifyReply> {
  const { result } = await readUploadForm(call, (file, args) => store(call, file, { args }))
  return sendCapability(call, result.capability)
}

/** PUT below a directory, or in place of what a slot holds. */
export async function putAt(call: WebCall, { capability: root, names }: WebPath): Promise<FastifyReply> {
  const { args } = call
  const body = requestBody(call)
  if (names.length === 0) {
    const slot = requireSlotWrite(root)
    const ifVersion = await requireVersion(call, slot)
    await store(call, body, { args, slot, ifVersion })
    return sendCapability(call, slot)
  }
  const { parents, name } = splitLast(names)
  return putChild(call, { root, parents, name, body })
}

/** POST ?t=upload: the form's file below a directory, named by `name`, or by the file's own name. */
export async function postAt(call: WebCall, { capability: root, names }: WebPath): Promise<FastifyReply> {
  const directory = await directoryAt(call, root, names)
  const uploaded = await readUploadForm(call, async (file, args) => {
    const given = args.text('name')
    if (given === undefined) requireNoConditions(call)
    const existing = given === undefined ? undefined : await findIfThere(call, directory, nameOf(given))
    const ifVersion = given === undefined ? undefined : await requireVersion(call, existing?.capability)
    requireReplaceable(existing?.capability, args)
    return await store(call, file, { args, slot: slotOf(existing?.capability), ifVersion })
  })
  const name = uploaded.args.text('name') ?? uploaded.fileName
  if (name === undefined) {
    throw new InvalidInputError('a name is wanted, as argument or of the file, found none', {
      wanted: 'a name',
      found: 'none',
      where: 'argument name',
    })
  }
  const { capability, sizeBytes } = uploaded.result
  const child = { name: nameOf(name), capability, metadata: metadataOf(sizeBytes) }
  await link(call, directory, child, replaceOf(uploaded.args))
  return sendCapability(call, capability)
}

/** What has the name is not known before the file is. @throws InvalidInputError */
function requireNoConditions({ request: { headers } }: WebCall): void {
  if (headers['if-match'] === undefined && headers['if-none-match'] === undefined) return
  throw new InvalidInputError('with If-Match or If-None-Match a name is wanted before the file, found none', {
    wanted: 'a name before the file',
    found: 'none',
    where: 'argument name',
  })
}

/** The body goes to its place once all conditions on what stands there hold. */
async function putChild(
  call: WebCall,
  place: {
    readonly root: Capability
    readonly parents: readonly string[]
    readonly name: string
    readonly body: UploadSource
  },
): Promise<FastifyReply> {
  const { args, request } = call
  const directory = await directoryAt(call, place.root, place.parents)
  const { name } = place
  const existing = (await findIfThere(call, directory, name))?.capability
  const ifVersion = await requireVersion(call, existing)
  requireReplaceable(existing, args)
  const slot = slotOf(existing)
  const { capability, sizeBytes } = await store(call, place.body, { args, slot, ifVersion })
  if (slot === undefined) {
    const isNew = request.headers['if-none-match']?.trim() === '*'
    const child = { name, capability, metadata: metadataOf(sizeBytes) }
    await link(call, directory, child, isNew ? 'false' : replaceOf(args))
  }
  return sendCapability(call, capability, existing === undefined ? 201 : 200)
}

/** Before the body is read: what is to stay is not uploaded for nothing. @throws ConflictError */
function requireReplaceable(existing: Capability | undefined, args: Arguments): void {
  const replace = replaceOf(args)
  if (replace === 'only-files') requireNoDirectory(existing)
  if (existing === undefined || replace !== 'false') return
  throw new ConflictError('something else has this name, and replace=false', {
    wanted: 'nothing',
    found: 'an entry',
    where: 'path',
  })
}

/** PUT ?t=uri: the body is a capability; it gets the name. */
export async function putCapability(
  call: WebCall,
  { capability: root, names }: WebPath,
): Promise<FastifyReply> {
  const { parents, name } = splitLast(names)
  const child = parseCapability((await textBody(call, CAPABILITY_BODY_MAX_BYTES)).trim())
  const directory = await directoryAt(call, root, parents)
  const existing = (await findIfThere(call, directory, name))?.capability
  await requireVersion(call, existing)
  requireReplaceable(existing, call.args)
  await link(
    call,
    directory,
    { name, capability: requireLinkable(child), metadata: {} },
    replaceOf(call.args),
  )
  return sendText(call.reply, formatCapability(child), existing === undefined ? 201 : 200)
}

/** The longest capability has less than two hundred. */
export const CAPABILITY_BODY_MAX_BYTES = 1024

/** Directories hold what reads. @throws InvalidInputError */
export function requireLinkable(capability: Capability): Exclude<Capability, { readonly access: 'verify' }> {
  if (capability.access !== 'verify') return capability
  throw new InvalidInputError('a capability that reads or writes is wanted, found one that only verifies')
}

/**
 * `If-Match` and `If-None-Match` on what is to be replaced.
 *
 * @returns of a slot that a tag named, the version that must still hold when it is written
 * @throws PreconditionFailedError
 */
export async function requireVersion(
  call: WebCall,
  existing: Capability | undefined,
): Promise<string | undefined> {
  const { headers } = call.request
  if (headers['if-match'] === undefined && headers['if-none-match'] === undefined) return undefined
  const { tag, version } = existing === undefined ? NO_VERSION : await versionOf(call, existing)
  requireConditions(headers, { exists: existing !== undefined, tag })
  return headers['if-match'] === undefined || headers['if-match'].trim() === '*' ? undefined : version
}

interface Version {
  readonly tag: string | undefined
  /** Of a slot. */
  readonly version: string | undefined
}

const NO_VERSION: Version = Object.freeze({ tag: undefined, version: undefined })

async function versionOf({ parts, signal }: WebCall, capability: Capability): Promise<Version> {
  const { token } = parts
  if (isDirectory(capability) || capability.access === 'verify') return NO_VERSION
  const content = requireContent(capability)
  const known = entityTagOf(content, { token, version: undefined })
  if (known !== undefined) return { tag: known, version: undefined }
  const opened = await parts.files.get(content, { signal })
  await opened.close()
  const { version } = opened
  return { tag: entityTagOf(content, { token, version }), version }
}
