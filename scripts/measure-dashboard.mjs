// Prints how soon the dashboard's pages are there, with an empty cache and a processor four times as slow, and what they load:
// measure-dashboard.mjs BINARY [ROUNDS]. Measured is the harbour (scripts/harbour); where: the variables of `make run`.
//
// first paint, first content, largest content: as the browser reports them. blocking: what scripts hold the page up for beyond
// 50 ms each, from the first content until nothing has been loaded for half a second. Medians.

import { readFileSync } from 'node:fs'

import { launchChromium, openPage } from './harbour/browser.mjs'
import { openHarbour } from './harbour/open.mjs'

const SLOWER = 4
const [binary, rounds = '5'] = process.argv.slice(2)

const { settings, client, stop } = await openHarbour(binary, () => {})
const browser = await launchChromium()
try {
  const [project] = (await client.send('GET', '/api/v1/projects')).filter(({ name }) => name === 'harbour-notes')
  const [build] = await client.send('GET', `/api/v1/projects/${project.id}/builds`)
  console.log(`processor ${SLOWER} times as slow, empty cache, median of ${rounds}\n`)
  console.log('page       paint  content  largest  blocking  script  all     requests')
  for (const [name, path] of [['/login', '/login'], ['projects', '/'], ['project', `/projects/${project.name}`], ['build', `/builds/${build.id}`]]) {
    const seen = []
    for (let round = 0; round < Number(rounds); round += 1) seen.push(await load(path, name !== '/login'))
    const middle = (key) => seen.map((one) => one[key]).sort((a, b) => a - b)[Math.floor(seen.length / 2)]
    const ms = (key, width) => `${Math.round(middle(key))} ms`.padStart(width)
    const kib = (key) => `${(middle(key) / 1024).toFixed(1)} K`.padStart(8)
    console.log(`${name.padEnd(8)}${ms('paint', 8)}${ms('content', 9)}${ms('largest', 9)}${ms('blocking', 10)}${kib('script')}${kib('all')}${String(middle('requests')).padStart(8)}`)
  }
} finally {
  await browser.close()
  await stop()
}
process.exit(0)

/** Loads a page in a new profile. */
async function load(path, signedIn) {
  const password = signedIn ? readFileSync(settings.passwordFile, 'utf8').trim() : undefined
  const page = await openPage(browser, settings.publicUrl, { login: settings.loginName, password })
  const session = await page.context().newCDPSession(page)
  await session.send('Network.enable')
  await session.send('Network.clearBrowserCache')
  await session.send('Emulation.setCPUThrottlingRate', { rate: SLOWER })
  const loaded = await counted(session)
  await page.addInitScript(() => {
    window.seen = { blocking: [], largest: 0 }
    new PerformanceObserver((list) => list.getEntries().forEach(({ startTime, duration }) => window.seen.blocking.push([startTime, duration]))).observe({ type: 'longtask', buffered: true })
    new PerformanceObserver((list) => { window.seen.largest = list.getEntries().at(-1).startTime }).observe({ type: 'largest-contentful-paint', buffered: true })
  })
  await page.goto(path)
  await page.locator('main h1').first().waitFor()
  await page.waitForLoadState('networkidle')
  const times = await page.evaluate(() => {
    const at = (name) => performance.getEntriesByName(name)[0]?.startTime ?? NaN
    const content = at('first-contentful-paint')
    const blocking = window.seen.blocking.filter(([start]) => start >= content).reduce((sum, [, duration]) => sum + duration - 50, 0)
    return { paint: at('first-paint'), content, largest: window.seen.largest, blocking }
  })
  await page.context().close()
  return { ...times, ...loaded }
}

/** Counts what comes over the network from now on. */
async function counted(session) {
  const loaded = { script: 0, all: 0, requests: 0 }
  const scripts = new Set()
  session.on('Network.responseReceived', ({ requestId, type }) => {
    if (type === 'Script') scripts.add(requestId)
  })
  session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    loaded.requests += 1
    loaded.all += encodedDataLength
    if (scripts.has(requestId)) loaded.script += encodedDataLength
  })
  return loaded
}
