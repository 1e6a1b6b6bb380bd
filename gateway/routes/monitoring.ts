/** What watches a daemon: `/health` for whoever starts it again, `/metrics` for Prometheus (API.md §9). */
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Metrics, NodeHealth } from '#node'

export interface Monitored {
  readonly metrics: Pick<Metrics, 'text' | 'contentType' | 'requested' | 'watchRequests'>
  /** Costs nothing, and never throws. */
  health(): NodeHealth
}

/** These answer without a token: they tell nothing but how the process is. */
export const HEALTH_PATHS: readonly string[] = ['/health', '/health/live', '/health/ready']
const METRICS_PATH = '/metrics'

export function addMonitoringRoutes(app: FastifyInstance, { metrics, health }: Monitored): void {
  const ready = async (_request: unknown, reply: FastifyReply): Promise<HealthBody> => {
    const { isReady, problems } = health()
    void reply.status(isReady ? 200 : 503)
    return { live: true, ready: isReady, problems }
  }
  app.get('/health', ready)
  app.get('/health/ready', ready)
  app.get('/health/live', async () => ({ live: true }))
  app.get(METRICS_PATH, async (_request, reply) => {
    const text = await metrics.text()
    return reply.type(metrics.contentType).send(text)
  })
}

interface HealthBody {
  readonly live: true
  readonly ready: boolean
  readonly problems: readonly string[]
}

/** Whether a path is watched and not worked with. */
export function isMonitoring(path: string): boolean {
  return path === METRICS_PATH || HEALTH_PATHS.includes(path)
}
