// What `make run` works with: Berth's own variables where they are set, and defaults for trying it out where not.

import { mkdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

import { Problem } from './problem.mjs'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..')

/** Reads the environment; makes the data directory. */
export function readSettings(env = process.env) {
  const listen = env.BERTH_LISTEN || '127.0.0.1:8080'
  const [, host, port] = /^(.+):(\d+)$/.exec(listen) ?? []
  if (!port) throw new Problem(`BERTH_LISTEN is ${listen}: it is an address and a port, like 127.0.0.1:8080`)
  const dataDir = resolve(root, env.BERTH_DATA_DIR || 'data')
  const baseDomain = env.BASE_DOMAIN || `localhost:${port}`
  const runDir = join(dataDir, 'run')
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  mkdirSync(runDir, { recursive: true, mode: 0o700 })
  return {
    root,
    dataDir,
    // What belongs to `make run` and not to Berth: the example's repository and the log.
    runDir,
    deploymentsDir: resolve(root, env.BERTH_DEPLOYMENTS_DIR || 'deployments'),
    listen,
    // Where this process reaches it: the loopback address, if Berth listens on all.
    connect: { host: ['0.0.0.0', '[::]'].includes(host) ? '127.0.0.1' : host.replace(/^\[|\]$/g, ''), port: Number(port) },
    baseDomain,
    publicUrl: env.BERTH_PUBLIC_URL || `http://${baseDomain}`,
    siteScheme: env.BERTH_SITE_SCHEME || 'http',
    // The example's repository is served on this machine, over plain http.
    sourceAllow: [env.BERTH_SOURCE_ALLOW, '127.0.0.1'].filter(Boolean).join(','),
    webhookSecret: env.WEBHOOK_SECRET || '',
    egress: env.BERTH_EGRESS || '',
    loginName: 'admin@localhost',
    passwordFile: join(dataDir, 'admin-password'),
    exampleDir: join(root, 'examples/vite'),
    exampleName: 'example',
  }
}
