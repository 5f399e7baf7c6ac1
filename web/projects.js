// All projects.

import { api } from './api.js'
import { h, moment, state } from './dom.js'

const isBusy = (build) => build?.status === 'queued' || build?.status === 'running'

export const projects = {
  load: () => api('GET', '/projects'),
  fresh: (list) => (list.some(({ latestBuild }) => isBusy(latestBuild)) ? 2_000 : 15_000),
  draw(list) {
    const add = h('a', { className: 'button primary', href: '#/new', id: 'new-project' }, 'New project')
    if (!list.length) {
      return ['Projects', h('p', {}, 'A project is a repository that Berth builds, or a folder, served at an address of its own.'), h('br'), add]
    }
    return ['Projects', h('div', { className: 'head' }, h('p', { className: 'muted' }, sentence(list)), add), h('ul', { className: 'list' }, list.map(row))]
  },
}

/** What matters first: what failed, what is being built, what is live. */
function sentence(list) {
  const live = list.filter(({ liveDeployment }) => liveDeployment).length
  const failed = list.filter(({ latestBuild }) => latestBuild?.status === 'failed').length
  const busy = list.filter(({ latestBuild }) => isBusy(latestBuild)).length
  const parts = [`${live} of ${list.length} live`]
  if (busy) parts.push(`${busy} building`)
  if (failed) parts.push(`${failed} with a failed last build`)
  return `${parts.join(', ')}.`
}

function row(project) {
  const { id, name, url, liveDeployment: live, latestBuild: latest } = project
  return h('li', {},
    h('div', { className: 'cut' },
      h('a', { className: 'name', href: `#/projects/${id}`, id: `project-${id}` }, name), ' ',
      live ? h('a', { href: url }, url) : h('span', { className: 'muted' }, url)),
    latest && state(latest.status),
    h('div', { className: 'small muted cut' }, latest?.commit ? latest.commit.message.split('\n')[0] : project.repoUrl ?? 'deployed from folders'),
    h('div', { className: 'small muted' }, standing(live, latest)))
}

/** A failed build says whether visitors notice. */
function standing(live, latest) {
  if (latest?.status === 'failed') return live ? 'The version before is still up' : 'Nothing is up'
  return live ? ['live since ', moment(live.activatedAt ?? live.createdAt)] : 'nothing live yet'
}
