/**
 * The web API's routes (WEB-API.md): for each method and `t` one form. The tables are what the OpenAPI document is made
 * of, so there is no form that it does not tell of.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { InvalidInputError } from '#crypto'
import { Arguments } from './arguments.ts'
import { checkAt, streamDeepCheck } from './check-forms.ts'
import {
  deleteAt,
  linkAt,
  makeAt,
  makeUnlinked,
  relinkAt,
  renameAt,
  setChildrenAt,
  unlinkAt,
} from './directory-forms.ts'
import { isMultipart, withFormArguments } from './form.ts'
import { getCapability, getDescription, getThing } from './get-forms.ts'
import { streamManifest } from './manifest.ts'
import { checkedHandle, retainSecondsOf, startOperation } from './operation-forms.ts'
import { postAt, postUnlinked, putAt, putCapability, putUnlinked } from './put-forms.ts'
import { parseWebPath, pathOfTarget, queryOfTarget, type WebPath } from './request-path.ts'
import type { WebCall, WebParts } from './web-call.ts'

type Form = (call: WebCall) => Promise<unknown>
type FormAt = (call: WebCall, path: WebPath) => Promise<unknown>
/** By the value of `t`; the empty one stands for none. */
type Table<One> = Readonly<Record<string, One>>
/** Patterns of fastify, then methods. */
type Routes<One> = Readonly<Record<string, Readonly<Record<string, Table<One>>>>>

const PUT: Table<Form> = {
  '': putUnlinked,
  mkdir: (call) => makeUnlinked(call, 'mkdir'),
}
const POST: Table<Form> = {
  upload: postUnlinked,
  mkdir: (call) => makeUnlinked(call, 'mkdir'),
  'mkdir-with-children': (call) => makeUnlinked(call, 'mkdir-with-children'),
  'mkdir-immutable': (call) => makeUnlinked(call, 'mkdir-immutable'),
}
const GET_AT: Table<FormAt> = {
  '': getThing,
  json: getDescription,
  uri: (call, path) => getCapability(call, path, { isReadOnly: false }),
  'readonly-uri': (call, path) => getCapability(call, path, { isReadOnly: true }),
}
const PUT_AT: Table<FormAt> = {
  '': putAt,
  uri: putCapability,
  mkdir: (call, path) => makeAt(call, path, 'mkdir'),
}
const POST_AT: Table<FormAt> = {
  upload: postAt,
  mkdir: (call, path) => makeAt(call, path, 'mkdir'),
  'mkdir-with-children': (call, path) => makeAt(call, path, 'mkdir-with-children'),
  'mkdir-immutable': (call, path) => makeAt(call, path, 'mkdir-immutable'),
  uri: linkAt,
  unlink: unlinkAt,
  delete: unlinkAt,
  rename: renameAt,
  relink: relinkAt,
  set_children: setChildrenAt,
  'set-children': setChildrenAt,
  check: checkAt,
  'stream-manifest': streamManifest,
  'stream-deep-check': streamDeepCheck,
  'start-deep-check': (call, path) => startOperation(call, path, 'start-deep-check'),
  'start-manifest': (call, path) => startOperation(call, path, 'start-manifest'),
  'start-deep-size': (call, path) => startOperation(call, path, 'start-deep-size'),
  'start-deep-stats': (call, path) => startOperation(call, path, 'start-deep-stats'),
}
const DELETE_AT: Table<FormAt> = { '': deleteAt }
const GRID: Table<Form> = {
  '': ({ parts, signal }) => parts.files.status({ signal }),
  json: ({ parts, signal }) => parts.files.status({ signal }),
}
const OPERATION_GET: Table<Form> = { '': operationStatus, status: operationStatus }
const OPERATION_POST: Table<Form> = { cancel: cancelOperation }

/** Forms that need no path. */
const PLAIN: Routes<Form> = {
  '/': { GET: GRID },
  '/openapi.json': { GET: { '': sendOpenApi } },
  '/operations/:handle': { GET: OPERATION_GET, POST: OPERATION_POST },
  '/uri': { PUT, POST },
}
const METHODS_AT = { GET: GET_AT, HEAD: GET_AT, PUT: PUT_AT, POST: POST_AT, DELETE: DELETE_AT }
/** Forms on what a capability, and names below it, lead to. */
const AT: Routes<FormAt> = { '/uri/:capability': METHODS_AT, '/uri/:capability/*': METHODS_AT }

/** Every form there is: route, method, values of `t`. */
export const WEB_FORMS: Routes<unknown> = { ...PLAIN, ...AT }

/** Their bodies are JSON, whatever type a client says they are. */
const JSON_BODIES: readonly string[] = [
  'mkdir-with-children',
  'mkdir-immutable',
  'set_children',
  'set-children',
]

export function addWebApi(app: FastifyInstance, parts: WebParts): void {
  for (const [url, method, table] of rowsOf(PLAIN)) {
    const handler = async (request: FastifyRequest, reply: FastifyReply) => {
      const { form, call } = await chosen(parts, { request, reply }, table)
      return form(call)
    }
    app.route({ method, url, handler })
  }
  for (const [url, method, table] of rowsOf(AT)) {
    const handler = async (request: FastifyRequest, reply: FastifyReply) => {
      const path = parseWebPath(request.url)
      const { form, call } = await chosen(parts, { request, reply }, table)
      return form(call, path)
    }
    app.route({ method, url, handler })
  }
}

function rowsOf<One>(routes: Routes<One>): readonly (readonly [string, string, Table<One>])[] {
  return Object.entries(routes).flatMap(([url, methods]) =>
    Object.entries(methods).map(([method, table]) => [url, method, table] as const),
  )
}

/** @throws InvalidInputError if there is no such form */
async function chosen<One>(
  parts: WebParts,
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  table: Table<One>,
): Promise<{ readonly form: One; readonly call: WebCall }> {
  const query = Arguments.ofQuery(queryOfTarget(request.url))
  const call = { parts, request, reply, args: query, signal: parts.signalOf(reply) }
  const isPlain = request.method !== 'POST' || JSON_BODIES.includes(query.text('t') ?? '')
  const args = isPlain ? query : await withFormArguments(call)
  const t = args.text('t') ?? (isMultipart(request) ? 'upload' : '')
  const form = Object.hasOwn(table, t) ? table[t] : undefined
  if (form !== undefined) return { form, call: { ...call, args } }
  const wanted = Object.keys(table)
    .map((one) => (one === '' ? 'none' : one))
    .join(', ')
  throw new InvalidInputError(`t: one of these is wanted here: ${wanted}`, {
    wanted,
    found: t === '' ? 'none' : 'another',
    where: 'argument t',
  })
}

/** Methods that a path of the web API has; undefined if it is none of its paths. */
export function methodsOf(path: string): readonly string[] | undefined {
  const found = rowsOf(WEB_FORMS).filter(([url]) => patternOf(url).test(path))
  return found.length === 0 ? undefined : [...new Set(found.map(([, method]) => method))]
}

/** Whether a route, by its pattern, is one of these. */
export function isWebRoute(url: string): boolean {
  return Object.hasOwn(WEB_FORMS, url)
}

function patternOf(url: string): RegExp {
  return new RegExp(`^${url.replace(/:\w+/g, '[^/]+').replace('*', '.*')}$`)
}

/** Loaded when it is first asked for: a daemon starts without. */
async function sendOpenApi(): Promise<object> {
  const { openApiDocument } = await import('./open-api.ts')
  return openApiDocument(WEB_FORMS)
}

async function operationStatus({ parts, args, request }: WebCall): Promise<object> {
  return parts.operations.status(handleOf(request), {
    isToBeReleased: args.truth('release-after-complete') === true,
    retainSeconds: retainSecondsOf(args),
  })
}

async function cancelOperation({ parts, request }: WebCall): Promise<object> {
  return parts.operations.cancel(handleOf(request))
}

function handleOf({ url }: FastifyRequest): string {
  return checkedHandle(pathOfTarget(url).split('/').at(-1) ?? '')
}
