/** What Prometheus is told: names that keep its conventions, and labels that nobody outside can make more of. */
import { describe, expect, test } from 'vitest'
import { type Log, type NodeFigures, openMetrics, type ServedRequest, silentLog } from '#node'

const FIGURES: NodeFigures = {
  knownServers: 5,
  channels: 2,
  inFlightBytes: 1024,
  storage: { usedBytes: 7, freeBytes: 8, incomingBytes: 9, shareCount: 3, accountCount: 1 },
}
const SERVED: ServedRequest = {
  account: '12D3KooWBmAwcd4PJNJvfV89HwE48nwkRmAgo8Vy3uQEyNNHBox2',
  op: 'write-whole',
  outcome: 'ok',
  seconds: 0.003,
  receivedBytes: 100,
  sentBytes: 20,
}

async function filled() {
  const metrics = await openMetrics({ version: '1.2.3' })
  metrics.watch(() => FIGURES)
  metrics.served(SERVED)
  metrics.served({ ...SERVED, outcome: 'NO_SPACE' })
  metrics.requested({ route: '/v1/files', method: 'PUT', status: 200, seconds: 0.5 })
  return metrics
}

function typesOf(text: string): ReadonlyMap<string, string> {
  return new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => [name, type]))
}

describe('Metrics', () => {
  test('tells what was counted, and the figures of the moment it is asked', async () => {
    const text = await (await filled()).text()
    expect(text).toContain('cairn_wire_requests_total{op="write-whole",outcome="ok"} 1')
    expect(text).toContain('cairn_wire_requests_total{op="write-whole",outcome="NO_SPACE"} 1')
    expect(text).toContain('cairn_wire_received_bytes_total 200')
    expect(text).toContain('cairn_gateway_requests_total{route="/v1/files",method="PUT",status="200"} 1')
    expect(text).toContain('cairn_build_info{version="1.2.3"} 1')
    expect(text).toContain('cairn_known_servers 5')
    expect(text).toContain('cairn_storage_free_bytes 8')
    expect(text).toMatch(/^process_resident_memory_bytes \d/m)
  })

  test('names counters _total and measures in their units, as Prometheus wants it', async () => {
    const types = typesOf(await (await filled()).text())
    const own = [...types].filter(([name]) => name.startsWith('cairn_'))
    expect(own.length).toBeGreaterThan(12)
    for (const [name, type] of own) {
      expect(name).toMatch(/^cairn_[a-z]+(_[a-z]+)*$/)
      expect(name.endsWith('_total'), name).toBe(type === 'counter')
      if (type === 'histogram') expect(name).toMatch(/_seconds$/)
    }
  })

  test('never names an account, whoever asks', async () => {
    expect(await (await filled()).text()).not.toContain(SERVED.account)
  })

  test('counts warnings and errors that are logged, and passes them on', async () => {
    const metrics = await openMetrics({ version: '1.2.3' })
    const passed: string[] = []
    const log: Log = { ...silentLog, error: (sentence) => void passed.push(sentence) }
    metrics.counting(log).error('the index cannot be read')
    expect(passed).toEqual(['the index cannot be read'])
    const text = await metrics.text()
    expect(text).toContain('cairn_log_events_total{level="error"} 1')
    expect(text).toContain('cairn_log_events_total{level="warn"} 0')
  })
})
