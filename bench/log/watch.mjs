// Opens a running build in a browser, measures its frames and how late its lines are while they arrive, and then goes through the
// whole log.

import { readFileSync } from 'node:fs'

const MINUTES = 60_000
const JUMPS = 40

/** Resolves to figures by their names. */
export async function watch(browser, trial, build, { lines, throttle }) {
  const { publicUrl, loginName: login, passwordFile } = trial.settings
  const context = await browser.newContext({ viewport: { width: 1440, height: 1000 }, baseURL: publicUrl })
  const password = readFileSync(passwordFile, 'utf8').trim()
  const signedIn = await context.request.post('/api/v1/sessions', { data: { login, password }, headers: { origin: publicUrl } })
  if (!signedIn.ok()) throw new Error(`signing in was refused: ${await signedIn.text()}`)
  const page = await context.newPage()
  const devtools = await context.newCDPSession(page)
  await page.goto(`/builds/${build}`)
  await page.getByText('waiting', { exact: true }).waitFor({ timeout: 2 * MINUTES })
  await devtools.send('Emulation.setCPUThrottlingRate', { rate: throttle })

  await page.evaluate(recordFrames)
  await page.getByText('calm', { exact: true }).waitFor({ timeout: 2 * MINUTES })
  const calm = await page.evaluate(() => globalThis.endOfFrames())

  await devtools.send('Performance.enable', { timeDomain: 'threadTicks' })
  const before = await metricsOf(devtools)
  await page.evaluate(recordFrames)
  await page.waitForFunction(lastLineAbove, lines, { timeout: 5 * MINUTES, polling: 500 })
  const flooded = await page.evaluate(() => globalThis.endOfFrames())
  const after = await metricsOf(devtools)
  const rows = await page.locator('.log-row, .log-step').count()

  await page.getByText('Failed', { exact: true }).first().waitFor({ timeout: MINUTES })
  const jumps = await page.evaluate(jumpAround, { lines, count: JUMPS })
  const search = await page.evaluate(searchFor, 'week')
  await devtools.send('HeapProfiler.collectGarbage')
  const { JSHeapUsedSize: heap } = await metricsOf(devtools)
  await context.close()
  return {
    'line by line: shown after, ms: p50 p99 worst': spread(calm.late),
    'in the flood: shown after, ms: p50 p99 worst': spread(flooded.late),
    'lines a second as they were shown': Math.round(flooded.lines / (flooded.took / 1_000)),
    'frame, ms: p50 p99 worst': spread(flooded.frames),
    'frames over 50 ms': `${flooded.frames.filter((took) => took > 50).length} of ${flooded.frames.length}`,
    'the page’s own work a frame, ms': ((1_000 * (after.TaskDuration - before.TaskDuration)) / flooded.frames.length).toFixed(1),
    'rows in the page': rows,
    'jump to a line, ms: p50 p99 worst': spread(jumps),
    [`search, ${search.count}, ms`]: Math.round(search.took),
    'longest frame while searching, ms': search.worst.toFixed(1),
    'heap afterwards, MiB': (heap / 2 ** 20).toFixed(1),
  }
}

/** By their names; times in seconds that the page's thread had a processor, whatever else the machine did. */
async function metricsOf(devtools) {
  const { metrics } = await devtools.send('Performance.getMetrics')
  return Object.fromEntries(metrics.map(({ name, value }) => [name, value]))
}

function spread(values) {
  const sorted = values.toSorted((one, other) => one - other)
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))].toFixed(1)
  return `${at(0.5)} ${at(0.99)} ${at(1)}`
}

// In the page

/** Notes how long each frame took, from the next line on, and how long before a frame its newest line was printed. */
function recordFrames() {
  const frames = []
  const late = []
  const lastRow = () => [...document.querySelectorAll('.log-row:not([hidden])')].at(-1)
  const lastLine = () => Number(lastRow()?.dataset.line ?? 0)
  const before = lastLine()
  let since = 0
  let first = 0
  let newest = before
  let stopped = false
  const frame = (time) => {
    if (stopped) return
    // What stands in the page when a frame begins was painted with the one before.
    if (lastLine() > newest) {
      newest = lastLine()
      const printed = lastRow().querySelector('.log-text')?.textContent.match(/\b\d{13}\b/)?.[0]
      if (printed) late.push(Date.now() - Number(printed))
    }
    if (since > 0) frames.push(time - since)
    if (since > 0 || lastLine() > before) {
      first ||= time
      since = time
    }
    requestAnimationFrame(frame)
  }
  requestAnimationFrame(frame)
  globalThis.endOfFrames = () => {
    stopped = true
    return { frames, late, took: since - first, lines: lastLine() - before }
  }
}

function lastLineAbove(lines) {
  return Number([...document.querySelectorAll('.log-row:not([hidden])')].at(-1)?.dataset.line ?? 0) > lines
}

/** Follows links to lines, and notes how long each took until its line could be seen. */
async function jumpAround({ lines, count }) {
  const took = []
  for (let jump = 0; jump < count; jump += 1) {
    const line = 1 + ((jump * 61_803) % lines)
    const since = performance.now()
    location.hash = `L${line}`
    await new Promise((resolve) => {
      const look = () => (document.querySelector(`.log-row:not([hidden])[data-line="${line}"]`) ? resolve() : requestAnimationFrame(look))
      requestAnimationFrame(look)
    })
    took.push(performance.now() - since)
  }
  return took
}

/** Types into the search, and waits until all matches are counted. */
async function searchFor(text) {
  const field = document.querySelector('.log-bar input')
  let worst = 0
  let last = performance.now()
  const since = last
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(field, text)
  field.dispatchEvent(new Event('input', { bubbles: true }))
  const said = () => field.nextElementSibling.textContent
  await new Promise((resolve) => {
    const look = (time) => {
      worst = Math.max(worst, time - last)
      last = time
      if (/^\S+ of \S+$/.test(said())) resolve()
      else requestAnimationFrame(look)
    }
    requestAnimationFrame(look)
  })
  return { took: performance.now() - since, worst, count: said() }
}
