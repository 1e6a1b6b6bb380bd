/**
 * Compiled code is kept between runs, which halves the time a command takes to start. It lies in the user's own cache
 * folder, where nobody else can put code.
 */
import { hash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { enableCompileCache, flushCompileCache } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'

let wasEmpty = false

/** To be called before anything else is imported. NODE_COMPILE_CACHE, if it is set, decides where. */
export function keepCompiledCode(): void {
  const { XDG_CACHE_HOME, NODE_COMPILE_CACHE } = process.env
  if (NODE_COMPILE_CACHE !== undefined) return
  const cacheHome = XDG_CACHE_HOME?.startsWith('/') === true ? XDG_CACHE_HOME : join(homedir(), '.cache')
  // Each installation its own: the cache knows code by where it lies.
  const installation = hash('sha256', import.meta.url).slice(0, 16)
  const folder = join(cacheHome, 'cairn', `compiled-${installation}`)
  wasEmpty = !existsSync(folder)
  enableCompileCache(folder)
}

/** Whether this is the first run of this installation: then a single process had better compile before many do. */
export function isFirstRun(): boolean {
  return wasEmpty
}

/** Write it now and not at the end: a daemon lives long, and others start meanwhile. */
export function shareCompiledCode(): void {
  flushCompileCache()
}
