/** The page of a recovery kit: for paper, in HTML that needs nothing else and in plain text. Pure. */
import encodeQR from 'qr'
import { printable } from '../names.ts'
import { formatKitCodes, formatKitForPaper, type RecoveryKit } from './recovery-kit.ts'

/** What scanners want around a code. */
const BORDER_MODULES = 4

export interface KitPage {
  readonly kit: RecoveryKit
  /** Of the machine that made it. */
  readonly host: string
  /** Of the software. */
  readonly version: string
}

interface Section {
  readonly title: string
  readonly paragraphs: readonly string[]
  /** To be typed as they are. */
  readonly commands?: readonly string[]
}

const KIT_FILE_NAME = 'kit.txt'

function sectionsOf({ kit, host, version }: KitPage): readonly Section[] {
  const canWrite = kit.repository.access === 'write'
  const right = canWrite
    ? 'read every file of every backup, and delete them'
    : 'read every file of every backup, and change nothing'
  const codes = kit.membership === undefined ? 'the code' : 'both codes'
  return [
    {
      title: 'What this is',
      paragraphs: [
        `Backups of ${host}, as of ${kit.madeOn}, lie encrypted on the machines of a Cairn grid. With this page they ` +
          'can be restored on any machine that reaches the grid; without it, or another copy of what it holds, ' +
          'nobody can ever read them.',
        `Whoever has this page can ${right}. Keep it where you keep the deeds of your house, and not in the house ` +
          'alone. It stays good for backups that are made later.',
      ],
    },
    {
      title: 'To restore on a bare machine',
      paragraphs: [
        `1. Install Cairn, version ${version} or later, and Node 22.18 or later.`,
        `2. Scan ${codes} with a phone and save the text as ${KIT_FILE_NAME}, or type in the lines below. Spaces and ` +
          'line ends within the long ones mean nothing, and a mistake is noticed.',
        '3. Then, as root if owners of files are to be restored too:',
      ],
      commands: [
        `cairn init --kit ${KIT_FILE_NAME}`,
        'cairn snapshots',
        'cairn restore latest --target restored --verify',
      ],
    },
    {
      title: 'If no member of the grid answers',
      paragraphs: [
        'The addresses below are those of members when this page was made. Ask somebody who runs one for an address ' +
          'of today, and add it to network.bootstrap in cairn.toml of the new home. One member is enough: it knows ' +
          'the others.',
      ],
    },
    { title: 'If the grid does not admit you', paragraphs: [admission(kit)] },
  ]
}

function admission({ membership }: RecoveryKit): string {
  const invitation =
    'ask a member for an invitation (cairn invite) and, after cairn init --kit, redeem it: cairn join LINK.'
  if (membership === undefined) {
    return `A grid of members admits those whom a member has invited. If this one does not admit you, ${invitation}`
  }
  const { name, expiresAtSeconds } = membership.chain.own
  const until = new Date(1000 * expiresAtSeconds).toISOString().slice(0, 10)
  return (
    `With the lines key: and chain: the grid admits whoever has this page, as ${printable(name)}, until ${until}: ` +
    `make a new one before. After that, or without those lines, ${invitation}`
  )
}

/** Lines of fewer than 80 characters. The text is a secret. */
export function kitAsText(page: KitPage): string {
  const sections = sectionsOf(page).map(({ title, paragraphs, commands = [] }) =>
    [
      title.toUpperCase(),
      ...paragraphs.map((paragraph) => `\n${wrapped(paragraph)}`),
      ...(commands.length > 0 ? [`\n${commands.map((command) => `    $ ${command}`).join('\n')}`] : []),
    ].join('\n'),
  )
  const head = `CAIRN RECOVERY KIT\nof ${page.host}, ${page.kit.madeOn}`
  return `${head}\n\n${sections.join('\n\n')}\n\nTHE KIT\n\n${formatKitForPaper(page.kit)}`
}

/** One page of A4 or letter. The text is a secret. */
export function kitAsHtml(page: KitPage): string {
  const { kit, host } = page
  const sections = sectionsOf(page).map(
    ({ title, paragraphs, commands = [] }) =>
      `<h2>${escaped(title)}</h2>\n` +
      paragraphs.map((paragraph) => `<p>${escaped(paragraph)}</p>\n`).join('') +
      (commands.length > 0 ? `<pre>${escaped(commands.join('\n'))}</pre>\n` : ''),
  )
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="referrer" content="no-referrer">
<title>Cairn recovery kit of ${escaped(host)}</title>
<style>
body { font: 11pt/1.4 serif; max-width: 46em; margin: 2em auto; padding: 0 1em; color: #000; background: #fff }
h1 { font-size: 1.6em; margin: 0 } h2 { font-size: 1.1em; margin: 1.2em 0 .3em }
p { margin: .3em 0 } pre { font: 9.5pt/1.4 monospace; white-space: pre-wrap; overflow-wrap: anywhere }
figure { display: inline-block; margin: 1em 1mm 0 0 } svg { display: block; width: 85mm; height: 85mm }
@media print { body { margin: 0; padding: 0 } h2, figure { break-inside: avoid } h2 { break-after: avoid } }
</style>
</head>
<body>
<h1>Cairn recovery kit</h1>
<p>of ${escaped(host)}, ${escaped(kit.madeOn)}</p>
${sections.join('')}<h2>The kit</h2>
<pre id="kit">${escaped(formatKitForPaper(kit))}</pre>
${formatKitCodes(kit).map(figureOf).join('\n')}
</body>
</html>
`
}

function figureOf(code: string, index: number, codes: readonly string[]): string {
  // A page that lies in a safe has few stains; larger modules are read more easily.
  const svg = encodeQR(code, 'svg', { ecc: 'low', border: BORDER_MODULES })
  return `<figure><figcaption>Code ${index + 1} of ${codes.length}</figcaption>${svg}</figure>`
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

const WIDTH = 78

function wrapped(paragraph: string): string {
  const lines: string[] = []
  let line = ''
  for (const word of paragraph.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > WIDTH) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].join('\n')
}
