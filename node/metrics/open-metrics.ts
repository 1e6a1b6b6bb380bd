/** Makes the daemon's metrics, and loads their library only then: commands do without. */
import type { Metrics } from './metrics.ts'

export async function openMetrics(options: { readonly version: string }): Promise<Metrics> {
  const { Metrics } = await import('./metrics.ts')
  return new Metrics(options)
}
