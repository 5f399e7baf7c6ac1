// What the tests of the ways to run Berth stand on: waiting, expecting, a free port, a repository.

import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Looks until there is something to see, for so many seconds; resolves to it. */
export async function until(what, patience, look) {
  const began = Date.now()
  for (;;) {
    const seen = await look()
    if (seen) return seen
    if (Date.now() - began > patience * 1000) throw new Error(`${what}: not within ${patience} seconds`)
    await sleep(50)
  }
}

/** An error that tells what was found instead, unless it holds. */
export function expect(what, holds, found = '') {
  if (!holds) throw new Error(`${what}: no. Found: ${found instanceof Error ? found : JSON.stringify(found).slice(0, 1000)}`)
}

/** A port of loopback that nobody listens at. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

/** Makes the bare repository `<directory>/<name>.git` with one commit that holds `files`, texts by their names. */
export function makeRepository(directory, name, files) {
  const work = join(directory, `${name}-work`)
  mkdirSync(work, { recursive: true })
  for (const [file, text] of Object.entries(files)) writeFileSync(join(work, file), text)
  const author = ['-c', 'user.name=Test', '-c', 'user.email=test@example.org']
  const git = (...order) => execFileSync('git', [...author, ...order], { cwd: work })
  git('init', '--quiet', '--initial-branch=main')
  git('add', '.')
  git('commit', '--quiet', '--message', 'Open the shop')
  git('clone', '--quiet', '--bare', work, join(directory, `${name}.git`))
}
