/** Resident memory over time as an SVG: one line a process. */
import type { Sample } from './memory.ts'

const WIDTH = 980
const HEIGHT = 480
const LEFT = 70
const RIGHT = 150
const TOP = 50
const FLOOR = 430
const COLOURS = [
  '#1b6ca8',
  '#d1495b',
  '#3a7d44',
  '#8d5a97',
  '#c98b00',
  '#2a9d8f',
  '#6c584c',
  '#4361ee',
  '#9d0208',
  '#52796f',
]
const MEBIBYTE = 2 ** 20

export function chartOf(title: string, processes: ReadonlyMap<string, readonly Sample[]>): string {
  const all = [...processes.values()].flat()
  const end = Math.max(1, ...all.map(({ seconds }) => seconds))
  const most = Math.max(MEBIBYTE, ...all.map(({ rssBytes }) => rssBytes))
  const step = stepFor(most / MEBIBYTE)
  const topMebibytes = Math.ceil(most / MEBIBYTE / step) * step
  const x = (seconds: number) => (LEFT + (seconds / end) * (WIDTH - LEFT - RIGHT)).toFixed(1)
  const y = (rssBytes: number) => (FLOOR - (rssBytes / MEBIBYTE / topMebibytes) * (FLOOR - TOP)).toFixed(1)
  const rules: string[] = []
  for (let mebibytes = 0; mebibytes <= topMebibytes; mebibytes += step) {
    const height = y(mebibytes * MEBIBYTE)
    rules.push(`<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${height}" y2="${height}" stroke="#ddd"/>`)
    rules.push(`<text x="${LEFT - 6}" y="${height}" text-anchor="end" dy="4">${mebibytes} MiB</text>`)
  }
  for (let part = 0; part <= 10; part += 1) {
    const minutes = ((part * end) / 600).toFixed(end < 600 ? 1 : 0)
    rules.push(`<text x="${x((part * end) / 10)}" y="${FLOOR + 20}" text-anchor="middle">${minutes}</text>`)
  }
  const lines = [...processes].map(([name, samples], place) => {
    const colour = COLOURS[place % COLOURS.length]
    const points = samples.map(({ seconds, rssBytes }) => `${x(seconds)},${y(rssBytes)}`).join(' ')
    const legendY = TOP + 8 + 20 * place
    return [
      `<polyline fill="none" stroke="${colour}" stroke-width="1.5" points="${points}"/>`,
      `<rect x="${WIDTH - RIGHT + 16}" y="${legendY - 10}" width="12" height="12" fill="${colour}"/>`,
      `<text x="${WIDTH - RIGHT + 34}" y="${legendY}">${name}</text>`,
    ].join('')
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" font-family="sans-serif" font-size="12">
<title>${title}</title>
<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>
<text x="${LEFT}" y="24" font-size="15">${title}</text>
${[...rules, ...lines].join('\n')}
<text x="${(WIDTH - RIGHT + LEFT) / 2}" y="${FLOOR + 40}" text-anchor="middle">minutes under load</text>
</svg>
`
}

function stepFor(mebibytes: number): number {
  return [10, 25, 50, 100, 200, 400].find((step) => mebibytes / step <= 8) ?? 1000
}
