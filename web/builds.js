// Builds in lists and on their own page: why they are there, and what can be done about each.

import { api } from './api.js'
import { act, confirm, h, moment, state } from './dom.js'

/** Whether something about it changes by itself. */
export const isUnderWay = ({ status }) => status === 'queued' || status === 'running'

/** Why a build is there. */
const TRIGGERS = {
  created: 'the first build', push: 'a push', rebuild: 'built again', reconcile: 'found by looking', pull_request: 'a pull request',
  deploy_hook: 'a deploy hook', poll: 'found by polling', promote: 'for production, from a preview',
  folder: 'a folder',
}

/** What is built where no commit is known. */
export function withoutCommit({ trigger, branch }) {
  return trigger === 'folder' ? 'files as they were sent' : `newest commit of ${branch}`
}

/** `a push to main`, `pull request #7 from mallory/shop`. */
export function occasion({ pullRequest, trigger, branch }) {
  if (pullRequest) return `pull request #${pullRequest.number}${pullRequest.fork ? ` from ${pullRequest.fork}` : ''}`
  return `${TRIGGERS[trigger] ?? trigger} · ${branch}`
}

export function buildList(builds, reload) {
  if (!builds.length) return h('p', { className: 'muted' }, 'No builds yet.')
  return h('ul', { className: 'list' }, builds.map((build) => h('li', {},
    h('div', { className: 'cut' }, h('a', { href: `#/builds/${build.id}`, id: `build-${build.id}` }, `Build ${build.id}`), ' ', build.commit?.message.split('\n')[0] || withoutCommit(build)),
    h('div', { className: 'actions' }, state(build.status), ...buildActions(build, reload)),
    h('div', { className: 'small muted wide' }, `${story(build).join(' · ')} · `, moment(build.createdAt)))))
}

/** What became of it and why it is there. */
function story(build) {
  const { commit, status, environment, failure, reason, pullRequest } = build
  return [
    failure?.title ?? reason,
    status !== 'held' && occasion(build),
    environment === 'preview' && !pullRequest && 'preview',
    commit && [commit.hash.slice(0, 7), commit.author].filter(Boolean).join(' by '),
  ].filter(Boolean)
}

/** What can be done about a build; each says what follows from it before it happens. */
export function buildActions(build, reload) {
  if (build.status === 'held') return [approval(build, reload)]
  if (isUnderWay(build)) return [cancel(build, reload)]
  // Nothing is kept of a folder to build again: it is sent again.
  if (build.trigger === 'folder') return []
  return build.commit || build.status !== 'skipped' ? [rebuild(build, reload)] : []
}

function asking(name, label, build, question, send, reload, properties = {}) {
  const run = act(async () => {
    if (await confirm(question)) await send()
  }, reload)
  return h('button', { id: `${name}-${build.id}`, 'aria-label': `${label.replace('…', '')}: build ${build.id}`, onclick: run, ...properties }, label)
}

function cancel(build, reload) {
  const question = {
    title: `Cancel build ${build.id}?`,
    lines: ['It stops within seconds. What visitors see stays as it is.', 'The commit is not built until it is pushed or built again.'],
    action: 'Cancel the build',
  }
  return asking('cancel', 'Cancel…', build, question, () => api('POST', `/builds/${build.id}/cancel`), reload)
}

function rebuild(build, reload) {
  const commit = build.commit ? build.commit.hash.slice(0, 7) : `the newest commit of ${build.branch}`
  const where = build.environment === 'preview' ? `the preview of ${build.branch}` : 'production'
  const question = {
    title: `Build ${commit} again?`,
    lines: [`If it passes, it goes live as ${where}, in the place of what is there now.`, 'It is built with the settings and variables of today.'],
    action: 'Build it again',
  }
  return asking('rebuild', 'Rebuild…', build, question, () => api('POST', `/builds/${build.id}/rebuild`), reload)
}

/** A stranger's code runs only after somebody has said so. */
export function approval(build, reload, name = 'approve') {
  const { fork = 'another repository', number } = build.pullRequest ?? {}
  const question = {
    title: `Build the code of ${fork}?`,
    lines: [
      `${number ? `Pull request #${number}` : 'This commit'} comes from ${fork}, whose owner may not be one of you. Its install and build commands run on this machine, in a container, with access to the internet. Look at the changes first.`,
      'It gets none of the project’s secrets and none of its caches. Plain variables for previews it does get.',
      'What it builds is shown to everybody at an address of its own. Each further commit asks again.',
    ],
    action: 'Approve and build',
  }
  return asking(name, 'Approve and build…', build, question, () => api('POST', `/builds/${build.id}/approve`), reload, { className: 'primary' })
}
