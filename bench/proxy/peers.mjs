// nginx and Caddy in front of the same container that Berth passes requests to, on one processor like Berth.

import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { Problem } from '../../scripts/run/problem.mjs'

const TICKS = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

const COMMANDS = {
  nginx: (config, run) => ['nginx', '-c', config, '-e', join(run, 'nginx.err')],
  caddy: (config) => ['caddy', 'run', '--config', config, '--adapter', 'caddyfile'],
}

/** Starts `nginx` or `caddy`, whose configuration names `upstream`; resolves to a peer once it listens. */
export async function startProxy(name, template, upstream, cpu, directory) {
  const run = join(directory, name)
  mkdirSync(run)
  const port = await freePort()
  const values = { RUN: run, UPSTREAM: upstream, PORT: port }
  const text = readFileSync(join(import.meta.dirname, template), 'utf8').replace(/@(\w+)@/g, (_, key) => values[key])
  const config = join(run, template.replace(/\.in$/, ''))
  writeFileSync(config, text)
  const log = openSync(join(run, 'out'), 'a')
  const path = `${process.env.PATH}:/usr/sbin`
  const child = spawn('taskset', ['-c', cpu, ...COMMANDS[name](config, run)], {
    stdio: ['ignore', log, log],
    detached: true,
    env: { ...process.env, PATH: path, XDG_CONFIG_HOME: run, XDG_DATA_HOME: run },
  })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const peer = new Peer(name, port, child.pid, async () => {
    child.kill('SIGTERM')
    await ended
  })
  for (let tries = 0; !(await listens(port)); tries += 1) {
    if (child.exitCode !== null || tries > 500) {
      throw new Problem(`${name} did not start:\n${readFileSync(join(run, 'out'), 'utf8').slice(-2_000)}`)
    }
    await sleep(10)
  }
  return peer
}

/** A proxy that is measured. */
export class Peer {
  constructor(name, port, pid, stop = async () => {}) {
    this.name = name
    this.address = `127.0.0.1:${port}`
    this.pid = pid
    this.stop = stop
  }

  /** Seconds of processor that it and its children have used. */
  processorTime() {
    const of = (pid) => {
      // After the name, which may hold anything.
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ')
      const children = readdirSync(`/proc/${pid}/task`).flatMap((task) => childrenOf(pid, task))
      return children.reduce((sum, child) => sum + of(child), Number(fields[11]) + Number(fields[12]))
    }
    return of(this.pid) / TICKS
  }
}

const childrenOf = (pid, task) => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean)

function listens(port) {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => (socket.destroy(), resolve(true)))
    socket.once('error', () => resolve(false))
  })
}

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })
}
