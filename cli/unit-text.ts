/** Words in units of systemd and in shells, so that nothing in them means more than it says. Pure. */
import { InvalidInputError } from '#crypto'

export interface Unit {
  readonly fileName: string
  readonly text: string
}

/** As a shell takes it. */
export function shellText(command: readonly string[]): string {
  return command
    .map((word) => (/^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(' ')
}

/** One word of ExecStart: there a dollar begins a variable too. */
export function argument(word: string): string {
  return quoted(word.replaceAll('$', '$$$$'))
}

/** One word, in which no specifier and no escape means anything. @throws InvalidInputError */
export function quoted(word: string): string {
  if (/[\0\n\r]/.test(word))
    throw new InvalidInputError('a path with a line end cannot stand in a unit of systemd')
  return `"${word.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%')}"`
}

/** A value of one line. @throws InvalidInputError */
export function oneLine(text: string): string {
  if (/[\0\n\r]/.test(text)) throw new InvalidInputError('a unit of systemd wants this in one line')
  return text.replaceAll('%', '%%').replace(/\\$/, '\\\\')
}
