import { describe, expect, test } from 'vitest'
import { formatGauge, formatSeconds, ProgressLine } from '../../cli/progress.ts'

const STYLE = { label: 'putting', unit: 'bytes' } as const

describe('formatGauge', () => {
  test('shows share, rate and time left', () => {
    const line = formatGauge({ done: 50e6, total: 200e6 }, STYLE, 2000)
    expect(line).toContain('██████░░')
    expect(line).toContain(' 25 %')
    expect(line).toContain('50 MB of 200 MB')
    expect(line).toContain('25 MB/s')
    expect(line).toContain('6 s left')
  })

  test('of a pipe shows what was done', () => {
    expect(formatGauge({ done: 50e6, total: undefined }, STYLE, 2000)).toBe('putting  50 MB  25 MB/s')
  })

  test('never divides by nothing', () => {
    expect(formatGauge({ done: 0, total: 0 }, STYLE, 0)).toContain('100 %')
    expect(formatGauge({ done: 0, total: 10 }, STYLE, 5000)).toContain('  0 %')
  })
})

describe('formatSeconds', () => {
  test.each([
    [0.2, '1 s'],
    [59, '59 s'],
    [125, '2 min 5 s'],
    [12_000, '3 h 20 min'],
  ])('%d is %s', (seconds, text) => expect(formatSeconds(seconds)).toBe(text))
})

describe('ProgressLine', () => {
  test('redraws ten times a second at most, fits the terminal, and leaves nothing behind', () => {
    let now = 0
    let written = ''
    const line = new ProgressLine({
      write: (text) => {
        written += text
      },
      width: () => 20,
      elapsed: () => now,
    })
    line.clear()
    expect(written).toBe('')
    for (; now < 1000; now += 10) line.show({ done: now, total: 5000 }, STYLE)
    expect(written.split('\r')).toHaveLength(11)
    for (const drawn of written.split('\r')) expect(drawn.replace('\x1b[K', '').length).toBeLessThan(20)
    line.clear()
    expect(written.endsWith('\r\x1b[K')).toBe(true)
  })
})
