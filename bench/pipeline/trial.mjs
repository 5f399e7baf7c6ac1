// A Berth of its own for the measurements: temporary directories, a free port, a git endpoint beside it.

import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { signIn } from '../../scripts/run/account.mjs'
import { startBerth } from '../../scripts/run/berth.mjs'
import { Client } from '../../scripts/run/client.mjs'
import { commitExample } from '../../scripts/run/example-repository.mjs'
import { serveRepositories } from '../../scripts/run/git-endpoint.mjs'
import { deliverPush, followBuild, waitForPage, webhookSecret } from '../../scripts/run/push.mjs'
import { readSettings } from '../../scripts/run/settings.mjs'

const root = resolve(import.meta.dirname, '../..')

export class Trial {
  static async start(binary) {
    const trial = new Trial()
    trial.binary = binary
    trial.directory = mkdtempSync(join(tmpdir(), 'berth-bench-'))
    const port = await freePort()
    trial.settings = readSettings({
      BERTH_LISTEN: `127.0.0.1:${port}`,
      BERTH_DATA_DIR: join(trial.directory, 'data'),
      BERTH_DEPLOYMENTS_DIR: join(trial.directory, 'deployments'),
      BERTH_EGRESS: process.env.BERTH_EGRESS,
    })
    trial.repositories = join(trial.directory, 'repositories')
    trial.endpoint = await serveRepositories(trial.repositories, join(trial.directory, 'git-port'))
    await trial.#launch()
    trial.client = new Client(trial.settings)
    await signIn(trial.client, trial.settings)
    return trial
  }

  async #launch() {
    this.berth = await startBerth(this.binary, this.settings, (stop) => (this.stop = stop))
  }

  /** A project with a copy of `directory` as its repository, after its first build; its page has `text`. */
  async project(name, directory, text = '<') {
    const copy = join(this.directory, 'sources', name)
    cpSync(directory, copy, { recursive: true, filter: (path) => !/\/(node_modules|dist)$/.test(path) })
    const project = new Measured(this, name, copy)
    await project.create(text)
    return project
  }

  /** What runs for this Berth: `{ pid, address }` each. */
  containers() {
    const ids = docker('ps', '--quiet', '--filter', this.#label()).split('\n').filter(Boolean)
    return ids.map((id) => {
      const { State, NetworkSettings } = JSON.parse(docker('inspect', id))[0]
      return { pid: State.Pid, address: Object.values(NetworkSettings.Networks)[0].IPAddress }
    })
  }

  /** Removes what makes a build warm: Berth's package cache; and gives the project another lockfile. */
  async forgetDependencies(project) {
    const volumes = docker('volume', 'ls', '--quiet', '--filter', this.#label()).split('\n').filter(Boolean)
    for (const volume of volumes) {
      const emptied = ['debian:bookworm-slim', 'find', '/volume', '-mindepth', '1', '-delete']
      docker('run', '--rm', '--network', 'none', '--volume', `${volume}:/volume`, ...emptied)
    }
    project.changeLockfile()
  }

  #label() {
    return `label=berth.instance=${readFileSync(join(this.settings.dataDir, 'instance'), 'utf8').trim()}`
  }

  /** Creates projects until there are `count`, each live. */
  async fill(count, directory) {
    const projects = await this.client.send('GET', '/api/v1/projects')
    for (let number = projects.length; number < count; number += 1) await this.project(`filler-${number}`, directory)
  }

  /** Stops Berth and starts it again; milliseconds from its start until it is ready. */
  async restart() {
    await this.stop()
    const since = performance.now()
    await this.#launch()
    return performance.now() - since
  }

  /** Resident memory after five quiet seconds, in MiB. */
  async residentMiB() {
    await sleep(5_000)
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.berth.pid}/status`, 'utf8'))[1]) / 1_024
  }

  async end() {
    await this.stop?.()
    this.endpoint?.close()
    execFileSync(join(root, 'scripts/remove-instance'), [this.settings.dataDir])
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/** One project of a trial, and its pushes. */
class Measured {
  #pushes = 0

  constructor(trial, name, directory) {
    this.trial = trial
    this.name = name
    this.directory = directory
    this.repository = join(trial.repositories, `bench/${name}.git`)
    this.repoUrl = `${trial.endpoint.url}/bench/${name}.git`
  }

  async create(text) {
    commitExample(this.directory, this.repository)
    const created = await this.trial.client.send('POST', '/api/v1/projects', {
      name: this.name,
      branch: 'main',
      repoUrl: this.repoUrl,
    })
    this.first = await followBuild(this.trial.client, created.build.id, () => {})
    await waitForPage(this.trial.settings, this.#host(), text, 60_000)
  }

  /** The image and the commands of the first build's Plan. */
  plan() {
    const [service] = this.first.plan.services
    return {
      image: service.toolchain.image.value,
      install: service.installCommand.value,
      build: service.buildCommand.value,
    }
  }

  /** Pushes a change of the page; resolves to `{ live, steps }` once a visitor sees it. */
  async push() {
    const { client, settings } = this.trial
    const mark = `push-${(this.#pushes += 1)}-`
    this.#edit('index.html', (page) =>
      page.replace(/\n?\s*<meta name="push"[^>]*>|(?=<\/head>)/, `\n<meta name="push" content="${mark}">`),
    )
    const commit = commitExample(this.directory, this.repository)
    const since = performance.now()
    const build = await deliverPush(settings, webhookSecret(settings), this.repoUrl, commit)
    const followed = followBuild(client, build.id, () => {})
    // The page decides; only a build that failed ends the wait for it.
    const failed = followed.then(() => new Promise(() => {}))
    await Promise.race([waitForPage(settings, this.#host(), mark, 300_000), failed])
    const live = performance.now() - since
    const { steps } = await followed
    return { live, steps: steps.map((step) => ({ name: step.name, took: step.tookMs ?? 0 })) }
  }

  /** Another version of the project, so that its lockfile is another one. */
  changeLockfile() {
    const version = `0.0.${Date.now()}`
    for (const file of ['package.json', 'package-lock.json']) {
      if (!existsSync(join(this.directory, file))) continue
      this.#edit(file, (text) => {
        const content = JSON.parse(text)
        content.version = version
        if (content.packages?.['']) content.packages[''].version = version
        return `${JSON.stringify(content, null, 2)}\n`
      })
    }
  }

  #edit(file, change) {
    const path = join(this.directory, file)
    writeFileSync(path, change(readFileSync(path, 'utf8')))
  }

  #host() {
    return `${this.name}.${this.trial.settings.baseDomain}`
  }
}

const docker = (...args) => execFileSync('docker', args, { encoding: 'utf8' }).trim()

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })
}
