// How the log view bears a flood: a build that prints 100,000 lines at 5,000 a second, watched in a real browser through the
// real server. What is measured and how: ../README.md.
//
// node bench/log/main.mjs <berth binary> [lines] [lines a second]

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'

import { Repository } from '../../scripts/harbour/repository.mjs'
import { Problem } from '../../scripts/run/problem.mjs'
import { Trial } from '../pipeline/trial.mjs'
import { flood } from './flood.mjs'
import { watch } from './watch.mjs'

const [binary, lines = '100000', rate = '5000'] = process.argv.slice(2)
const { chromium } = createRequire(join(import.meta.dirname, '../../tests/js/package.json'))('playwright-core')

// All of them are kept as they come: by default half of 10 MiB is, and the rest follows at the end.
process.env.BERTH_BUILD_LOG = '64m'
const trial = await Trial.start(resolve(binary))
let browser
try {
  mkdirSync(trial.repositories, { recursive: true })
  const repository = new Repository(trial.repositories, trial.endpoint.url, 'bench/flood')
  repository.push('Print a great deal', { name: 'Bench', email: 'bench@localhost' }, flood(Number(lines), Number(rate)))
  browser = await chromium.launch({
    executablePath: ['/usr/bin/chromium', '/usr/bin/google-chrome'].find(existsSync),
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'],
  })
  console.log(`${lines} lines at ${rate} a second, in ${browser.version()} on ${processors()}`)
  for (const [index, throttle] of [1, 4].entries()) {
    const { build } = await trial.client.send('POST', '/api/v1/projects', { name: `flood-${index}`, branch: 'main', repoUrl: repository.url })
    print(`processor at 1/${throttle}`, await watch(browser, trial, build.id, { lines: Number(lines), throttle }))
  }
} catch (error) {
  console.error(error instanceof Problem ? error.message : error.stack)
  process.exitCode = 1
} finally {
  await browser?.close()
  await trial.end()
}

function print(title, figures) {
  console.log(`\n${title}`)
  for (const [name, value] of Object.entries(figures)) console.log(`  ${name.padEnd(46)} ${value}`)
}

function processors() {
  const models = readFileSync('/proc/cpuinfo', 'utf8').match(/model name\s*: (.*)/)
  return `${execFileSync('nproc').toString().trim()} × ${models?.[1] ?? 'unknown'}`
}
