/** Serves the bench as a page and runs it in headless Chromium. */
import { createServer } from 'node:http'
import { build } from 'esbuild'
import { chromium } from 'playwright-core'
import { npmOracleBytes } from '../../crypto/erasure/open-npm-oracle.ts'
import { CHROMIUM, CHROMIUM_FLAGS } from '../../support/chromium.ts'
import type { Case, Result } from './cases.ts'

export async function runInChromium(
  cases: readonly Case[],
  options: {
    readonly rounds: number
    readonly turnMs: number
    readonly onCase: (test: Case, index: number) => void
  },
): Promise<Result[]> {
  const files = new Map<string, { readonly type: string; readonly body: string | Uint8Array }>([
    ['/', { type: 'text/html', body: '<!doctype html><script src="/page.js"></script>' }],
    ['/page.js', { type: 'text/javascript', body: await bundle('page.ts') }],
    ['/worker.js', { type: 'text/javascript', body: await bundle('worker-page.ts') }],
    ['/npm.wasm', { type: 'application/wasm', body: await npmOracleBytes() }],
  ])
  const server = createServer((request, response) => {
    const file = files.get(request.url ?? '')
    if (file === undefined) response.writeHead(404).end()
    else response.writeHead(200, { 'content-type': file.type }).end(file.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server listens on a port')
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: [...CHROMIUM_FLAGS] })
  try {
    const page = await browser.newPage()
    await page.exposeFunction('onBenchCase', options.onCase)
    await page.goto(`http://127.0.0.1:${address.port}/`)
    const { rounds, turnMs } = options
    return await page.evaluate(([tests, how]) => globalThis.runBench(tests, how), [
      cases,
      { rounds, turnMs },
    ] as const)
  } finally {
    await browser.close()
    server.close()
  }
}

async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [new URL(entry, import.meta.url).pathname],
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'error',
  })
  return outputFiles[0]?.text ?? ''
}
