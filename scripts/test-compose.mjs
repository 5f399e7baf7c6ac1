#!/usr/bin/env node
// test-compose.mjs <binary>: docker-compose.yml as somebody uses it, with `docker-compose` (Debian's is 1.29) where it is
// installed, else with Docker's own `docker compose`, under a project name of its own:
// up, an account with the token from the log, a project built with Docker and live, and one that runs; live again after a
// restart and after kill -9, and while PostgreSQL is away; backed up, and restored into new volumes by the commands of
// docs/OPERATIONS.md; nothing left after `berth clean` and `down --volumes`. Then the same image without Compose, in a
// network of its own (test/own-network.mjs).

import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

import { Client, request } from './run/client.mjs'
import { serveRepositories } from './run/git-endpoint.mjs'
import { expect, freePort, makeRepository, until } from './test/ground.mjs'
import { isOpen, kitchen } from './test/kitchen.mjs'
import { runsInANetworkOfItsOwn } from './test/own-network.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const binary = resolve(process.argv[2] ?? join(root, 'target/debug/berth'))
const compose = spawnSync('docker-compose', ['version']).error ? ['docker', 'compose'] : ['docker-compose']

const work = mkdtempSync(join(tmpdir(), 'berth-compose-'))
const name = `berth-test-${process.pid}`
const backup = join(work, 'backup')
const port = await freePort()
const connect = { hostname: '127.0.0.1', port }
const site = `shop.localhost:${port}`
const service = `kitchen.localhost:${port}`

let repositories
let instance
let failed = true
try {
  layOut()
  repositories = await serveRepositories(join(work, 'repositories'), join(work, 'git-port'))
  const began = Date.now()
  run('up', '--detach')
  const token = await until('the setup token is in the log', 60, () => /^.*Setup token: (\S+)\s*$/m.exec(log())?.[1])
  instance = run('exec', '-T', 'berth', 'cat', '/var/lib/berth/data/instance').trim()
  say(`up after ${seconds(began)}`)

  const client = new Client({ connect, publicUrl: `http://localhost:${port}` })
  await until('the API answers', 60, async () => (await client.attempt('GET', '/api/v1/setup')).status === 200)
  const account = { setupToken: token, login: 'admin', password: 'a password of the test' }
  client.authorize((await client.send('POST', '/api/v1/setup', account)).token)
  const pushed = Date.now()
  const repoUrl = `${repositories.url}/shop.git`
  await client.send('POST', '/api/project', { name: 'shop', branch: 'main', repoUrl, outputDirectory: 'dist' })
  await until('the site is live', 180, siteIsLive)
  say(`built and live after ${seconds(pushed)}`)
  const running = { name: 'kitchen', branch: 'main', repoUrl: `${repositories.url}/kitchen.git` }
  const { project } = await client.send('POST', '/api/project', running)
  await until('the service answers', 180, serviceAnswers)
  const volumes = () => client.send('GET', `/api/v1/projects/${project.id}/volumes`)
  await until('the size of its volume is told', 90, async () => (await volumes())[0]?.bytes > 0)
  const started = replicas()
  expect('one replica runs', started.length === 1, started)
  say('a service answers, and how much is in its volume is told')
  expect('builds are kept off this machine', log().includes('builds cannot reach this machine: rules set and probed'))
  await until('the container is healthy', 60, () => inspect('{{.State.Health.Status}}') === 'healthy')

  // The backup of docs/OPERATIONS.md.
  backUp()

  await isLiveAgain('docker-compose restart', () => run('restart', 'berth'))
  // As a crash does it: `docker kill` would count as wanted, and nothing would start it again.
  await isLiveAgain('kill -9', () => process.kill(Number(inspect('{{.State.Pid}}')), 'SIGKILL'))
  await until('the API answers again', 60, async () => (await client.attempt('GET', '/api/v1/projects')).status === 200)
  await until('the service answers again', 60, serviceAnswers)

  run('stop', 'postgres')
  expect('the site needs no database', await siteIsLive())
  expect('nor does the service', await serviceAnswers())
  await until('the API says 503', 30, async () => (await client.attempt('GET', '/api/v1/projects')).status === 503)
  await isLiveAgain('kill -9 without a database', () => process.kill(Number(inspect('{{.State.Pid}}')), 'SIGKILL'))
  await until('the service answers without a database', 60, serviceAnswers)
  expect('its replica is the same all the time', replicas().join() === started.join(), replicas())
  run('start', 'postgres')
  const back = Date.now()
  await until('the API answers again', 30, async () => (await client.attempt('GET', '/api/v1/projects')).status === 200)
  say(`the API answers ${seconds(back)} after PostgreSQL was started`)

  run('stop', 'berth')
  run('down', '--volumes')
  await restore()
  await until('the site is live after the restore', 60, siteIsLive)
  await until('who was signed in still is', 60, async () => (await client.attempt('GET', '/api/v1/projects')).status === 200)
  await until('the service answers after the restore', 60, serviceAnswers)
  say('restored into new volumes')

  run('stop', 'berth')
  run('run', '--rm', '-T', 'berth', 'clean')
  run('down', '--volumes')
  expect('nothing is left', leftovers().length === 0, leftovers())
  await runsInANetworkOfItsOwn({ image: name, work, name: `${name}-alone`, say })
  failed = false
} catch (problem) {
  console.error(`test-compose: ${problem.message}`)
} finally {
  if (failed) {
    console.error(tail(log()))
    spawnSync(compose[0], [...compose.slice(1), '--project-name', name, 'down', '--volumes', '--timeout', '5'], { cwd: work })
    if (instance) {
      mkdirSync(join(work, 'data'), { recursive: true })
      writeFileSync(join(work, 'data/instance'), instance)
      spawnSync(join(root, 'scripts/remove-instance'), [join(work, 'data')])
    }
  }
  spawnSync('docker', ['image', 'rm', '--force', name])
  repositories?.close()
  rmSync(work, { recursive: true, force: true })
}
process.exitCode = failed ? 1 : 0

/** What an operator has after `make image` and writing .env, and the repository of a shop. */
function layOut() {
  copyFileSync(join(root, 'docker-compose.yml'), join(work, 'docker-compose.yml'))
  copyFileSync(join(root, 'Dockerfile'), join(work, 'Dockerfile'))
  copyFileSync(join(root, '.dockerignore'), join(work, '.dockerignore'))
  mkdirSync(join(work, 'target/image'), { recursive: true })
  cpSync(binary, join(work, 'target/image/berth'))
  chmodSync(join(work, 'target/image/berth'), 0o755)
  execFileSync('strip', [join(work, 'target/image/berth')])
  const settings = {
    BASE_DOMAIN: `localhost:${port}`,
    BERTH_LISTEN: `127.0.0.1:${port}`,
    BERTH_SOURCE_ALLOW: '127.0.0.1/32',
    BERTH_IMAGE: name,
  }
  const lines = Object.entries(settings).map(([variable, value]) => `${variable}=${value}\n`)
  writeFileSync(join(work, '.env'), lines.join(''))

  const packageJson = { name: 'shop', version: '1.0.0', private: true, scripts: { build: 'node build.js' } }
  const own = { name: 'shop', version: '1.0.0' }
  makeRepository(join(work, 'repositories'), 'shop', {
    'package.json': JSON.stringify(packageJson),
    'package-lock.json': JSON.stringify({ ...own, lockfileVersion: 3, requires: true, packages: { '': own } }),
    'build.js': "require('fs').mkdirSync('dist'); require('fs').writeFileSync('dist/index.html', 'the shop is open')",
  })
  makeRepository(join(work, 'repositories'), 'kitchen', kitchen)
}

/** Runs Compose; its output, or an error with what it said. */
function run(...order) {
  return call(order).stdout.toString()
}

/** The same, and its output is the dump. */
function dump(...order) {
  writeFileSync(join(backup, 'berth.dump'), call(order).stdout)
}

/** The same, and the dump is its input. */
function undump(...order) {
  call(order, readFileSync(join(backup, 'berth.dump')))
}

function call(order, input) {
  // What stands in the environment would win over .env.
  const env = { PATH: process.env.PATH, HOME: process.env.HOME ?? '/', DOCKER_BUILDKIT: '0', COMPOSE_DOCKER_CLI_BUILD: '0' }
  const [command, ...words] = compose
  const ended = spawnSync(command, [...words, '--project-name', name, ...order], { cwd: work, env, input, maxBuffer: 64 << 20 })
  if (ended.status !== 0) throw new Error(`${compose.join(' ')} ${order.join(' ')} failed:\n${ended.stdout}${ended.stderr}`)
  return ended
}

function log() {
  const ended = spawnSync('docker', ['logs', container()], { encoding: 'utf8' })
  return `${ended.stdout}${ended.stderr}`
}

function container(service = 'berth') {
  const label = `label=com.docker.compose.project=${name}`
  const order = ['ps', '--all', '--quiet', '--filter', label, '--filter', `label=com.docker.compose.service=${service}`]
  return execFileSync('docker', order, { encoding: 'utf8' }).split('\n')[0]
}

function inspect(format, service) {
  return execFileSync('docker', ['inspect', '--format', format, container(service)], { encoding: 'utf8' }).trim()
}

/** The backup of docs/OPERATIONS.md, into `work/backup`. */
function backUp() {
  mkdirSync(backup, { mode: 0o700 })
  dump('exec', '-T', 'postgres', 'pg_dump', '--username=berth', '--format=custom', 'berth')
  run('exec', '-T', 'berth', 'berth', 'backup', '/var/lib/berth/berth-today')
  execFileSync('docker', ['cp', `${container()}:/var/lib/berth/berth-today/.`, backup])
  run('exec', '-T', 'berth', 'rm', '-r', '/var/lib/berth/berth-today')
  expect('the keys are in the backup', existsSync(join(backup, 'data/encryption-key')))
}

/** The restore of docs/OPERATIONS.md, where the project has no volumes any more. */
async function restore() {
  run('up', '--detach', 'postgres')
  await until('PostgreSQL is healthy', 60, () => inspect('{{.State.Health.Status}}', 'postgres') === 'healthy')
  undump('exec', '-T', 'postgres', 'pg_restore', '--username=berth', '--no-owner', '--dbname=berth')
  run('up', '--no-start', 'berth')
  for (const part of ['data', 'deployments']) {
    execFileSync('docker', ['cp', join(backup, part), `${container()}:/var/lib/berth/`])
  }
  run('up', '--detach')
}

async function siteIsLive() {
  try {
    const page = await request(connect, { host: site })
    return page.status === 200 && page.body.toString().includes('the shop is open')
  } catch {
    return false
  }
}

async function serviceAnswers() {
  try {
    return isOpen(await request(connect, { host: service }))
  } catch {
    return false
  }
}

/** The containers of what runs. */
function replicas() {
  const filters = ['--filter', `label=berth.instance=${instance}`, '--filter', 'label=berth.kind=replica']
  return execFileSync('docker', ['ps', '--quiet', ...filters], { encoding: 'utf8' }).split('\n').filter(Boolean)
}

async function isLiveAgain(after, act) {
  const before = inspect('{{.State.StartedAt}}')
  await act()
  await until(`the container is started again after ${after}`, 60, () => inspect('{{.State.StartedAt}}') !== before && inspect('{{.State.Running}}') === 'true')
  const started = new Date(inspect('{{.State.StartedAt}}'))
  await until(`the site is live after ${after}`, 60, siteIsLive)
  say(`live at most ${seconds(started)} after the start that followed ${after}`)
}

/** Everything in Docker and the packet filter that was made here. */
function leftovers() {
  const list = (...order) => execFileSync('docker', order, { encoding: 'utf8' }).split('\n').filter(Boolean)
  const found = []
  for (const label of [`berth.instance=${instance}`, `com.docker.compose.project=${name}`]) {
    const filter = ['--quiet', '--filter', `label=${label}`]
    found.push(...list('ps', '--all', ...filter), ...list('volume', 'ls', ...filter), ...list('network', 'ls', ...filter))
    if (label.startsWith('berth')) found.push(...list('images', ...filter))
  }
  const options = { encoding: 'utf8', env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin` } }
  // Rules of one kind are not seen by the tools of the other, and Berth uses Docker's kind, whatever this machine's is.
  const asked = ['iptables-nft-save', 'iptables-legacy-save'].map((tool) => spawnSync(tool, options)).filter(({ error }) => !error)
  expect('the packet filter can be looked at', asked.some(({ status }) => status === 0), asked)
  const rules = asked.flatMap(({ stdout }) => stdout.split('\n'))
  return [...found, ...rules.filter((line) => line.includes(instance))]
}

function seconds(began) {
  return `${((Date.now() - began) / 1000).toFixed(1)} s`
}

function tail(text) {
  return text.split('\n').slice(-40).join('\n')
}

function say(text) {
  console.log(`docker-compose: ${text}`)
}
