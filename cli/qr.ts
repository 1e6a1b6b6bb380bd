/** A QR code in a terminal. Pure. */
import encodeQR from 'qr'

/** What scanners want around a code is four modules; two are enough where the terminal's own ground is about it. */
const BORDER_MODULES = 2
/** Black on white whatever the colours of the terminal: many scanners do not read it the other way round. */
const BLACK_ON_WHITE = '\x1b[38;5;16;48;5;231m'
const RESET = '\x1b[0m'
/** By the upper and the lower module of a character. */
const HALVES = { none: ' ', upper: '▀', lower: '▄', both: '█' } as const

/** Lines of characters, each two modules high. */
export function drawQr(text: string): string {
  const modules = encodeQR(text, 'raw', { ecc: 'low', border: BORDER_MODULES })
  const lines: string[] = []
  for (let row = 0; row < modules.length; row += 2) {
    const lower = modules[row + 1]
    const line = modules[row]?.map((isUpper, column) => halfOf(isUpper, lower?.[column] === true)).join('')
    lines.push(`${BLACK_ON_WHITE}${line}${RESET}`)
  }
  return lines.join('\n')
}

function halfOf(isUpper: boolean, isLower: boolean): string {
  if (isUpper) return isLower ? HALVES.both : HALVES.upper
  return isLower ? HALVES.lower : HALVES.none
}
