/**
 * `npm run test:browser`: crypto/ bundled as it is and run in headless Chromium, on a page that may use WebCrypto and
 * on one that may not (plain http, as in a LAN).
 */
import { strict as assert } from 'node:assert'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { build } from 'esbuild'
import { type Browser, chromium } from 'playwright-core'
import { CHROMIUM, CHROMIUM_FLAGS } from '../support/chromium.ts'
import type { PageReport } from './page.ts'

const FLAGS = [
  ...CHROMIUM_FLAGS,
  // A name that is not localhost, so that the page is no secure context.
  '--host-resolver-rules=MAP lan.test 127.0.0.1',
]

async function bundle(entry: string): Promise<string> {
  const result = await build({
    entryPoints: [new URL(entry, import.meta.url).pathname],
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'error',
  })
  const [output] = result.outputFiles
  assert(output !== undefined, 'esbuild gives one file')
  return output.text
}

function storedVectors(): Record<string, unknown> {
  const folder = new URL('../vectors/v1/', import.meta.url)
  const names = readdirSync(folder)
  return Object.fromEntries(
    names.map((name) => [name.replace('.json', ''), JSON.parse(readFileSync(new URL(name, folder), 'utf8'))]),
  )
}

async function reportFrom(browser: Browser, url: string): Promise<PageReport> {
  const page = await browser.newPage()
  const problems: string[] = []
  page.on('pageerror', (error) => problems.push(String(error)))
  await page.goto(url)
  const report = await page.evaluate('report()').catch((error: unknown) => {
    throw new Error(`the page failed: ${problems.join('; ')}`, { cause: error })
  })
  await page.close()
  return report as PageReport
}

const script = await bundle('page.ts')
const workerScript = await bundle('../../crypto/segment-worker.ts')
assert(!/require\("node:|from "node:/.test(script), 'the bundle asks for nothing of Node')
const server = createServer((request, response) => {
  const scripts = new Map([
    ['/page.js', script],
    ['/worker.js', workerScript],
  ])
  const body = scripts.get(request.url ?? '')
  response.setHeader('content-type', body === undefined ? 'text/html' : 'text/javascript')
  response.end(body ?? '<!doctype html><script src="/page.js"></script>')
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const address = server.address()
assert(address !== null && typeof address === 'object', 'the server listens')
const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS })
let passed = 0
let failed = 0
const check = (what: string, test: () => void): void => {
  try {
    test()
    passed += 1
    console.log(`ok   ${what}`)
  } catch (error) {
    failed += 1
    console.error(`FAIL ${what}: ${error instanceof Error ? error.message : String(error)}`)
  }
}
try {
  for (const [host, isSecureContext] of [
    ['127.0.0.1', true],
    ['lan.test', false],
  ] as const) {
    const where = isSecureContext ? 'with WebCrypto' : 'without WebCrypto'
    const report = await reportFrom(browser, `http://${host}:${address.port}/`)
    check(`the page runs ${where}`, () => assert.equal(report.isSecureContext, isSecureContext))
    check(`a file goes to shares and back ${where}`, () => assert.equal(report.roundTrip, 'equal'))
    check(`Web Workers code segments ${where}`, () => assert.equal(report.workers, 'equal, by 2'))
    for (const [name, vectors] of Object.entries(storedVectors())) {
      check(`vectors ${name} ${where}`, () => assert.deepEqual(report.vectors[name], vectors))
    }
  }
} finally {
  await browser.close()
  server.close()
}
console.log(`bundle of crypto/ and the test: ${Math.round(script.length / 1024)} KiB`)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
