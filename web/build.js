// One build: its steps, why it failed, and its log as it grows.

import { api } from './api.js'
import { buildActions, isUnderWay, occasion, withoutCommit } from './builds.js'
import { h, moment, state, took } from './dom.js'
import { isSetting, planned, settingName } from './plan.js'

/** Lines that are fetched at once, and that are shown at most: the newest. */
const PAGE = 5_000
const SHOWN = 20_000

/** The log that is on the page: which build's, and the last line that was fetched. */
let log = { build: undefined, next: 0, complete: false }

export const build = {
  async load(id) {
    if (log.build !== id) log = { build: id, next: 0, complete: false, list: h('ol') }
    const build = await api('GET', `/builds/${id}`)
    const project = await api('GET', `/projects/${build.projectId}`)
    const lines = []
    while (!log.complete) {
      const part = await api('GET', `/builds/${id}/log?after=${log.next}&limit=${PAGE}`)
      if (log.build !== id) break
      lines.push(...part.lines)
      Object.assign(log, { next: part.next, complete: part.complete })
      if (part.lines.length < PAGE) break
    }
    append(lines)
    return { build, project }
  },
  // A log can be complete a moment before its build has passed, and that a moment before it is live.
  fresh: ({ build }) => (log.complete && !isUnderWay(build) ? 5_000 : 1_000),
  draw({ build, project }, { reload }) {
    log.reload = reload
    const box = h('div', { className: 'log', id: 'log', tabIndex: 0, role: 'region', 'aria-label': `Log of build ${build.id}` }, log.list)
    queueMicrotask(() => show(box, build))
    return [`Build ${build.id}`, h('p', { className: 'small' }, h('a', { href: `#/projects/${project.id}` }, project.name)), h('div', { id: 'summary' }, summary(build, project, reload)), box]
  },
  /** Keeps the log, and with it the reader's place, and replaces only what is above it. */
  update({ build, project }, main) {
    const above = main.querySelector('#summary')
    const box = main.querySelector('#log')
    if (!above || box?.firstChild !== log.list || above.contains(document.activeElement)) return false
    above.replaceChildren(...summary(build, project, log.reload))
    if (log.follow) box.scrollTop = box.scrollHeight
    return true
  },
}

function summary(build, project, reload) {
  const { commit, failure } = build
  return [
    h('div', { className: 'head' },
      h('div', {}, h('h1', { tabIndex: -1 }, `Build ${build.id} `, state(build.status)),
        h('p', { className: 'small muted' }, commit ? [h('code', {}, commit.hash.slice(0, 7)), ` ${[commit.message.split('\n')[0], commit.author].filter(Boolean).join(' · ')} · `] : `${withoutCommit(build)} · `, occasion(build), ' · ', moment(build.createdAt))),
      h('div', { className: 'actions' }, build.status === 'passed' && project.liveDeployment?.buildId === build.id && h('a', { className: 'button', href: project.url }, 'Visit'), ...buildActions(build, reload))),
    build.reason && h('section', { className: 'panel', 'aria-label': 'Why it does not run' }, h('p', {}, `${build.reason[0].toUpperCase()}${build.reason.slice(1)}.`)),
    failure && h('section', { className: 'panel failure', 'aria-label': 'Why it failed' },
      h('strong', {}, failure.title), h('p', {}, failure.detail),
      failure.setting && h('p', { className: 'small muted' }, 'The setting that changes this: ', isSetting(failure.setting) ? h('a', { href: `#/projects/${project.id}/settings` }, settingName(failure.setting)) : settingName(failure.setting)),
      h('p', { className: 'small muted' }, project.liveDeployment ? 'The version before is still up.' : 'Nothing is up yet.')),
    build.steps.length > 0 && h('ol', { className: 'steps', 'aria-label': 'Steps' }, build.steps.map((step) => h('li', {}, state(step.state, step.name), step.tookMs === null || step.tookMs === undefined ? '' : h('span', { className: 'muted' }, ` ${took(step.tookMs)}`)))),
    // Who has unfolded it finds it unfolded.
    planned(build.plan, document.querySelector('.plan')?.open),
  ].flat().filter(Boolean)
}

// Colours, cursor movements and titles of terminals.
const ESCAPES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])/g

function append(lines) {
  const rows = lines.map(({ number, stream, text }) => {
    const plain = text.replace(ESCAPES, '')
    return h('li', { className: stream, 'data-number': number }, plain.slice(plain.lastIndexOf('\r') + 1))
  })
  log.list.append(...rows)
  while (log.list.childElementCount > SHOWN) log.list.firstChild.remove()
}

/** At first the line that shows the failure, else the end; the end is followed until the reader scrolls away. */
function show(box, build) {
  const culprit = build.failure?.line && log.list.querySelector(`[data-number="${build.failure.line}"]`)
  if (culprit) culprit.scrollIntoView({ block: 'center' })
  else box.scrollTop = box.scrollHeight
  log.follow = !culprit
  box.addEventListener('scroll', () => {
    log.follow = box.scrollHeight - box.scrollTop - box.clientHeight < 24
  })
}
