// The same work without Berth: the Plan's commands by `docker run`, in the Plan's image.

import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const docker = (...args) => execFileSync('docker', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()

export class BareRuns {
  /** Makes the image of the warm runs: source and installed dependencies. */
  static prepare(directory, plan) {
    const runs = new BareRuns()
    try {
      runs.#prepare(directory, plan)
      return runs
    } catch (error) {
      runs.remove()
      throw error
    }
  }

  #prepare(directory, plan) {
    this.directory = directory
    this.image = plan.image
    this.install = plan.install
    this.build = plan.build
    // A network of its own, as Berth's builds have.
    this.network = docker('network', 'create', `berth-bench-${process.pid}`)
    const container = docker('create', '--network', this.network, '--workdir', '/app', this.image, 'sh', '-c', this.install)
    docker('cp', `${directory}/.`, `${container}:/app`)
    docker('start', '--attach', container)
    this.warmImage = docker('commit', container)
    docker('rm', container)
  }

  /** Install and build from nothing, with the source mounted; milliseconds. */
  cold() {
    const source = mkdtempSync(join(tmpdir(), 'berth-bench-bare-'))
    cpSync(this.directory, source, { recursive: true })
    try {
      const command = `${this.install} && ${this.build}`
      // As this user, who can then remove what was installed.
      const user = ['--user', `${process.getuid()}:${process.getgid()}`, '--env', 'HOME=/tmp']
      const mounted = ['--volume', `${source}:/app`, '--workdir', '/app']
      return timed(() => docker('run', '--rm', '--network', this.network, ...user, ...mounted, this.image, 'sh', '-c', command))
    } finally {
      rmSync(source, { recursive: true, force: true })
    }
  }

  /** The build alone, with dependencies and source in the image; milliseconds. */
  warm() {
    return timed(() => docker('run', '--rm', '--network', this.network, '--workdir', '/app', this.warmImage, 'sh', '-c', this.build))
  }

  remove() {
    if (this.warmImage) docker('rmi', '--force', this.warmImage)
    if (this.network) docker('network', 'rm', this.network)
  }
}

function timed(action) {
  const since = performance.now()
  action()
  return performance.now() - since
}
