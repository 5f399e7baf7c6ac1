// Previews: branches and pull requests with a site of their own.

import { api } from './api.js'
import { act, ago, confirm, h, state } from './dom.js'
import { promotion } from './promotion.js'

export function previewList({ project, previews }, reload) {
  if (!previews.length) {
    return h('p', { className: 'muted' }, project.previews ? `No previews. Push a branch other than ${project.branch}, or open a pull request, to get one.` : ['Previews are off: only ', h('code', {}, project.branch), ' is built. ', h('a', { href: `#/projects/${project.id}/settings` }, 'Turn them on')])
  }
  return h('ul', { className: 'list', 'aria-label': 'Previews' }, previews.map((preview) => {
    const { latestBuild: build, liveDeployment: live } = preview
    return h('li', {},
      h('div', { className: 'cut' }, h('span', { className: 'name' }, title(preview)), ' ', h('span', { className: 'muted' }, preview.pullRequest?.title)),
      h('div', { className: 'actions' }, state(preview.state)),
      h('div', { className: 'small cut' }, live ? h('a', { href: preview.url }, preview.url) : h('span', { className: 'muted' }, preview.url)),
      h('div', { className: 'small muted' }, build && [h('a', { href: `#/builds/${build.id}` }, `build ${build.id}`), ' · '], 'pushed ', ago(preview.pushedAt)),
      h('div', { className: 'actions wide' }, live && promotion(live, project, reload), remove(preview, reload)))
  }))
}

/** `feat/cart`, or the pull request that shows it. */
function title(preview) {
  const { branch, pullRequest } = preview
  if (!pullRequest) return branch
  return pullRequest.fork ? `#${pullRequest.number} from ${pullRequest.fork}` : `#${pullRequest.number} · ${branch}`
}

function remove(preview, reload) {
  const run = act(async () => {
    const agreed = await confirm({
      title: `Remove the preview of ${preview.branch}?`,
      lines: [`${preview.url} answers 404 at once, and its deployments’ files go.`, 'The branch and its pull request stay as they are; the next push there opens a preview again.'],
      action: 'Remove it',
      danger: true,
    })
    if (agreed) await api('DELETE', `/previews/${preview.id}`)
  }, reload)
  return h('button', { id: `remove-preview-${preview.id}`, 'aria-label': `Remove the preview of ${preview.branch}`, className: 'danger', onclick: run }, 'Remove…')
}
