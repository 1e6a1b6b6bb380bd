/** The OpenAPI document: valid, and of the very routes that a gateway has. */
import { Validator } from '@seriousme/openapi-schema-validator'
import { fastify } from 'fastify'
import { afterAll, describe, expect, test } from 'vitest'
import { errorBodyOf } from '#gateway'
import { MemoryDisk, systemClock, systemRandom } from '#node'
import { addMonitoringRoutes } from '../../../gateway/routes/monitoring.ts'
import { addRoutes } from '../../../gateway/routes/routes.ts'
import { SpoolFolder } from '../../../gateway/spool.ts'
import { newToken } from '../../../gateway/token.ts'
import { openApiDocument } from '../../../gateway/web-api/open-api.ts'
import { pathOf } from '../../../gateway/web-api/open-api-parts.ts'
import { Operations } from '../../../gateway/web-api/operations.ts'
import { addWebApi, WEB_FORMS } from '../../../gateway/web-api/routes.ts'
import { fakeFiles } from '../../support/fake-files.ts'
import { closeStages } from '../../support/grid-stages.ts'
import { webStage } from '../../support/web-client.ts'

afterAll(closeStages)

async function registeredRoutes(): Promise<readonly string[]> {
  const routes: string[] = []
  const app = fastify({ exposeHeadRoutes: false })
  app.addHook('onRoute', ({ method, url }) => void routes.push(`${String(method)} ${pathOf(url)}`))
  const parts = {
    files: fakeFiles({}),
    token: newToken(systemRandom),
    spool: await SpoolFolder.open(new MemoryDisk({ capacityBytes: 1e6 }), systemRandom, '/spool'),
    signalOf: () => new AbortController().signal,
    failureBodyOf: (_: unknown, error: unknown) => errorBodyOf(error),
  }
  addRoutes(app, parts)
  const operations = new Operations(systemClock, new AbortController().signal)
  addWebApi(app, { ...parts, clock: systemClock, operations })
  const metrics = {
    text: async () => '',
    contentType: '',
    requested: () => undefined,
    watchRequests: () => undefined,
  }
  addMonitoringRoutes(app, { metrics, health: () => ({ isReady: true, problems: [] }) })
  return routes
}

describe('the OpenAPI document', () => {
  test('is one, by the schema of OpenAPI 3.1', async () => {
    const validator = new Validator()
    const document: Record<string, unknown> = { ...openApiDocument(WEB_FORMS) }
    expect(await validator.validate(document)).toEqual({ valid: true })
    expect(validator.version).toBe('3.1')
  })

  test('tells of every route that there is, and of no other', async () => {
    const { paths } = Object({ ...openApiDocument(WEB_FORMS) })
    const told = Object.entries(paths).flatMap(([path, operations]) =>
      Object.keys(Object(operations)).map((method) => `${method.toUpperCase()} ${path}`),
    )
    const routes = await registeredRoutes()
    expect(routes.length).toBeGreaterThan(35)
    expect(told.toSorted()).toEqual(routes.toSorted())
  })

  test('is served', async () => {
    const { client } = await webStage()
    expect(await client.json('GET', '/openapi.json')).toEqual(
      JSON.parse(JSON.stringify(openApiDocument(WEB_FORMS))),
    )
  })
})
