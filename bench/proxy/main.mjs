// What it costs to pass requests to a service, beside nginx and Caddy: ../README.md.
//
// node bench/proxy/main.mjs [--rounds N] [--seconds N] [--cases a,b] <berth binary> [<another berth binary>...]

import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

import { Problem } from '../../scripts/run/problem.mjs'
import { median } from '../pipeline/figures.mjs'
import { Trial } from '../pipeline/trial.mjs'
import { CASES, buildTools } from './cases.mjs'
import { Peer, startProxy } from './peers.mjs'

const { SERVER_CPU = '0', LOAD_CPU = '1' } = process.env
const { values: options, positionals: binaries } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    cases: { type: 'string', default: Object.keys(CASES).join(',') },
  },
})

const directory = mkdtempSync(join(tmpdir(), 'berth-bench-proxy-'))
const stops = [() => rmSync(directory, { recursive: true, force: true })]
try {
  await main()
} catch (error) {
  console.error(error instanceof Problem ? error.message : error.stack)
  process.exitCode = 1
} finally {
  for (const stop of stops.reverse()) await stop()
}

async function main() {
  if (!binaries.length) throw new Problem('name a berth binary: node bench/proxy/main.mjs target/release/berth')
  const cases = options.cases.split(',')
  const unknown = cases.find((name) => !(name in CASES))
  if (unknown) throw new Problem(`there is no case ${unknown}, but ${Object.keys(CASES).join(', ')}`)
  const tools = buildTools(directory)
  const berths = []
  for (const [number, binary] of binaries.entries()) berths.push(await deploy(binary, number ? `berth-${number + 1}` : 'berth', tools))
  // All the same container: the first one's.
  const { upstream } = berths[0]
  const peers = []
  for (const [name, template] of [['nginx', 'nginx.conf.in'], ['caddy', 'Caddyfile.in']]) {
    const peer = await startProxy(name, template, upstream, SERVER_CPU, directory)
    stops.push(peer.stop)
    peers.push(peer)
  }
  peers.push(...berths.map((berth) => berth.peer))

  const load = (command) => execFileSync('taskset', ['-c', LOAD_CPU, ...command], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  console.log(`${options.rounds} rounds of ${options.seconds} s in turn, upstream ${upstream}, load average ${loadavg()[0].toFixed(1)}`)
  for (const name of cases) {
    const rounds = peers.map(() => [])
    for (let round = 0; round < Number(options.rounds); round += 1) {
      // Who comes after whom changes with each round.
      for (let turn = 0; turn < peers.length; turn += 1) {
        const at = (turn + round) % peers.length
        rounds[at].push(measure(CASES[name], peers[at], tools, load))
      }
    }
    report(name, peers, rounds)
  }
  console.log(`load average ${loadavg()[0].toFixed(1)}`)
}

/** Starts a Berth on the servers' processor, and pushes the application to it. */
async function deploy(binary, name, tools) {
  const pinned = join(directory, name)
  writeFileSync(pinned, `#!/bin/sh\nexec taskset -c ${SERVER_CPU} '${resolve(binary)}' "$@"\n`, { mode: 0o755 })
  const trial = await Trial.start(pinned)
  stops.push(() => trial.end())
  const application = join(directory, `${name}-application`)
  cpSync(join(import.meta.dirname, 'application'), application, { recursive: true })
  cpSync(tools.upstream, join(application, 'upstream'))
  await trial.project('measured', application, '"items"')
  const container = trial.containers()[0]
  execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', LOAD_CPU, String(container.pid)], { stdio: 'ignore' })
  const peer = new Peer(name, trial.settings.connect.port, trial.berth.pid)
  peer.host = `measured.${trial.settings.baseDomain}`
  return { peer, upstream: `${container.address}:8080` }
}

function measure(kind, peer, tools, load) {
  const before = peer.processorTime()
  const figures = kind.run({ ...peer, host: peer.host ?? 'localhost', tools, seconds: options.seconds, load })
  const spent = peer.processorTime() - before
  return { ...figures, cpu: (spent * 1e6) / figures.count }
}

function report(name, peers, rounds) {
  const number = (value) => value.toFixed(value < 10 ? 3 : value < 1_000 ? 1 : 0)
  console.log(`\n${name}: ${CASES[name].what}`)
  const columns = { 'a second': (one) => one.count / one.seconds, 'µs CPU each': (one) => one.cpu, 'p50 ms': (one) => one.p50, 'p99 ms': (one) => one.p99 }
  console.log(['', ...Object.keys(columns).flatMap((title) => [title, 'to nginx'])].map((title) => title.padStart(12)).join(''))
  for (const [at, { name: peer }] of peers.entries()) {
    const cells = Object.values(columns).flatMap((of) => {
      const values = rounds[at].map(of)
      return [number(median(values)), median(values.map((value, round) => value / of(rounds[0][round]))).toFixed(2)]
    })
    console.log([peer, ...cells].map((cell) => cell.padStart(12)).join(''))
  }
}
