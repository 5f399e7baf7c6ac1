// All projects, and a new one.

import { api } from './api.js'
import { field, form, h, moment, state } from './dom.js'
import { settingFields, settingValues } from './plan.js'

const isBusy = (build) => build?.status === 'queued' || build?.status === 'running'

export const projects = {
  load: () => api('GET', '/projects'),
  fresh: (list) => (list.some(({ latestBuild }) => isBusy(latestBuild)) ? 2_000 : 15_000),
  draw(list) {
    const add = h('a', { className: 'button primary', href: '#/new', id: 'new-project' }, 'New project')
    if (!list.length) {
      return ['Projects', h('p', {}, 'A project is a repository that Berth builds and serves at an address of its own.'), h('br'), add]
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
    h('div', { className: 'small muted cut' }, latest?.commit ? latest.commit.message.split('\n')[0] : project.repoUrl),
    h('div', { className: 'small muted' }, standing(live, latest)))
}

/** A failed build says whether visitors notice. */
function standing(live, latest) {
  if (latest?.status === 'failed') return live ? 'The version before is still up' : 'Nothing is up'
  return live ? ['live since ', moment(live.activatedAt ?? live.createdAt)] : 'nothing live yet'
}

export const newProject = {
  load: async () => ({}),
  draw() {
    const send = async (values) => {
      const given = Object.fromEntries(Object.entries(settingValues(values)).filter(([, value]) => value !== null))
      const { build } = await api('POST', '/projects', given)
      location.hash = `#/builds/${build.id}`
    }
    return ['New project',
      h('p', { className: 'muted' }, 'Berth fetches the branch, finds out how to build it, and puts the result live. What you leave out is detected.'),
      h('br'),
      form({ action: 'Deploy', send },
        field('repoUrl', 'Repository', { type: 'url', required: true, placeholder: 'https://github.com/owner/name' }),
        field('name', 'Name', { required: true, autocapitalize: 'off', spellcheck: false, hint: 'The first part of its address: lower-case letters, digits and hyphens.' }),
        field('branch', 'Branch', { required: true, value: 'main', autocapitalize: 'off', spellcheck: false }),
        h('details', {}, h('summary', {}, 'How it is built'),
          settingFields()))]
  },
}
