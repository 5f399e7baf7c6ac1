#!/usr/bin/env node
// test-proxies.mjs <binary>: packaging/nginx.conf and packaging/Caddyfile as they are, but for ports, names of files and
// the domain, in front of a Berth with a live site: TLS, cookies, sockets, webhooks up to their limit, the visitor's
// address, for Caddy certificates on demand, and for nginx no invitation in its log. Of nginx's listeners those of IPv4
// are kept: not every machine has IPv6.

import { execFileSync, spawn } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { startBerth } from './run/berth.mjs'
import { Client } from './run/client.mjs'
import { serveRepositories } from './run/git-endpoint.mjs'
import { expect, freePort, makeRepository, until } from './test/ground.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const binary = resolve(process.argv[2] ?? join(root, 'target/debug/berth'))
const domain = 'berth.example'
const webhookSecret = 'a-webhook-secret-of-the-tests'
const environment = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` }

const work = mkdtempSync(join(tmpdir(), 'berth-proxies-'))
const stops = []
let failed = true
try {
  for (const [name, start] of [['nginx', startNginx], ['caddy', startCaddy]]) {
    await behind(name, start)
    await stopAll()
    say(`${name}: TLS, cookies, sockets, webhooks and visitors' addresses arrive`)
  }
  failed = false
} catch (problem) {
  console.error(`test-proxies: ${problem.stack}`)
} finally {
  await stopAll()
  execFileSync(join(root, 'scripts/remove-instance'), [join(work, 'nginx/data')])
  execFileSync(join(root, 'scripts/remove-instance'), [join(work, 'caddy/data')])
  rmSync(work, { recursive: true, force: true })
}
process.exit(failed ? 1 : 0)

async function behind(name, start) {
  const [port, tls, plain] = [await freePort(), await freePort(), await freePort()]
  const place = join(work, name)
  const settings = await startBehind(place, port, `https://${domain}:${tls}`)
  await start(place, { berth: port, tls, plain })
  const visit = (host, path, more) => ask(tls, host, path, more)
  await until(`${name} answers`, 60, () => visit(domain, '/health').catch(() => undefined))

  // The control plane, and a cookie that only https may set.
  const setupToken = readFileSync(join(settings.dataDir, 'setup-token'), 'utf8').trim()
  const account = { setupToken, login: 'admin', password: 'a password of the test' }
  const made = await visit(domain, '/api/v1/setup', post(JSON.stringify(account), { origin: settings.publicUrl }))
  expect('the account is made', made.status === 201, made)
  const cookie = String(made.headers['set-cookie'])
  expect('the cookie is the host’s alone', /__Host-berth_session=[^;]+;.*Secure/.test(cookie), cookie)
  const session = { cookie: cookie.split(';')[0], origin: settings.publicUrl }
  const listed = await visit(domain, '/api/v1/projects', { headers: session })
  expect('the session holds', listed.status === 200, listed)
  const foreign = await visit(domain, '/api/v1/projects', post('{}', { ...session, origin: 'https://evil.example' }))
  expect('a foreign page is refused', foreign.status === 403, foreign)

  // A site, found by its Host header; a host that is nobody's.
  const client = new Client(settings)
  client.authorize(JSON.parse(made.body).token)
  await client.send('POST', '/api/project', { name: 'shop', branch: 'main', repoUrl: settings.repoUrl, buildCommand: '' })
  // Hosts follow a moment after a project: until then Caddy has no certificate for it, and ends the handshake.
  const shop = () => visit(`shop.${domain}`, '/').catch(() => undefined)
  await until('the site is live', 60, async () => (await shop())?.body.includes('the shop is open'))
  await checkUnknownHost(name, visit)
  if (name === 'nginx') await checkLog(place, plain, visit)

  expect('a WebSocket opens', (await upgrade(tls, '/socket.io/?EIO=4&transport=websocket')) === 101)

  // Webhooks as large as Berth takes them, and larger.
  const padded = (size) => JSON.stringify({ zen: 'x'.repeat(size - 10) })
  const largest = await visit(domain, '/api/webhook', delivery(padded(25 * 1024 * 1024)))
  expect('a webhook of 25 MiB arrives', largest.status === 200, largest)
  const larger = await visit(domain, '/api/webhook', delivery(padded(25 * 1024 * 1024 + 1)))
  expect('a larger one is refused', larger.status === 413, larger)

  // Who asks too often is told apart by the address that the proxy saw, whatever the visitor claims.
  const leave = (localAddress, claim) =>
    visit(domain, '/api/auth/github', { localAddress, headers: { 'x-forwarded-for': claim } })
  const answers = []
  for (let time = 0; time < 101; time++) answers.push((await leave('127.0.0.2', `198.51.100.${time}`)).status)
  expect('the 101st is one too many', answers.slice(0, 100).every((status) => status < 400) && answers[100] === 429, answers)
  const other = await leave('127.0.0.3', '127.0.0.2')
  expect('another visitor is another', other.status < 400, other)
}

/** A Berth for this proxy, and a repository with a page. */
async function startBehind(place, port, publicUrl) {
  const [dataDir, deploymentsDir, runDir] = ['data', 'deployments', 'run'].map((part) => join(place, part))
  mkdirSync(runDir, { recursive: true })
  makeRepository(join(place, 'repositories'), 'shop', { 'index.html': 'the shop is open' })
  const repositories = await serveRepositories(join(place, 'repositories'), join(place, 'git-port'))
  stops.push(repositories.close)

  const settings = {
    root: place,
    dataDir,
    deploymentsDir,
    runDir,
    listen: `127.0.0.1:${port}`,
    connect: { host: '127.0.0.1', port },
    baseDomain: domain,
    publicUrl,
    sourceAllow: '127.0.0.1',
  }
  const variables = {
    BERTH_PUBLIC_URL: publicUrl,
    BERTH_TRUSTED_PROXIES: '127.0.0.1/32',
    WEBHOOK_SECRET: webhookSecret,
    // Only for the counting of departures to it; nobody goes there.
    CLIENT_ID: 'test',
    CLIENT_SECRET: 'test',
  }
  Object.assign(process.env, variables)
  await startBerth(binary, settings, (stop) => stops.push(stop))
  return { ...settings, repoUrl: `${repositories.url}/shop.git` }
}

async function startNginx(place, ports) {
  const [certificate, key] = ['certificate.pem', 'key.pem'].map((file) => join(place, file))
  const names = `subjectAltName=DNS:${domain},DNS:*.${domain}`
  const order = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${domain}`, '-addext', names]
  execFileSync('openssl', [...order, '-keyout', key, '-out', certificate], { stdio: 'ignore' })
  const server = readFileSync(join(root, 'packaging/nginx.conf'), 'utf8')
    .replaceAll('example.org', domain)
    .replaceAll(/\/etc\/letsencrypt\/\S+fullchain.pem/g, certificate)
    .replaceAll(/\/etc\/letsencrypt\/\S+privkey.pem/g, key)
    .replaceAll(/ *listen \[::\]:.*;\n/g, '')
    .replace('listen 443', `listen 127.0.0.1:${ports.tls}`)
    .replace('listen 80', `listen 127.0.0.1:${ports.plain}`)
    .replaceAll('/var/log/nginx/access.log', join(place, 'access.log'))
    .replace('127.0.0.1:8080', `127.0.0.1:${ports.berth}`)
  const passing = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `  ${kind}_temp_path ${place}/${kind};\n`)
  const around = `daemon off;\nuser root;\npid ${place}/nginx.pid;\nerror_log ${place}/error.log;\nevents {}\n` +
    `http {\n${passing.join('')}${server}}\n`
  writeFileSync(join(place, 'nginx.conf'), around)
  child('nginx', ['-p', place, '-e', join(place, 'error.log'), '-c', join(place, 'nginx.conf')], 'SIGQUIT')
}

async function startCaddy(place, ports) {
  // Certificates from Caddy's own authority, since nobody else gives one for a name that does not exist.
  const options = `{\n\tadmin off\n\tskip_install_trust\n\thttp_port ${ports.plain}\n\thttps_port ${ports.tls}\n`
  const text = readFileSync(join(root, 'packaging/Caddyfile'), 'utf8')
    .replace(/^\{\n/m, options)
    .replace('\ttls {', '\ttls internal {')
    .replaceAll('127.0.0.1:8080', `127.0.0.1:${ports.berth}`)
  writeFileSync(join(place, 'Caddyfile'), text)
  const env = { ...environment, XDG_DATA_HOME: place, XDG_CONFIG_HOME: place, HOME: place }
  child('caddy', ['run', '--adapter', 'caddyfile', '--config', join(place, 'Caddyfile')], 'SIGTERM', env)
}

/** nginx has one certificate for all hosts and lets Berth say that it knows none; Caddy gets no certificate for it. */
async function checkUnknownHost(name, visit) {
  const answer = await visit(`nobody.${domain}`, '/').catch((error) => error)
  if (name === 'caddy') expect('there is no certificate for a host that is nobody’s', answer instanceof Error, answer)
  else expect('a host that is nobody’s is a 404', answer.status === 404, answer)
}

/** Who reads nginx's log finds who came, and no invitation. */
async function checkLog(place, plain, visit) {
  const token = 'the-token-of-an-invitation'
  const secret = [`/invite/${token}`, `/api/auth/github?invitation=${token}`, `/api/auth/github?a=b&invitation=${token}`]
  for (const path of secret) {
    // From an address of its own: those of others are counted below.
    await visit(domain, path, { localAddress: '127.0.0.4' })
    await new Promise((resolve, reject) => {
      const order = { host: '127.0.0.1', port: plain, path, headers: { host: domain }, agent: false }
      http.get(order, (response) => response.resume().on('end', resolve)).on('error', reject)
    })
  }
  await visit(domain, '/health?logged-last')
  const log = () => readFileSync(join(place, 'access.log'), 'utf8')
  await until('nginx logs', 30, () => log().includes('logged-last'))
  expect('no invitation is in the log', !log().includes(token), log())
}

function child(command, order, signal, env = environment) {
  const process = spawn(command, order, { stdio: ['ignore', 'ignore', 'pipe'], env })
  let said = ''
  process.stderr.on('data', (text) => (said += text))
  const ended = new Promise((resolve) => process.on('exit', resolve).on('error', resolve))
  ended.then((how) => how && console.error(`${command} ended (${how}):\n${said}`))
  stops.push(async () => {
    process.kill(signal)
    if ((await Promise.race([ended, sleep(10_000, 'late')])) === 'late') process.kill('SIGKILL')
  })
}

/** One request over TLS as a browser sends it: the name in the handshake and in the Host header, its port with it. */
function ask(port, host, path, { method = 'GET', headers = {}, body, localAddress = '127.0.0.2' } = {}) {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, servername: host, path, method, localAddress, rejectUnauthorized: false, agent: false }
    const sent = https.request({ ...options, headers: { host: `${host}:${port}`, ...headers } }, (response) => {
      const chunks = []
      response.on('data', (chunk) => chunks.push(chunk))
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks).toString() }))
      response.on('error', reject)
    })
    sent.on('error', reject)
    sent.setTimeout(60_000, () => sent.destroy(new Error(`${path} got no answer`)))
    sent.end(body)
  })
}

/** The status of an upgrade to a WebSocket. */
function upgrade(port, path) {
  return new Promise((resolve, reject) => {
    const headers = {
      host: `${domain}:${port}`,
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    }
    const sent = https.request({ host: '127.0.0.1', port, servername: domain, path, headers, rejectUnauthorized: false, agent: false })
    sent.on('upgrade', (response, socket) => {
      socket.destroy()
      resolve(response.statusCode)
    })
    sent.on('response', (response) => resolve(response.statusCode))
    sent.on('error', reject)
    sent.end()
  })
}

function post(body, headers) {
  return { method: 'POST', body, headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers } }
}

function delivery(body) {
  const signature = createHmac('sha256', webhookSecret).update(body).digest('hex')
  return post(body, { 'x-github-event': 'ping', 'x-github-delivery': `d-${body.length}`, 'x-hub-signature-256': `sha256=${signature}` })
}

async function stopAll() {
  for (const stop of stops.splice(0).reverse()) await stop()
}

function say(text) {
  console.log(`proxies: ${text}`)
}
