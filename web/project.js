// One project: what visitors get, its previews, builds and deployments. Its settings have a page of their own.

import { api } from './api.js'
import { approval, buildList, occasion } from './builds.js'
import { act, h, moment, state } from './dom.js'
import { previewList } from './previews.js'
import { promotion } from './promotion.js'
import { traffic } from './traffic.js'

export const project = {
  async load(id) {
    const [project, builds, deployments, previews, visits] = await Promise.all([
      api('GET', `/projects/${id}`),
      api('GET', `/projects/${id}/builds?limit=20`),
      api('GET', `/projects/${id}/deployments?limit=20`),
      api('GET', `/projects/${id}/previews`),
      api('GET', `/projects/${id}/traffic`),
    ])
    return { project, builds, deployments, previews, visits }
  },
  fresh: ({ builds }) => (builds.some(({ status }) => status === 'queued' || status === 'running') ? 1_000 : 10_000),
  draw(data, { reload }) {
    const { project, builds } = data
    const held = builds.filter(({ status }) => status === 'held')
    return [project.name,
      head(project, project.repoUrl && h('button', { id: 'build-newest', onclick: act(() => api('POST', `/projects/${project.id}/builds`), reload) }, 'Build the newest commit'), h('a', { className: 'button', href: `#/projects/${project.id}/settings`, id: 'settings' }, 'Settings')),
      project.webhookProblem && h('section', { className: 'panel failure', 'aria-label': 'Webhook' },
        h('p', {}, h('strong', {}, 'GitHub may not tell of pushes. '), project.webhookProblem), h('p', {}, h('a', { href: `#/projects/${project.id}/settings` }, 'Look at the webhook'))),
      held.length > 0 && h('h2', {}, 'Waiting for you'),
      held.length > 0 && h('ul', { className: 'list' }, held.map((build) => waiting(build, reload))),
      h('h2', {}, 'Production'), live(data),
      h('h2', {}, 'Visitors'), traffic(data.visits),
      h('h2', {}, 'Previews'), previewList(data, reload),
      h('h2', {}, 'Builds'), buildList(builds, reload),
      h('h2', {}, 'Deployments'), deploymentList(data, reload)].filter(Boolean)
  },
}

/** The name of a project and what can be done on this page of it. */
export function head(project, ...actions) {
  return h('div', { className: 'head' },
    h('div', { className: 'grow' }, h('h1', { tabIndex: -1 }, project.name), h('p', { className: 'small muted cut' }, project.repoUrl ? `${project.repoUrl} · ${project.branch}` : 'deployed from folders')),
    h('div', { className: 'actions' }, actions))
}

function waiting(build, reload) {
  return h('li', {},
    h('div', { className: 'cut' }, h('a', { href: `#/builds/${build.id}` }, `Build ${build.id}`), ' ', build.commit?.message.split('\n')[0]),
    h('div', { className: 'actions' }, state('held'), approval(build, reload, 'approve-first')),
    h('div', { className: 'small muted wide' }, build.reason ?? occasion(build)))
}

function live({ project, builds }) {
  const current = project.liveDeployment
  const build = builds.find(({ id }) => id === current?.buildId)
  return h('section', { className: 'panel', 'aria-label': 'Live' },
    h('p', {}, current ? state('live', 'Live') : state('queued', 'Nothing is live yet'), ' ', current ? h('a', { href: project.url }, project.url) : h('span', { className: 'muted' }, project.url)),
    build?.commit && h('p', { className: 'small muted' }, h('code', {}, build.commit.hash.slice(0, 7)), ' ', build.commit.message.split('\n')[0], ' · since ', moment(current.activatedAt ?? current.createdAt)))
}

function deploymentList({ project, deployments }, reload) {
  if (!deployments.length) return h('p', { className: 'muted' }, 'No deployments yet.')
  return h('ul', { className: 'list' }, deployments.map((deployment) => {
    const isPreview = deployment.environment === 'preview'
    const canGoLive = deployment.kept && deployment.status !== 'failed' && (isPreview || deployment.status !== 'live')
    return h('li', {},
      h('div', { className: 'cut' }, deployment.kept ? h('a', { href: deployment.url }, deployment.url) : h('span', { className: 'muted' }, deployment.url)),
      h('div', { className: 'actions' }, state(deployment.status), canGoLive && promotion(deployment, project, reload)),
      h('div', { className: 'small muted wide' }, isPreview ? `preview of ${deployment.branch}` : 'production', ' · build ', h('a', { href: `#/builds/${deployment.buildId}` }, deployment.buildId), deployment.promotedFrom ? ` · promoted from deployment ${deployment.promotedFrom}` : '', ` · ${deployment.files} files · `, moment(deployment.createdAt), deployment.kept ? '' : ' · files removed'))
  }))
}
