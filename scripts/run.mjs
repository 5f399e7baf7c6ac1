// make run: Berth on this machine, with an example project sent through the real pipeline, until Ctrl-C.
//
// 1. a git endpoint on loopback serves the example as a repository;
// 2. Berth starts, on SQLite and with keys that it generates;
// 3. the administrator's account is made with the setup token, or signed in;
// 4. the example's commit is pushed with a signed webhook, unless it is live already;
// 5. the addresses are printed, and everything runs until Ctrl-C.

import { join, relative, resolve } from 'node:path'

import { signIn } from './run/account.mjs'
import { checkFree, startBerth } from './run/berth.mjs'
import { Client } from './run/client.mjs'
import { commitExample } from './run/example-repository.mjs'
import { publishExample } from './run/example.mjs'
import { serveRepositories } from './run/git-endpoint.mjs'
import { Problem } from './run/problem.mjs'
import { readSettings } from './run/settings.mjs'

const print = (line = '') => console.log(line)
const started = performance.now()
// What to stop, newest first.
const stops = []

async function main(binary) {
  const settings = readSettings()
  warnAboutEgress(settings)
  await checkFree(settings)

  const repositories = join(settings.runDir, 'repositories')
  const commit = commitExample(settings.exampleDir, join(repositories, 'examples/vite.git'))
  const endpoint = await serveRepositories(repositories, join(settings.runDir, 'git-port'))
  stops.push(endpoint.close)

  const berth = await startBerth(resolve(binary), settings, (stop) => stops.push(stop))
  print(`Berth is ready (its log: ${shown(berth.logFile)})`)
  berth.ended.then((how) => finish(1, `Berth ended by itself (${how}); see ${shown(berth.logFile)}`))

  const client = new Client(settings)
  await signIn(client, settings)
  await publishExample(client, settings, `${endpoint.url}/examples/vite.git`, commit, print)

  print(`
Ready after ${((performance.now() - started) / 1_000).toFixed(1)} s.

  Control plane   ${settings.publicUrl}
  Sign in as      ${settings.loginName}, password in ${shown(settings.passwordFile)}
  Example         ${settings.siteScheme}://${settings.exampleName}.${settings.baseDomain}

Ctrl-C stops it.`)
}

/** A path as one would type it here. */
const shown = (path) => (relative(process.cwd(), path).startsWith('..') ? path : relative(process.cwd(), path))

/** Only root can set the rules of the build network here; without them builds would not start. */
function warnAboutEgress(settings) {
  if (settings.egress || process.getuid?.() === 0) return
  settings.egress = 'open'
  print('Not started as root, so Berth cannot fence builds off from your network: BERTH_EGRESS=open for this trial.')
}

let finishing = false
async function finish(code, message) {
  if (finishing) return
  finishing = true
  if (message) console.error(message)
  for (const stop of stops.reverse()) await stop()
  process.exit(code)
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => finish(0, finishing ? '' : '\nstopping'))
}
// A make that is killed cannot say so: its shell is gone then.
const shell = process.ppid
setInterval(() => process.ppid === shell || finish(0), 1_000).unref()

main(process.argv[2]).catch((error) => finish(1, error instanceof Problem ? error.message : error.stack))
