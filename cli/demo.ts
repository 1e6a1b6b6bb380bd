/** `npm start [-- FILE]`: see demonstration.ts. Exits with 0 only if the file came back as it went. */
import { keepCompiledCode } from './code-cache.ts'

keepCompiledCode()
const { demonstrate } = await import('./demonstration.ts')
process.exit(await demonstrate(process.argv[2]))
