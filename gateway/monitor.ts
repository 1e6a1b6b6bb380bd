/**
 * `/health` and `/metrics` on an address of their own, for a Prometheus or an orchestrator that has no token
 * (API.md §9). Whoever reaches it learns figures and states, and can change nothing.
 */
import { type FastifyInstance, fastify } from 'fastify'
import type { HostPort } from '#node'
import { listen } from './listen.ts'
import { addMonitoringRoutes, type Monitored } from './routes/monitoring.ts'

/** A scrape has no body. */
const BODY_MAX_BYTES = 1024

export class Monitor implements AsyncDisposable {
  readonly port: number
  readonly #app: FastifyInstance

  private constructor(app: FastifyInstance, port: number) {
    this.#app = app
    this.port = port
  }

  /** @throws ConflictError if the port is taken; InvalidInputError if the machine has no such address */
  static async open(monitored: Monitored, place: HostPort): Promise<Monitor> {
    const app = fastify({ bodyLimit: BODY_MAX_BYTES, forceCloseConnections: true, exposeHeadRoutes: false })
    app.setNotFoundHandler((_request, reply) => {
      void reply
        .status(404)
        .send({ code: 'NOT_FOUND', message: '/health and /metrics are here', details: {} })
    })
    addMonitoringRoutes(app, monitored)
    return new Monitor(app, await listen(app, place))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#app.close()
  }
}
