/** Names that somebody else chose: shown in a terminal, and written onto a disk. Pure. */

/** What moves the cursor, colours the screen or turns text around: controls, line ends, and marks of direction. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g

/** With everything that a terminal would act upon as `\x1b` or `\u202e`, and a backslash as two. */
export function printable(name: string): string {
  return name.replaceAll('\\', '\\\\').replace(UNPRINTABLE, (character) => {
    const code = character.charCodeAt(0)
    const digits = code.toString(16)
    // Above 7f, `\x..` is left to single bytes, for names that are not UTF-8.
    return code < 0x80 ? `\\x${digits.padStart(2, '0')}` : `\\u${digits.padStart(4, '0')}`
  })
}

/**
 * Why a name from the grid may not become one on this disk; undefined if it may. A directory is what its writers
 * made it, and nothing in it may land outside of the folder that a copy goes to.
 */
export function problemOnDisk(name: string, platform: string): string | undefined {
  if (name === '' || name === '.' || name === '..') return 'it is no name of a file'
  if (/[/\0]/.test(name)) return 'it holds a / or NUL'
  if (platform === 'win32' && !isWindowsName(name)) return 'Windows does not allow it'
  return undefined
}

/** Nothing that leads elsewhere (`C:`, `a\b`, streams), no device, nothing that Windows would silently shorten. */
function isWindowsName(name: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: Windows refuses them.
  if (/[<>:"|?*\\\u0000-\u001f]/.test(name) || /[. ]$/.test(name)) return false
  return !/^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i.test(name)
}
