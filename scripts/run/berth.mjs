// The binary as a child: started, waited for, watched and stopped.

import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'

import { request } from './client.mjs'
import { Problem } from './problem.mjs'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Starts `berth serve` and resolves once it is ready, to `{ pid, logFile, ended }`; `ended` resolves to its exit code or
 * signal. `onStarted` gets the function that stops it as soon as there is something to stop.
 */
export async function startBerth(binary, settings, onStarted) {
  const logFile = join(settings.runDir, 'berth.log')
  const log = openSync(logFile, 'a', 0o600)
  const logStart = statSync(logFile).size
  const child = spawn(binary, ['serve'], {
    cwd: settings.root,
    // Its own session: Ctrl-C reaches this process alone, which then stops Berth in order.
    detached: true,
    stdio: ['ignore', log, log],
    env: {
      ...process.env,
      BERTH_LISTEN: settings.listen,
      BASE_DOMAIN: settings.baseDomain,
      BERTH_DATA_DIR: settings.dataDir,
      BERTH_DEPLOYMENTS_DIR: settings.deploymentsDir,
      BERTH_SOURCE_ALLOW: settings.sourceAllow,
      ...(settings.egress ? { BERTH_EGRESS: settings.egress } : {}),
    },
  })
  closeSync(log)

  let running = true
  const ended = new Promise((resolve, reject) => {
    child.on('error', (error) => reject(new Problem(`${binary} did not start: ${error.message}`)))
    child.on('exit', (code, signal) => {
      running = false
      resolve(signal ?? code)
    })
  })
  const stop = async () => {
    if (!running) return
    child.kill('SIGTERM')
    if ((await Promise.race([ended, sleep(30_000, 'late')])) === 'late') child.kill('SIGKILL')
    await ended
  }
  onStarted(stop)

  const ready = waitUntilReady(settings, () => running)
  const first = await Promise.race([ready, ended.then((how) => ({ how }))])
  if (first?.how !== undefined) {
    throw new Problem(`berth ended while starting (${first.how}). Its last lines, from ${logFile}:\n${lastLines(logFile, logStart)}`)
  }
  return { pid: child.pid, logFile, ended }
}

/** Is a Problem where Berth could not listen: another one has the address, and perhaps the data directory too. */
export function checkFree({ connect, listen, dataDir }) {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', (error) => {
      const why = error.code === 'EADDRINUSE' ? `something listens there already${earlierBerth(dataDir)}` : error.message
      reject(new Problem(`${listen} cannot be used: ${why}. Stop it, or choose another address: BERTH_LISTEN=127.0.0.1:8081 make run`))
    })
    probe.listen({ ...connect, exclusive: true }, () => probe.close(resolve))
  })
}

/** Names the Berth that has the data directory, if one runs: a `make run` that was killed leaves it behind. */
function earlierBerth(dataDir) {
  try {
    const pid = Number(readFileSync(join(dataDir, 'lock'), 'utf8'))
    process.kill(pid, 0)
    return ` (Berth itself, process ${pid}?)`
  } catch {
    return ''
  }
}

async function waitUntilReady(settings, isRunning) {
  const host = new URL(settings.publicUrl).host
  const deadline = performance.now() + 60_000
  while (isRunning()) {
    const answer = await request(settings.connect, { host, path: '/health/ready' }).catch(() => undefined)
    if (answer?.status === 200) return
    if (performance.now() > deadline) {
      throw new Problem(`berth was not ready within a minute; /health/ready says: ${answer?.body.toString('utf8') ?? 'nothing'}`)
    }
    await sleep(10)
  }
}

/** What was logged since the start, its last 20 lines. */
function lastLines(logFile, logStart) {
  return readFileSync(logFile).subarray(logStart).toString('utf8').trimEnd().split('\n').slice(-20).map((line) => `  ${line}`).join('\n')
}
