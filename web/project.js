// One project: what visitors get, its builds and deployments, its settings and variables, its end.

import { api } from './api.js'
import { act, confirm, field, form, h, moment, state } from './dom.js'
import { settingFields, settingValues } from './plan.js'

export const project = {
  async load(id) {
    const [project, builds, deployments, variables] = await Promise.all([
      api('GET', `/projects/${id}`),
      api('GET', `/projects/${id}/builds?limit=20`),
      api('GET', `/projects/${id}/deployments?limit=20`),
      api('GET', `/projects/${id}/variables`),
    ])
    return { project, builds, deployments, variables }
  },
  fresh: ({ builds }) => (builds.some(({ status }) => status === 'queued' || status === 'running') ? 1_000 : 10_000),
  draw(data, { reload }) {
    const { project } = data
    return [project.name,
      h('div', { className: 'head' },
        h('div', {}, h('h1', { tabIndex: -1 }, project.name), h('p', { className: 'small muted' }, project.repoUrl, ' · ', project.branch)),
        h('div', { className: 'actions' }, h('button', { id: 'build-newest', onclick: act(() => api('POST', `/projects/${project.id}/builds`), reload) }, 'Build the newest commit'))),
      live(data),
      h('h2', {}, 'Builds'), builds(data, reload),
      h('h2', {}, 'Deployments'), deployments(data, reload),
      h('h2', {}, 'Settings'), settings(data, reload),
      h('h2', {}, 'Variables'), variables(data, reload),
      h('h2', {}, 'Delete'), deletion(project)]
  },
}

function live({ project, builds }) {
  const current = project.liveDeployment
  const build = builds.find(({ id }) => id === current?.buildId)
  return h('section', { className: 'panel', 'aria-label': 'Live' },
    h('p', {}, current ? state('live', 'Live') : state('queued', 'Nothing is live yet'), ' ', current ? h('a', { href: project.url }, project.url) : h('span', { className: 'muted' }, project.url)),
    build?.commit && h('p', { className: 'small muted' }, h('code', {}, build.commit.hash.slice(0, 7)), ' ', build.commit.message.split('\n')[0], ' · since ', moment(current.activatedAt ?? current.createdAt)))
}

function builds({ builds }, reload) {
  if (!builds.length) return h('p', { className: 'muted' }, 'No builds yet.')
  return h('ul', { className: 'list' }, builds.map((build) => h('li', {},
    h('div', { className: 'cut' }, h('a', { href: `#/builds/${build.id}`, id: `build-${build.id}` }, `Build ${build.id}`), ' ', build.commit?.message.split('\n')[0] ?? `newest commit of ${build.branch}`),
    h('div', { className: 'actions' }, state(build.status), buildAction(build, reload)),
    h('div', { className: 'small muted cut' }, build.failure?.title ?? [build.commit ? `${build.commit.hash.slice(0, 7)} by ${build.commit.author} · ` : '', moment(build.createdAt)]))))
}

export function buildAction(build, reload) {
  if (build.status === 'queued' || build.status === 'running') {
    return h('button', { id: `cancel-${build.id}`, onclick: act(() => api('POST', `/builds/${build.id}/cancel`), reload) }, 'Cancel')
  }
  return h('button', { id: `rebuild-${build.id}`, onclick: act(() => api('POST', `/builds/${build.id}/rebuild`), reload) }, 'Rebuild')
}

function deployments({ project, deployments }, reload) {
  if (!deployments.length) return h('p', { className: 'muted' }, 'No deployments yet.')
  const current = project.liveDeployment
  return h('ul', { className: 'list' }, deployments.map((deployment) => {
    const activate = act(async () => {
      const agreed = await confirm({
        title: `Put deployment ${deployment.id} live?`,
        lines: [
          `Visitors of ${project.url} see what build ${deployment.buildId} made, within a second.`,
          current ? `What is live now stays at ${current.url}.` : 'Nothing is live now.',
          'The next push goes live as always.',
        ],
        action: 'Put it live',
      })
      if (agreed) await api('POST', `/deployments/${deployment.id}/activate`)
    }, reload)
    const canReturn = deployment.kept && deployment.status !== 'live' && deployment.status !== 'failed'
    return h('li', {},
      h('div', { className: 'cut' }, deployment.kept ? h('a', { href: deployment.url }, deployment.url) : h('span', { className: 'muted' }, deployment.url)),
      h('div', { className: 'actions' }, state(deployment.status), canReturn && h('button', { id: `activate-${deployment.id}`, onclick: activate }, current?.id > deployment.id ? 'Roll back to this' : 'Put live')),
      h('div', { className: 'small muted' }, 'build ', h('a', { href: `#/builds/${deployment.buildId}` }, deployment.buildId), ` · ${deployment.files} files · `, moment(deployment.createdAt), deployment.kept ? '' : ' · files removed'))
  }))
}

function settings({ project }, reload) {
  const send = async (values) => {
    await api('PATCH', `/projects/${project.id}`, settingValues(values))
    document.querySelector('#settings').open = false
    document.activeElement?.blur()
    await reload()
  }
  return h('div', {},
    h('p', { className: 'muted' }, 'What is not set is detected. Builds follow it from the next one on.'), h('br'),
    h('details', { id: 'settings', 'data-keep': true }, h('summary', {}, 'Change how it is built'),
      h('br'),
      form({ action: 'Save', send }, settingFields(project))))
}

function variables({ project, variables }, reload) {
  const list = variables.length > 0 && h('ul', { className: 'list' }, variables.map((variable) => h('li', {},
    h('code', {}, variable.key),
    h('div', { className: 'actions' }, h('span', { className: 'muted small' }, variable.kind === 'plain' ? 'plain' : 'secret, not shown'),
      h('button', { id: `remove-${variable.id}`, 'aria-label': `Remove ${variable.key}`, onclick: act(() => api('DELETE', `/variables/${variable.id}`), reload) }, 'Remove')))))
  const send = async (values) => {
    try {
      await api('PUT', `/projects/${project.id}/variables`, { variables: [values] })
    } catch (error) {
      // The server names the one of the list; here there is one, and its key is what can be wrong.
      for (const problem of error.fields ?? []) problem.field = 'key'
      throw error
    }
    document.querySelector('#set-variable').open = false
    document.activeElement?.blur()
    await reload()
  }
  return h('div', {},
    h('p', { className: 'muted' }, 'Builds get these in their environment, from the next one on. A value is never shown again.'), h('br'),
    list || null, list && h('br'),
    h('details', { id: 'set-variable', 'data-keep': true }, h('summary', {}, 'Set a variable'),
      h('br'),
      form({ action: 'Set', send },
        field('key', 'Key', { required: true, autocapitalize: 'off', spellcheck: false, placeholder: 'API_TOKEN' }),
        field('value', 'Value', { multiline: true, rows: 2, spellcheck: false }))))
}

function deletion(project) {
  const remove = act(async () => {
    const agreed = await confirm({
      title: `Delete ${project.name}?`,
      lines: [`${project.url} answers 404 at once.`, 'Its builds, deployments, files, variables and caches go; the repository stays as it is.'],
      action: 'Delete it',
      typed: project.name,
      danger: true,
    })
    if (!agreed) return
    await api('DELETE', `/projects/${project.id}`)
    location.hash = '#/'
  }, async () => {})
  return h('p', {}, h('button', { id: 'delete-project', className: 'danger', onclick: remove }, `Delete ${project.name}…`))
}
