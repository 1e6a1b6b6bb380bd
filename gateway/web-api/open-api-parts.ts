/** Pieces that the OpenAPI document is put together from: operations of either API, schemas, answers. */
import { z } from 'zod'

export interface OperationRow {
  readonly summary: string
  /** Of the query; the names alone. */
  readonly query?: readonly string[] | undefined
  /** Values of `t`; the empty one stands for none. */
  readonly forms?: readonly string[] | undefined
  readonly headers?: readonly string[] | undefined
  readonly body?: object | undefined
  readonly answer: object
  /** Nobody has to show a token. */
  readonly isOpen?: boolean | undefined
}

/** What a schema of ours takes, as JSON Schema; what it says in code is left open. */
function schemaOf(schema: z.ZodType): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  return rest
}

export function json(schema: object): object {
  return { 'application/json': { schema } }
}

export function jsonOf(schema: z.ZodType): object {
  return json(schemaOf(schema))
}

/** Lines of JSON (API.md §8), each of which is one of these. */
export function linesOf(item: z.ZodType): object {
  return { 'application/x-ndjson': { schema: { description: 'one line', ...schemaOf(item) } } }
}

export const BYTES = Object.freeze({ 'application/octet-stream': {} })
export const CAPABILITY_TEXT = Object.freeze({
  'text/plain': { schema: { type: 'string', pattern: '^cairn:[a-z-]+:[a-z2-7]+$' } },
})

/** @param route as fastify has it */
export function operationOf(method: string, route: string, row: OperationRow): object {
  const { summary, answer, isOpen, body } = row
  const parameters = [...pathParameters(route), ...queryParameters(row), ...headerParameters(row)]
  return {
    operationId: `${method.toLowerCase()} ${pathOf(route)}`,
    summary,
    ...(isOpen === true ? { security: [] } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { content: body } }),
    responses: {
      '2XX': { description: 'done', ...(method === 'HEAD' ? {} : { content: answer }) },
      default: { $ref: '#/components/responses/Error' },
    },
  }
}

/** `/a/:b/*` is `/a/{b}/{names}`. */
export function pathOf(route: string): string {
  return route.replace(/:(\w+)/g, '{$1}').replace('*', '{names}')
}

function pathParameters(route: string): readonly object[] {
  return [...pathOf(route).matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    description: PATH_PARAMETERS.get(name) ?? name,
    schema: { type: 'string' },
  }))
}

const PATH_PARAMETERS: ReadonlyMap<string, string> = new Map([
  ['capability', 'a capability, percent-encoded where a client must'],
  ['names', 'names from there down, each percent-encoded, with slashes between them'],
  ['handle', 'the ophandle that an operation was started with'],
])

function queryParameters({ query = [], forms }: OperationRow): readonly object[] {
  const named = query.map((name) => ({ name, in: 'query', schema: { type: 'string' } }))
  if (forms === undefined) return named
  const values = forms.filter((form) => form !== '')
  if (values.length === 0) return named
  const required = values.length === forms.length
  const t = { name: 't', in: 'query', required, schema: { type: 'string', enum: values } }
  return [t, ...named]
}

function headerParameters({ headers = [] }: OperationRow): readonly object[] {
  return headers.map((name) => ({ name, in: 'header', schema: { type: 'string' } }))
}
