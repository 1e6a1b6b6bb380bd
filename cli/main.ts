#!/usr/bin/env node
/** The command `cairn`: the composition root. */
import { keepCompiledCode } from './code-cache.ts'

keepCompiledCode()
const { main } = await import('./program.ts')
process.exit(await main(process.argv.slice(2)))
