/**
 * `npm run test:browser`: the web API in headless Chromium, which remembers the password. A stored page runs nothing
 * and reaches nothing, and a page of somebody else on this machine has the browser do nothing.
 */
import { strict as assert } from 'node:assert'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type BrowserContext, chromium, type Page, type Request } from 'playwright-core'
import { CHROMIUM, CHROMIUM_FLAGS } from '../support/chromium.ts'
import { closeStages } from '../support/grid-stages.ts'
import { webStage } from '../support/web-client.ts'

const { client } = await webStage()
const at = `http://127.0.0.1:${client.gateway.port}`
const directory = await client.text('PUT', '/uri?t=mkdir')
const secret = `${at}/uri/${directory}/secret.txt`
await client.text('PUT', `/uri/${directory}/secret.txt`, { body: 'a secret' })

/** All that a page may try: scripts, what it embeds, a form that sends itself, another page. */
const hostilePage = `<!doctype html><title>quiet</title><h1>hostile</h1>
<script>document.title = 'ran'; fetch('${secret}').then((answer) => answer.text()).then((text) => { document.title = text })</script>
<img src="${secret}" onload="document.title = 'loaded'" onerror="document.title = 'ran'"><iframe src="${secret}"></iframe>
<form id="form" method="post" action="${at}/uri/${directory}?t=unlink&name=secret.txt"><input name="x"></form>
<script>document.getElementById('form').submit()</script>`
await client.text('PUT', `/uri/${directory}/hostile.html`, { body: hostilePage })

const other = createServer((_request, response) => {
  response.setHeader('content-type', 'text/html')
  response.end(hostilePage)
})
other.listen(0, '127.0.0.1')
await once(other, 'listening')
const address = other.address()
const otherAt = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`

const browser = await chromium.launch({ executablePath: CHROMIUM, args: [...CHROMIUM_FLAGS] })
try {
  const context = await browser.newContext({
    httpCredentials: { username: 'cairn', password: client.gateway.token.reveal(), origin: at },
  })
  await storedPageIsQuiet(context)
  await otherPageIsRefused(context)
  const { entries } = Object(await client.json('GET', `/uri/${directory}`))
  assert.equal(entries.length, 2, 'nothing was changed')
  console.log('web API: a stored page is quiet, and a page of somebody else is refused')
} finally {
  await browser.close()
  other.close()
  await closeStages()
}

async function storedPageIsQuiet(context: BrowserContext): Promise<void> {
  const page = await context.newPage()
  const asked = requestsOf(page)
  const listing = await page.goto(`${at}/uri/${directory}`)
  assert.equal(listing?.status(), 200, 'the browser has the password')
  await page.getByRole('link', { name: 'hostile.html' }).click()
  await page.getByRole('heading', { name: 'hostile' }).waitFor()
  await page.waitForLoadState('networkidle')
  assert.equal(await page.title(), 'quiet')
  const embedded = asked.filter((one) => one.url() === secret)
  const reasons = embedded.map((one) => one.failure()?.errorText ?? 'answered')
  assert.deepEqual(
    reasons.filter((reason) => reason !== 'csp'),
    [],
    'what the stored page embeds never left the browser',
  )
  assert.deepEqual(
    asked.filter((one) => one.method() !== 'GET'),
    [],
    'no form was sent',
  )
  await page.close()
}

async function otherPageIsRefused(context: BrowserContext): Promise<void> {
  const page = await context.newPage()
  const statuses: number[] = []
  page.on('response', (response) => {
    if (response.url().startsWith(at)) statuses.push(response.status())
  })
  await page.goto(otherAt)
  await page.waitForLoadState('networkidle')
  assert.ok(statuses.length >= 2, `embedded things and the form were asked for: ${statuses}`)
  assert.ok(
    statuses.every((status) => status === 403),
    `all of it was refused: ${statuses}`,
  )
  assert.ok(!(await page.content()).includes('a secret'), 'nothing was read')
  await page.close()
}

function requestsOf(page: Page): readonly Request[] {
  const requests: Request[] = []
  page.on('request', (request) => requests.push(request))
  return requests
}
