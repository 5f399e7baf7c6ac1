// A small harbour: eight projects as a Berth has them after some weeks, made through the real pipeline (git, signed
// pushes, builds in Docker). The pictures of the dashboard, its figures and its accessibility checks are of this one.

import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { deliverPush, webhookSecret } from '../run/push.mjs'
import { Repository } from './repository.mjs'
import { TOO_MUCH_MEMORY, notes, page } from './sites.mjs'

const MARA = { name: 'Mara Visser', email: 'mara@example.dev' }
const NOOR = { name: 'Noor Haddad', email: 'noor@example.dev' }
const JORIS = { name: 'Joris de Wit', email: 'joris@example.dev' }
const LAYLA = { name: 'ليلى منصور', email: 'layla@example.dev' }

/** Fills a fresh Berth. `url` serves the repositories of `directory`; `print` hears what becomes of each build. */
export async function makeHarbour({ client, settings, binary, directory, url, print }) {
  const harbour = new Harbour(client, settings, directory, url, print)
  await Promise.all([
    harbourNotes(harbour),
    tideTables(harbour),
    gallery(harbour),
    landing(harbour),
    billingPortal(harbour),
    quayStatus(harbour),
    handbook(harbour),
  ])
  await brochure(harbour, binary)
}

/** Six builds, a roll back, a canceled one, previews, secrets. */
async function harbourNotes(harbour) {
  const project = await harbour.project('harbour-notes', (repository) => {
    repository.copyIn(harbour.example('astro'))
    return repository.push('Cache tiles for a year', JORIS, {})
  }, {
    previews: true,
    variables: [
      { key: 'DATABASE_URL', value: 'postgres://notes@db.internal/notes', scope: 'production' },
      { key: 'DATABASE_URL', value: 'postgres://notes@db.internal/previews', scope: 'preview' },
      { key: 'SENTRY_AUTH_TOKEN', value: 'sntrys_eyJpYXQiOjE3' },
      { key: 'PUBLIC_SITE_NAME', value: 'Harbour notes', kind: 'plain' },
    ],
  })
  const note = (name, text) => ({ [`src/pages/${name}.md`]: `# ${text}\n` })
  await project.push('أضف صفحة «حول» (about page)', LAYLA, note('hawl', 'حول'))
  await project.push('Move the archive to /years/', NOOR, note('years', 'Years'))
  await project.rollBack()
  await project.push('Typo', MARA, note('years', 'The years'))
  await project.push('Fix date parsing for week numbers', MARA, note('weeks', 'Weeks'))
  project.repository.switchTo('feat/search')
  await project.push('Search by tag and year', NOOR, note('search', 'Search'))
  project.repository.switchTo('ميزة/الوضع-الليلي')
  await project.push('الوضع الليلي (dark mode)', LAYLA, note('dark', 'الوضع الليلي'))
  project.repository.switchTo('main')
  const slow = { 'astro.config.mjs': "await new Promise((done) => setTimeout(done, 60_000))\nexport default {}\n" }
  await project.pushAndCancel('Try the new image pipeline', JORIS, slow)
}

/** The last push did not go live; the version before it did, and stays. */
async function tideTables(harbour) {
  const first = notes('Tide tables')
  const project = await harbour.project('tide-tables', (repository) => repository.push('Tables of today', NOOR, first))
  await project.push('Tables of the whole week', NOOR, notes('Tide tables of the week'))
  await project.push('Render a whole year of tables at build time', NOOR, notes('A year', { build: TOO_MUCH_MEMORY }), 'failed')
}

async function gallery(harbour) {
  const project = await harbour.project('gallery', (repository) => {
    repository.copyIn(harbour.example('vite'))
    return repository.push('معرض الصور', LAYLA, {})
  })
  await project.push('أضف عرض الصور بالشبكة (grid)', LAYLA, { 'public/grid.txt': 'grid\n' })
}

async function landing(harbour) {
  const project = await harbour.project('landing', (repository) => {
    repository.copyIn(harbour.example('hugo'))
    return repository.push('Start the landing page', NOOR, {})
  })
  await project.push('Swap the hero picture', NOOR, { 'content/hero.md': '---\ntitle: Hero\n---\n' })
}

/** Nothing is live yet: its first build failed. */
async function billingPortal(harbour) {
  const build = "import { invoices } from 'invoice-tables'\nconsole.log(invoices)"
  await harbour.project('billing-portal', (repository) => repository.push('Invoices without VAT', MARA, notes('Invoices', { build })), {}, 'failed')
}

async function quayStatus(harbour) {
  const project = await harbour.project('quay-status', (repository) => {
    repository.copyIn(harbour.example('plain-html'))
    return repository.push('All is well', JORIS, {})
  })
  await project.push('Bump dependencies', { name: 'renovate', email: 'renovate@example.dev' }, { 'css/more.css': 'p { margin: 0 }\n' })
}

async function handbook(harbour) {
  await harbour.project('handbook', (repository) => repository.push('Holidays 2027', JORIS, notes('Handbook')))
}

/** A folder that was sent, without a repository. */
async function brochure({ client, settings, print }, binary) {
  const folder = join(settings.runDir, 'brochure')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'index.html'), page('Moorings to let'))
  const { token } = await client.send('POST', '/api/v1/tokens', { name: 'newsroom', expiresIn: 90 * 86_400 })
  execFileSync(binary, ['deploy', folder, '--project', 'brochure', '--quiet'], {
    env: { PATH: process.env.PATH, BERTH_URL: `http://${settings.listen.replace('127.0.0.1', 'localhost')}`, BERTH_TOKEN: token },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  print('brochure: sent')
}

class Harbour {
  constructor(client, settings, directory, url, print) {
    Object.assign(this, { client, settings, directory, url, print })
  }

  example(name) {
    return join(this.settings.root, 'examples', name)
  }

  /** Connects a new repository that `begin` pushes to, and waits until its first build ended as expected. */
  async project(name, begin, more = {}, expected = 'passed') {
    const repository = new Repository(this.directory, this.url, `harbour/${name}`)
    begin(repository)
    const created = await this.client.send('POST', '/api/v1/projects', { name, branch: 'main', repoUrl: repository.url, ...more })
    const project = new Project(this, created.project?.id ?? created.id, name, repository)
    await project.ended(created.build.id, expected)
    return project
  }
}

class Project {
  constructor(harbour, id, name, repository) {
    Object.assign(this, { harbour, id, name, repository })
  }

  async push(message, author, files, expected = 'passed') {
    await this.ended((await this.#announce(message, author, files)).id, expected)
  }

  async pushAndCancel(message, author, files) {
    const { id } = await this.#announce(message, author, files)
    const { client } = this.harbour
    while ((await client.send('GET', `/api/v1/builds/${id}`)).status === 'queued') await sleep(100)
    await sleep(2_000)
    await client.send('POST', `/api/v1/builds/${id}/cancel`)
    await this.ended(id, 'canceled')
  }

  /** Puts the version before the live one live. */
  async rollBack() {
    const { client } = this.harbour
    const listed = await client.send('GET', `/api/v1/projects/${this.id}/deployments`)
    const previous = (listed.deployments ?? listed).find((seen) => seen.status === 'retired' && seen.kept)
    await client.send('POST', `/api/v1/deployments/${previous.id}/activate`)
  }

  /** Waits for the end of a build, and of going live with it. */
  async ended(id, expected) {
    const { client, print } = this.harbour
    for (;;) {
      const build = await client.send('GET', `/api/v1/builds/${id}`)
      if (!['queued', 'running'].includes(build.status)) {
        print(`${this.name}: build ${id} ${build.status}${build.failure ? ` (${build.failure.title})` : ''}`)
        if (build.status !== expected) throw new Error(`build ${id} of ${this.name} should have ${expected}, and ${build.status}: ${JSON.stringify(build.failure)}`)
        break
      }
      await sleep(100)
    }
    const deadline = performance.now() + 30_000
    while (expected === 'passed' && performance.now() < deadline) {
      const listed = await client.send('GET', `/api/v1/projects/${this.id}/deployments`)
      if ((listed.deployments ?? listed).some((seen) => seen.buildId === id && seen.status !== 'ready')) return
      await sleep(100)
    }
  }

  #announce(message, author, files) {
    const { settings } = this.harbour
    const commit = this.repository.push(message, author, files)
    return deliverPush(settings, webhookSecret(settings), this.repository.url, commit)
  }
}
