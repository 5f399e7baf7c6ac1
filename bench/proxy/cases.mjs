// What is measured. Each case runs a load against one peer and returns `{ count, seconds, p50, p99 }`, times in
// milliseconds.

import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { Problem } from '../../scripts/run/problem.mjs'

export const CASES = {
  json64: { what: 'requests for 2 KiB of JSON, 64 connections', run: wrk(64) },
  json1: { what: 'the same, one after the other', run: wrk(1) },
  rate: { what: 'the same, 2,000 a second', run: own('rate', '2000') },
  post: { what: '1 KiB is sent with each request, 64 connections', run: wrk(64, 'post') },
  socket: { what: 'messages of a WebSocket there and back, 32 of them at once', run: own('socket') },
  events: { what: 'from a request to the first event of a stream', run: own('events') },
  upload: { what: 'uploads of 100 MiB', run: own('upload') },
  connect: { what: 'a new connection for each request', run: own('connect') },
}

/** Compiles the upstream and the load, which need nothing but the standard library. */
export function buildTools(directory) {
  const tools = join(directory, 'tools')
  mkdirSync(tools)
  const compile = (name) => {
    const program = join(tools, name)
    execFileSync('rustc', ['--edition', '2024', '-O', '-o', program, join(import.meta.dirname, `${name}.rs`)])
    return program
  }
  const script = (name, text) => {
    writeFileSync(join(tools, name), text)
    return join(tools, name)
  }
  return {
    upstream: compile('upstream'),
    load: compile('load'),
    wrk: script('get.lua', DONE),
    post: script('post.lua', `wrk.method = 'POST'\nwrk.body = string.rep('x', 1024)\n${DONE}`),
  }
}

const DONE = `function done(summary, latency)
  local e = summary.errors
  io.write(string.format('@@{"count":%d,"seconds":%f,"p50":%f,"p99":%f,"wrong":%d}\\n', summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, e.connect + e.read + e.write + e.status + e.timeout))
end
`

function wrk(connections, script = 'wrk') {
  return ({ name, address, host, tools, seconds, load }) => {
    const path = script === 'post' ? '/upload' : '/json'
    const output = load(['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '-s', tools[script], '-H', `Host: ${host}`, `http://${address}${path}`])
    const figures = JSON.parse(/@@(\{.*\})/.exec(output)[1])
    if (figures.wrong > 0) throw new Problem(`${name} answered ${figures.wrong} requests wrongly`)
    return figures
  }
}

function own(kind, ...more) {
  return ({ address, host, tools, seconds, load }) => JSON.parse(load([tools.load, kind, address, host, seconds, ...more]))
}
