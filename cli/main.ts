#!/usr/bin/env node
/**
 * The command `cairn`: the composition root. Everything else is loaded from a cache of compiled code, which halves the
 * time a command takes to start; it lies in the user's own cache folder, where nobody else can put code.
 */
import { enableCompileCache } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'

const { XDG_CACHE_HOME, NODE_COMPILE_CACHE } = process.env
if (NODE_COMPILE_CACHE === undefined) {
  const cacheHome = XDG_CACHE_HOME?.startsWith('/') === true ? XDG_CACHE_HOME : join(homedir(), '.cache')
  enableCompileCache(join(cacheHome, 'cairn', 'compiled'))
}
const { main } = await import('./program.ts')
process.exit(await main(process.argv.slice(2)))
