/** The dashboard asks for nothing that a node does not tell. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { openMetrics } from '#node'

const dashboard = z
  .object({
    panels: z.array(
      z.object({
        id: z.int(),
        title: z.string(),
        description: z.string(),
        gridPos: z.object({ x: z.int(), y: z.int(), w: z.int(), h: z.int() }),
        targets: z.array(z.object({ expr: z.string() })).min(1),
      }),
    ),
  })
  .parse(JSON.parse(readFileSync(new URL('../../deploy/grafana-dashboard.json', import.meta.url), 'utf8')))

/** Of PromQL, but for what stands in braces, brackets and behind `by`. */
function metricsIn(expression: string): readonly string[] {
  const plain = expression.replace(/\{[^}]*\}|\[[^\]]*\]|by \([^)]*\)/g, '')
  return [...plain.matchAll(/[a-z_][a-z0-9_]*(?!\s*\()\b/g)]
    .map(([name]) => name)
    .filter((name) => !plain.includes(`${name}(`) && !plain.includes(`${name} (`) && name !== 'by')
}

test('each query names metrics that are exported', async () => {
  const metrics = await openMetrics({ version: '0.0.0' })
  const exported = new Set(['up'])
  for (const [, name = '', type] of (await metrics.text()).matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    exported.add(name)
    if (type === 'histogram') for (const part of ['bucket', 'sum', 'count']) exported.add(`${name}_${part}`)
  }
  const asked = dashboard.panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => metricsIn(expr)))
  expect(asked.length).toBeGreaterThan(20)
  expect(asked.filter((name) => !exported.has(name))).toEqual([])
})

test('every metric of our own is shown, and panels lie beside each other', async () => {
  const metrics = await openMetrics({ version: '0.0.0' })
  const own = [...(await metrics.text()).matchAll(/^# TYPE (cairn_\S+)/gm)].map(([, name = '']) => name)
  const asked = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)).join(' ')
  expect(own.filter((name) => !asked.includes(name))).toEqual([])
  const overlapping = dashboard.panels.filter(({ id, gridPos: { x, y, w, h } }) =>
    dashboard.panels.some(
      ({ id: otherId, gridPos: other }) =>
        otherId !== id &&
        x < other.x + other.w &&
        other.x < x + w &&
        y < other.y + other.h &&
        other.y < y + h,
    ),
  )
  expect(overlapping).toEqual([])
  expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length)
})
