// Chromium, signed in to the harbour's Berth: for its pictures and figures. Playwright is that of the tests.

import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, join } from 'node:path'

import { Problem } from '../run/problem.mjs'

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run', '--hide-scrollbars']

export async function launchChromium() {
  let chromium
  try {
    ;({ chromium } = createRequire(new URL('../../tests/js/package.json', import.meta.url))('playwright-core'))
  } catch {
    throw new Problem('playwright-core is missing: run scripts/ensure-test-tools')
  }
  const directories = (process.env.PATH ?? '').split(delimiter)
  const executablePath = ['chromium', 'chromium-browser', 'google-chrome'].flatMap((name) => directories.map((directory) => join(directory, name))).find(existsSync)
  if (!executablePath) throw new Problem('Chromium is missing: run scripts/ensure-test-tools')
  return chromium.launch({ executablePath, args: FLAGS })
}

/** A page of a new profile, signed in where `password` is given. */
export async function openPage(browser, origin, { login, password, locale = 'en', theme = 'light', width = 1440, height = 900 } = {}) {
  const context = await browser.newContext({ baseURL: origin, viewport: { width, height }, locale, colorScheme: theme, reducedMotion: 'reduce' })
  const page = await context.newPage()
  if (!password) return page
  // By no page: the first one that is opened is the first that this browser sees.
  const answer = await context.request.post('/api/v1/sessions', { data: { login, password }, headers: { origin } })
  if (!answer.ok()) throw new Problem(`${login} could not sign in (${answer.status()})`)
  return page
}
