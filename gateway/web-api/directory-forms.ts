/** Forms that make directories and change what is in them (WEB-API.md §8). */
import type { FastifyReply } from 'fastify'
import { type Capability, isSameCapability, parseCapability } from '#crypto'
import { isDirectory, type NamedChild } from '#node'
import { requireDirectoryWrite } from '../capabilities.ts'
import { EDIT_CHANGES_MAX, TREE_CHILDREN_MAX } from '../directory-messages.ts'
import { EDIT_BODY_MAX_BYTES, TREE_BODY_MAX_BYTES } from '../routes/directories.ts'
import { hasBody, jsonOf } from '../routes/request.ts'
import { childrenBody } from './children-json.ts'
import { requireLinkable, requireVersion } from './put-forms.ts'
import { readWithin } from './request-body.ts'
import { nameOf, parseCapabilityPath, type WebPath } from './request-path.ts'
import {
  directoryAt,
  find,
  findIfThere,
  ifExistsOf,
  link,
  replaceOf,
  requireNoDirectory,
  splitLast,
} from './tree.ts'
import { sendCapability, sendText, type WebCall } from './web-call.ts'

export type DirectoryForm = 'mkdir' | 'mkdir-with-children' | 'mkdir-immutable'

/** PUT or POST /uri?t=mkdir…: a directory that nothing links to. */
export async function makeUnlinked(call: WebCall, form: DirectoryForm): Promise<FastifyReply> {
  return sendCapability(call, await make(call, form))
}

async function make(call: WebCall, form: DirectoryForm): Promise<Exclude<Capability, { access: 'verify' }>> {
  const { parts, signal } = call
  if (form === 'mkdir-immutable') {
    return await parts.files.makeTree(await childrenOf(call, TREE_CHILDREN_MAX, TREE_BODY_MAX_BYTES), {
      signal,
    })
  }
  const children = form === 'mkdir' ? [] : await childrenOf(call, EDIT_CHANGES_MAX, EDIT_BODY_MAX_BYTES)
  return await parts.files.makeDirectory({ children, signal })
}

async function childrenOf(
  { request, reply, parts }: WebCall,
  countMax: number,
  sizeMaxBytes: number,
): Promise<readonly NamedChild[]> {
  if (!hasBody(request)) return []
  const schema = childrenBody(countMax, { nowMilliseconds: parts.clock.now() })
  return await readWithin(parts.clock, () => jsonOf({ request, reply }, schema, sizeMaxBytes))
}

/**
 * PUT and POST …?t=mkdir…: where the path says, or, with `name`, below it. A directory that is there already stays, and
 * is the answer of a plain `mkdir`, as in Tahoe.
 */
export async function makeAt(
  call: WebCall,
  { capability: root, names }: WebPath,
  form: DirectoryForm,
): Promise<FastifyReply> {
  const given = call.args.text('name')
  const all = given === undefined ? names : [...names, nameOf(given)]
  if (all.length === 0) return sendCapability(call, requireDirectoryWrite(root))
  const { parents, name } = splitLast(all)
  const directory = await directoryAt(call, root, parents)
  const existing = (await findIfThere(call, directory, name))?.capability
  await requireVersion(call, existing)
  if (existing !== undefined && form === 'mkdir') {
    if (isDirectory(existing)) return sendCapability(call, existing)
  }
  const made = await make(call, form)
  // A directory is never put in the place of anything by accident.
  const replace = call.args.text('replace') === undefined ? 'false' : replaceOf(call.args)
  await link(call, directory, { name, capability: made, metadata: {} }, replace)
  return sendCapability(call, made, existing === undefined ? 201 : 200)
}

/** DELETE: the name goes, and the leases of what it stood for run out. The answer is what it stood for. */
export async function deleteAt(call: WebCall, { capability: root, names }: WebPath): Promise<FastifyReply> {
  const { parents, name } = splitLast(names)
  const directory = requireDirectoryWrite((await find(call, root, parents)).capability)
  return unlink(call, directory, name)
}

/** POST ?t=unlink&name=… */
export async function unlinkAt(call: WebCall, { capability: root, names }: WebPath): Promise<FastifyReply> {
  const directory = requireDirectoryWrite((await find(call, root, names)).capability)
  return unlink(call, directory, nameOf(call.args.required('name')))
}

async function unlink(
  call: WebCall,
  directory: ReturnType<typeof requireDirectoryWrite>,
  name: string,
): Promise<FastifyReply> {
  const { parts, args, signal } = call
  const { capability } = await find(call, directory, [name])
  await requireVersion(call, capability)
  const acceptRollback = args.truth('accept-rollback')
  await parts.files.edit(directory, [{ kind: 'remove', name, ifMissing: 'refuse' }], {
    signal,
    acceptRollback,
  })
  return sendCapability(call, capability)
}

/** POST ?t=uri&name=…&uri=…: a capability gets a name. */
export async function linkAt(call: WebCall, { capability: root, names }: WebPath): Promise<FastifyReply> {
  const { args } = call
  const name = nameOf(args.required('name'))
  const capability = requireLinkable(parseCapability(args.required('uri').trim()))
  const directory = await directoryAt(call, root, names)
  await requireVersion(call, (await findIfThere(call, directory, name))?.capability)
  await link(call, directory, { name, capability, metadata: {} }, replaceOf(args))
  return sendCapability(call, capability)
}

/** POST ?t=rename&from_name=…&to_name=… */
export async function renameAt(call: WebCall, { capability: root, names }: WebPath): Promise<FastifyReply> {
  const { args, parts, signal, reply } = call
  const [from, to] = [nameOf(args.required('from_name')), nameOf(args.required('to_name'))]
  const directory = requireDirectoryWrite((await find(call, root, names)).capability)
  const replace = replaceOf(args)
  if (replace === 'only-files') requireNoDirectory((await findIfThere(call, directory, to))?.capability)
  const ifExists = ifExistsOf(replace)
  const acceptRollback = args.truth('accept-rollback')
  await parts.files.edit(directory, [{ kind: 'rename', from, to, ifExists }], { signal, acceptRollback })
  return sendText(reply, 'thing moved')
}

/**
 * POST ?t=relink&from_name=…&to_dir=…&to_name=…: into another directory. It has the new name before it loses the old
 * one, so a crash between the two leaves both.
 */
export async function relinkAt(call: WebCall, path: WebPath): Promise<FastifyReply> {
  const { args, parts, signal, reply } = call
  const from = nameOf(args.required('from_name'))
  const to = nameOf(args.text('to_name') ?? from)
  const source = requireDirectoryWrite((await find(call, path.capability, path.names)).capability)
  const target = args.text('to_dir') === undefined ? source : await targetOf(call, args.required('to_dir'))
  const { capability, metadata } = await find(call, source, [from])
  if (from === to && isSameCapability(source, target)) return sendText(reply, 'thing moved')
  await link(call, target, { name: to, capability, metadata }, replaceOf(args))
  const acceptRollback = args.truth('accept-rollback')
  const change = { kind: 'remove', name: from, ifMissing: 'ignore' } as const
  await parts.files.edit(source, [change], { signal, acceptRollback })
  return sendText(reply, 'thing moved')
}

async function targetOf(call: WebCall, text: string) {
  const { capability, names } = parseCapabilityPath(text)
  return requireDirectoryWrite((await find(call, capability, names)).capability)
}

/** POST ?t=set_children: many at once, all of them or none. */
export async function setChildrenAt(
  call: WebCall,
  { capability: root, names }: WebPath,
): Promise<FastifyReply> {
  const { args, parts, signal } = call
  const replace = replaceOf(args)
  const children = await childrenOf(call, EDIT_CHANGES_MAX, EDIT_BODY_MAX_BYTES)
  const directory = await directoryAt(call, root, names)
  if (replace === 'only-files') {
    for (const { name } of children)
      requireNoDirectory((await findIfThere(call, directory, name))?.capability)
  }
  const ifExists = ifExistsOf(replace)
  const changes = children.map((child) => ({ ...child, kind: 'set', ifExists }) as const)
  const acceptRollback = args.truth('accept-rollback')
  if (changes.length > 0) await parts.files.edit(directory, changes, { signal, acceptRollback })
  return sendCapability(call, directory)
}
