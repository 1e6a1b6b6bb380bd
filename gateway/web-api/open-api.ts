/** The OpenAPI 3.1 document of this API and of API.md; a test compares it with the routes that there are. */
import { statusMessage } from '../messages.ts'
import {
  BYTES,
  CAPABILITY_TEXT,
  json,
  jsonOf,
  type OperationRow,
  operationOf,
  pathOf,
} from './open-api-parts.ts'
import { V1_OPERATIONS } from './open-api-v1.ts'

const NUMBERS = ['needed', 'happy', 'total', 'convergent', 'binding-lease'] as const
const STORING = ['format', 'mutable', ...NUMBERS] as const
const ANY_JSON = json({ type: ['object', 'array'] })
const READING = ['Range', 'If-Range', 'If-None-Match'] as const
const CONDITIONS = ['If-Match', 'If-None-Match'] as const
const FORM = {
  ...BYTES,
  ...json({ type: 'object' }),
  'application/x-www-form-urlencoded': { schema: { type: 'object' } },
  'multipart/form-data': {
    schema: {
      type: 'object',
      properties: { file: { type: 'string', contentMediaType: 'application/octet-stream' } },
    },
  },
}

const getAt: OperationRow = {
  summary: 'Content of a file; entries of a directory; what a capability is, and weaker ones',
  query: ['filename', 'save'],
  headers: READING,
  answer: { ...BYTES, ...ANY_JSON, ...CAPABILITY_TEXT, 'text/html': {} },
}
const putAt: OperationRow = {
  summary: 'Store and link a file, write a slot, link a capability, make a directory',
  query: [...STORING, 'replace', 'name', 'accept-rollback'],
  headers: CONDITIONS,
  body: { ...BYTES, ...CAPABILITY_TEXT },
  answer: CAPABILITY_TEXT,
}
const postAt: OperationRow = {
  summary: 'Change a directory; check, verify and repair; begin an operation',
  query: [
    ...STORING,
    ...['name', 'uri', 'from_name', 'to_name', 'to_dir', 'replace', 'accept-rollback'],
    ...['verify', 'repair', 'output', 'add-lease', 'ophandle', 'retain-for'],
  ],
  headers: CONDITIONS,
  body: FORM,
  answer: { ...CAPABILITY_TEXT, ...ANY_JSON, 'application/x-ndjson': {} },
}
const deleteAt: OperationRow = {
  summary: 'Take a name out of its directory',
  query: ['accept-rollback'],
  headers: CONDITIONS,
  answer: CAPABILITY_TEXT,
}
const at = { GET: getAt, HEAD: getAt, PUT: putAt, POST: postAt, DELETE: deleteAt }

const WEB_OPERATIONS: Readonly<Record<string, Readonly<Record<string, OperationRow>>>> = {
  '/': { GET: { summary: 'The grid as this node sees it', answer: jsonOf(statusMessage) } },
  '/openapi.json': { GET: { summary: 'This document', answer: json({ type: 'object' }) } },
  '/operations/:handle': {
    GET: {
      summary: 'How an operation stands',
      query: ['output', 'retain-for', 'release-after-complete'],
      answer: json({ type: 'object', required: ['finished'], properties: { finished: { type: 'boolean' } } }),
    },
    POST: { summary: 'Stop an operation', query: ['output'], answer: json({ type: 'object' }) },
  },
  '/uri': {
    PUT: {
      summary: 'Store a file or slot, or make a directory',
      query: STORING,
      body: BYTES,
      answer: CAPABILITY_TEXT,
    },
    POST: {
      summary: 'The same, from a form or children',
      query: STORING,
      body: FORM,
      answer: CAPABILITY_TEXT,
    },
  },
  '/uri/:capability': at,
  '/uri/:capability/*': at,
}

const ERROR_SCHEMA = Object.freeze({
  type: 'object',
  required: ['code', 'message', 'details'],
  properties: {
    code: { type: 'string' },
    message: { type: 'string', description: 'one line for people, without a capability' },
    details: { type: 'object', description: 'wanted, found, where, and more of some errors' },
  },
})

/** @param forms routes of the web API, methods, and values of `t` of each */
export function openApiDocument(
  forms: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>>,
): object {
  const paths = new Map<string, Record<string, object>>()
  const add = (method: string, route: string, row: OperationRow): void => {
    const path = pathOf(route)
    const operations = paths.get(path) ?? {}
    paths.set(path, { ...operations, [method.toLowerCase()]: operationOf(method, route, row) })
  }
  for (const [route, methods] of Object.entries(WEB_OPERATIONS)) {
    for (const [method, row] of Object.entries(methods)) {
      add(method, route, { ...row, forms: Object.keys(forms[route]?.[method] ?? {}) })
    }
  }
  for (const [key, row] of Object.entries(V1_OPERATIONS)) {
    const [method = '', route = ''] = key.split(' ')
    add(method, route, row)
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Cairn',
      version: '1',
      summary: 'The HTTP API of a daemon: WEB-API.md, and API.md below /v1',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }, { basic: [] }],
    paths: Object.fromEntries(paths),
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        basic: { type: 'http', scheme: 'basic', description: 'the token as password; not below /v1' },
      },
      responses: { Error: { description: 'an error', content: json(ERROR_SCHEMA) } },
    },
  }
}
