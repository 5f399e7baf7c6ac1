// Takes the pictures of docs/screenshots, of the harbour (scripts/harbour): screenshots.mjs BINARY [DIRECTORY]. Where Berth runs
// and keeps its files: the variables of `make run`; a harbour that is there already is taken as it is.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { launchChromium, openPage } from './harbour/browser.mjs'
import { openHarbour } from './harbour/open.mjs'

const [binary, directory = 'docs/screenshots'] = process.argv.slice(2)

/** The pages that most time is spent on are shown in every dress, the others in one. */
const DRESSES = [
  { suffix: '', options: {} },
  { suffix: '-dark', options: { theme: 'dark' } },
  { suffix: '-360', options: { width: 360, height: 780 } },
  { suffix: '-ar', options: { locale: 'ar' } },
]

const { settings, client, stop } = await openHarbour(binary, console.log)
const browser = await launchChromium()
try {
  mkdirSync(directory, { recursive: true })
  const login = settings.loginName
  const password = readFileSync(settings.passwordFile, 'utf8').trim()
  const { main, others, outside } = await pages(client)
  let bytes = 0
  for (const { suffix, options } of DRESSES) {
    const page = await openPage(browser, settings.publicUrl, { login, password, ...options })
    for (const [name, path] of suffix ? main : [...main, ...others]) bytes += await take(page, `${name}${suffix}`, path)
    await page.context().close()
  }
  const stranger = await openPage(browser, settings.publicUrl)
  for (const [name, path] of outside) bytes += await take(stranger, name, path)
  console.log(`${(bytes / 1024).toFixed(0)} KiB in ${directory}`)
} finally {
  await browser.close()
  await stop()
}
process.exit(0)

/** What is shown, by the name of its picture. */
async function pages(client) {
  const projects = await client.send('GET', '/api/v1/projects')
  const idOf = (wanted) => projects.find(({ name }) => name === wanted).id
  const failed = (await client.send('GET', `/api/v1/projects/${idOf('tide-tables')}/builds`)).find(({ status }) => status === 'failed')
  const section = (name) => [`settings-${name}`, `/projects/harbour-notes/settings/${name}`]
  return {
    main: [
      ['projects', '/'],
      ['project', '/projects/harbour-notes'],
      ['build', `/builds/${failed.id}`],
      section('secrets'),
    ],
    others: [
      ['new', '/new'],
      ['builds', '/projects/harbour-notes/builds'],
      ...['build', 'access', 'webhook', 'limits', 'delete'].map(section),
      ['account', '/account'],
      ['users', '/users'],
      ['system', '/system'],
    ],
    outside: [['login', '/login']],
  }
}

/** Takes a picture of what the window shows, as WebP; its size. */
async function take(page, name, path) {
  await page.goto(path)
  await page.locator('main h1').first().waitFor()
  await page.waitForLoadState('networkidle')
  const session = await page.context().newCDPSession(page)
  const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality: 82 })
  await session.detach()
  const picture = Buffer.from(data, 'base64')
  writeFileSync(join(directory, `${name}.webp`), picture)
  return picture.length
}
