// A push as a git host reports it, and what becomes of it: the build's log, the deployment, the page.

import { createHmac, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { request } from './client.mjs'
import { Problem } from './problem.mjs'

/** Delivers a signed push of `commit` on its branch, or `main`; resolves to the first build it caused. */
export async function deliverPush(settings, secret, repoUrl, commit) {
  const body = JSON.stringify({
    ref: `refs/heads/${commit.branch ?? 'main'}`,
    before: commit.before || '0'.repeat(40),
    after: commit.commit,
    created: !commit.before,
    deleted: false,
    forced: false,
    commits: [],
    head_commit: { id: commit.commit, message: commit.message, author: commit.author },
    pusher: commit.author,
    repository: {
      full_name: new URL(repoUrl).pathname.replace(/^\/|\.git$/g, ''),
      html_url: repoUrl.replace(/\.git$/, ''),
      clone_url: repoUrl,
      default_branch: 'main',
    },
  })
  const answer = await request(settings.connect, {
    host: new URL(settings.publicUrl).host,
    method: 'POST',
    path: '/api/webhook',
    headers: {
      'content-type': 'application/json',
      'x-github-event': 'push',
      'x-github-delivery': randomUUID(),
      'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
    },
    body,
  })
  const { message, build } = JSON.parse(answer.body.toString('utf8'))
  if (answer.status !== 201) throw new Problem(`the push was not accepted (${answer.status}): ${message}`)
  return build
}

/** The secret that Berth checks deliveries with: the configured one, or the one it has generated. */
export const webhookSecret = (settings) =>
  settings.webhookSecret || readFileSync(join(settings.dataDir, 'webhook-secret'), 'utf8').trim()

/** Hands each line of the build's log to `print` as it comes; resolves to the build once it has passed. */
export async function followBuild(client, id, print) {
  let after = 0
  for (;;) {
    const log = await client.send('GET', `/api/v1/builds/${id}/log?after=${after}`)
    after = log.next
    for (const line of log.lines) print(line.text)
    if (log.complete) break
    await sleep(200)
  }
  const build = await client.send('GET', `/api/v1/builds/${id}`)
  if (build.status === 'passed') return build
  const { title, detail } = build.failure ?? {}
  throw new Problem(`the build ended as ${build.status}${title ? `: ${title}` : ''}${detail ? `\n  ${detail}` : ''}`)
}

/** Resolves when a visitor of `host` gets a page that contains `text`. */
export async function waitForPage(settings, host, text, patience = 15_000) {
  const deadline = performance.now() + patience
  for (;;) {
    const answer = await request(settings.connect, { host, headers: { accept: 'text/html' } }).catch(() => undefined)
    if (answer?.status === 200 && answer.body.includes(text)) return
    if (performance.now() > deadline) {
      throw new Problem(`http://${host} did not show what was pushed within ${patience / 1_000} seconds (last answer: ${answer?.status ?? 'none'})`)
    }
    await sleep(5)
  }
}
