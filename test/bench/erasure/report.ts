/** Results as a table with ratios, and as a chart. */
import { formatBlockSizeBytes, type Implementation, type Result, SHAPES } from './cases.ts'

const COLUMNS = ['cairn', 'copied', 'npm', 'isal', 'copy'] as const

/** One line for each case and number of threads; ratios are of cairn to the npm package and to ISA-L. */
export function tableOf(results: readonly Result[]): string {
  const header = ['k/n', 'block', 'operation', 'threads', ...COLUMNS, 'x npm', 'x isal']
  const lines = groupsOf(results).map((group) => {
    const [{ k, n, blockSizeBytes, operation, threads }] = group
    const speed = (implementation: Implementation) => speedIn(group, implementation)
    const ratio = (other: Implementation) => ratioText(speed('cairn'), speed(other))
    const isFormat = blockSizeBytes === formatBlockSizeBytes(k)
    return [
      `${k}/${n}`,
      `${isFormat ? 'format ' : ''}${sizeText(blockSizeBytes)}`,
      operation,
      String(threads),
      ...COLUMNS.map((column) => speed(column)?.toFixed(0) ?? '-'),
      ratio('npm'),
      ratio('isal'),
    ]
  })
  const widths = header.map((title, column) =>
    Math.max(title.length, ...lines.map((line) => line[column]?.length ?? 0)),
  )
  return [header, ...lines]
    .map((line) => line.map((cell, column) => cell.padStart(widths[column] ?? 0)).join('  '))
    .join('\n')
}

/** Bars of speed by k of n, one thread, blocks of the format's size, on a logarithmic scale. */
export function chartOf(results: readonly Result[], title: string): string {
  const shown = ['npm', 'cairn', 'isal', 'copy'] as const
  const colours = { npm: '#b8b8b8', cairn: '#2f6f4f', isal: '#c98a2b', copy: '#d9d9ee' }
  const groups = groupsOf(results).filter(
    ([{ k, blockSizeBytes, threads }]) => threads === 1 && blockSizeBytes === formatBlockSizeBytes(k),
  )
  const [top, floor, left, step] = [60, 420, 60, 150]
  const height = (speed: number) =>
    ((floor - top) * Math.log10(Math.max(10, speed) / 10)) / Math.log10(20_000)
  const order = SHAPES.map(([k, n]) => `${k}/${n}`)
  const bars = groups.map((group) => {
    const [{ k, n, operation }] = group
    const x = left + order.indexOf(`${k}/${n}`) * step + (operation === 'encode' ? 8 : 76)
    const rectangles = shown.map((implementation, index) => {
      const speed = speedIn(group, implementation) ?? 0
      const tall = height(speed)
      return `<rect x="${x + 15 * index}" y="${(floor - tall).toFixed(1)}" width="14" height="${tall.toFixed(1)}"
 fill="${colours[implementation]}"><title>${k}/${n} ${operation} ${implementation}: ${speed} MB/s</title></rect>`
    })
    const label = `<text x="${x + 30}" y="${floor + 16}" text-anchor="middle">${operation === 'encode' ? 'encode' : 'rebuild'}</text>`
    return [...rectangles, label].join('\n')
  })
  const names = order.map(
    (name, index) =>
      `<text x="${left + index * step + 70}" y="${floor + 36}" text-anchor="middle">${name}</text>`,
  )
  const rules = [10, 100, 1000, 10_000, 100_000].map((speed) => {
    const y = (floor - height(speed)).toFixed(1)
    return `<line x1="${left}" x2="960" y1="${y}" y2="${y}" stroke="#ccc"/><text x="${left - 6}" y="${y}" text-anchor="end">${speed >= 1000 ? `${speed / 1000} GB/s` : `${speed} MB/s`}</text>`
  })
  const legend = shown.map(
    (name, index) =>
      `<rect x="${left + 110 * index}" y="34" width="12" height="12" fill="${colours[name]}"/><text x="${left + 110 * index + 18}" y="44">${name}</text>`,
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" width="980" height="480" font-family="sans-serif" font-size="12">
<title>${title}</title>
<rect width="980" height="480" fill="white"/>
<text x="${left}" y="22" font-size="15">${title}</text>
${[...legend, ...rules, ...bars, ...names].join('\n')}
</svg>
`
}

function groupsOf(results: readonly Result[]): (readonly [Result, ...Result[]])[] {
  const groups = new Map<string, [Result, ...Result[]]>()
  for (const result of results) {
    const key = [result.k, result.n, result.blockSizeBytes, result.operation, result.threads].join()
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [result])
    else group.push(result)
  }
  return [...groups.values()]
}

function speedIn(group: readonly Result[], implementation: Implementation): number | undefined {
  return group.find((result) => result.implementation === implementation)?.mbPerSecond
}

function ratioText(speed: number | undefined, other: number | undefined): string {
  return speed === undefined || other === undefined || other === 0 ? '-' : (speed / other).toFixed(2)
}

function sizeText(bytes: number): string {
  return bytes % (1024 * 1024) === 0
    ? `${bytes / (1024 * 1024)} MiB`
    : `${(bytes / 1024).toFixed(bytes % 1024 ? 1 : 0)} KiB`
}
