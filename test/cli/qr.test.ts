import { randomBytes } from 'node:crypto'
import decodeQR from 'qr/decode.js'
import { expect, test } from 'vitest'
import { drawQr } from '../../cli/qr.ts'

/** Pixels of one module, as a camera would see it. */
const SCALE = 4

/** The drawing as a picture: RGBA, black on white. */
function pictureOf(drawing: string) {
  const rows = drawing.split('\n').flatMap((line) => {
    const halves = [...line].filter((character) => ' ▀▄█'.includes(character))
    return ['▀█', '▄█'].map((dark) => halves.map((half) => dark.includes(half)))
  })
  const width = (rows[0]?.length ?? 0) * SCALE
  const height = rows.length * SCALE
  const data = new Uint8Array(width * height * 4)
  for (let place = 0; place < width * height; place += 1) {
    const row = rows[Math.floor(Math.floor(place / width) / SCALE)]
    const isDark = row?.[Math.floor((place % width) / SCALE)] === true
    data.fill(isDark ? 0 : 255, place * 4, place * 4 + 3)
    data[place * 4 + 3] = 255
  }
  return { width, height, data }
}

test('what is drawn reads back as the capability, and fits a terminal of 80 columns and 24 lines', () => {
  for (let round = 0; round < 10; round += 1) {
    const capability = `cairn:dir-read:${randomBytes(72).toString('hex').slice(0, 111)}`
    const drawing = drawQr(capability)
    expect(decodeQR(pictureOf(drawing))).toBe(capability)
    const lines = drawing.split('\n')
    expect(lines.length).toBeLessThan(24)
    expect([...(lines[0] ?? '')].filter((character) => ' ▀▄█'.includes(character)).length).toBeLessThan(80)
  }
})
