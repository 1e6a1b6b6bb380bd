/** The version of the software, as package.json has it. */
import { readFileSync } from 'node:fs'

/** Not parsed: it is the first key of that name, and a command starts without JSON of the whole. */
export const VERSION: string =
  /"version": "([^"]+)"/.exec(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))?.[1] ??
  'unknown'
