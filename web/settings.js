// What a project is set to: how it is built, what it follows, who may see it, its variables, who tells it of pushes, its
// end.

import { api } from './api.js'
import { act, confirm, field, form, h } from './dom.js'
import { deployHookList, forget, hooks } from './hooks.js'
import { inbox } from './inbox.js'
import { settingFields, settingValues } from './plan.js'
import { head } from './project.js'
import { reportList } from './reports.js'
import { variableList } from './variables.js'

/** Whose settings are on the page, and how its hooks stand: GitHub is asked once a visit, and after each action. */
let shown
let standing

export const settings = {
  async load(id) {
    if (shown !== id) leave()
    shown = id
    const [project, variables, hook, deployHooks, deliveries, reports] = await Promise.all([
      api('GET', `/projects/${id}`),
      api('GET', `/projects/${id}/variables`),
      standing ?? api('GET', `/projects/${id}/hook`),
      api('GET', `/projects/${id}/deploy-hooks`),
      api('GET', `/projects/${id}/deliveries?limit=20`),
      api('GET', `/projects/${id}/reports`),
    ])
    standing = hook
    return { project, variables, hook, deployHooks, deliveries, reports }
  },
  fresh: () => 10_000,
  leave,
  draw(data, { reload }) {
    const { project } = data
    return [`Settings of ${project.name}`,
      head(project, h('a', { className: 'button', href: `#/projects/${project.id}`, id: 'back' }, 'Back to the project')),
      h('h2', {}, 'How it is built'), building(project, reload),
      h('h2', {}, 'What it follows'), following(project, reload),
      h('h2', {}, 'Who may see it'), protection(project, reload),
      h('h2', {}, 'Variables'), variableList(data, reload),
      h('h2', {}, 'Webhooks'), ...hooks(data, lookAgain(reload)),
      h('h2', {}, 'Deploy hooks'), deployHookList(data, reload),
      h('h2', {}, 'Deliveries'), inbox(data, reload),
      ...(data.hook.github || data.reports.length ? [h('h2', {}, 'Reports to GitHub'), reportList(data)] : []),
      h('h2', {}, 'Delete'), deletion(project)]
  },
}

function leave() {
  forget()
  standing = undefined
}

const lookAgain = (reload) => () => {
  standing = undefined
  return reload()
}

/** A folded form that saves some settings. */
function folded(id, summary, project, reload, values, ...fields) {
  const send = async (given) => {
    await api('PATCH', `/projects/${project.id}`, values(given))
    document.querySelector(`#${id}`).open = false
    document.activeElement?.blur()
    await reload()
  }
  return h('details', { id, 'data-keep': true }, h('summary', {}, summary), h('br'), form({ action: 'Save', send }, fields))
}

function building(project, reload) {
  return h('div', {},
    h('p', { className: 'muted' }, 'What is not set is detected. Builds follow it from the next one on.'), h('br'),
    folded('change-build', 'Change how it is built', project, reload, settingValues, settingFields(project)))
}

const INTERVALS = [['', 'never'], ['60', 'every minute'], ['300', 'every 5 minutes'], ['900', 'every 15 minutes'], ['3600', 'every hour'], ['86400', 'every day']]

function following(project, reload) {
  const { previews, watch, pollEvery, branch, rootDirectory } = project
  const known = INTERVALS.some(([seconds]) => seconds === String(pollEvery ?? ''))
  const intervals = known ? INTERVALS : [...INTERVALS, [String(pollEvery), `every ${pollEvery} seconds`]]
  const lines = [
    previews ? 'Other branches and pull requests get previews; those from forks wait for an approval.' : `Only ${branch} is built.`,
    watch ? `Pushes that change nothing under ${watch.join(', ')} are skipped.` : rootDirectory ? `Pushes that change nothing under ${rootDirectory} are skipped.` : 'Every push is built.',
    pollEvery ? `The head of ${branch} is asked for ${intervals.find(([seconds]) => seconds === String(pollEvery))[1]}.` : undefined,
  ]
  const values = (given) => ({
    previews: Boolean(given.previews),
    watch: given.watch.trim() ? given.watch.split('\n').map((line) => line.trim()).filter(Boolean) : null,
    pollEvery: given.pollEvery ? Number(given.pollEvery) : null,
  })
  return h('div', {},
    lines.filter(Boolean).map((line) => h('p', { className: 'muted' }, line)), h('br'),
    folded('change-following', 'Change what it follows', project, reload, values,
      h('label', {}, h('input', { type: 'checkbox', name: 'previews', className: 'check', checked: previews }), ' Build a preview for other branches and pull requests'),
      field('watch', 'Watched paths', { multiline: true, rows: 3, value: (watch ?? []).join('\n'), spellcheck: false, placeholder: rootDirectory ? `${rootDirectory}/**` : 'everything', hint: 'A pattern a line, like apps/web/** or *.md. A push that changes no such file is skipped, and says so. Empty: the root directory.' }),
      h('div', { className: 'field' }, h('label', { htmlFor: 'field-pollEvery' }, 'Ask for the newest commit'),
        h('select', { id: 'field-pollEvery', name: 'pollEvery', 'aria-describedby': 'field-pollEvery-hint field-pollEvery-problem' }, intervals.map(([seconds, words]) => h('option', { value: seconds, selected: seconds === String(pollEvery ?? '') }, words))),
        h('p', { id: 'field-pollEvery-hint', className: 'small muted' }, 'For a git host that cannot send webhooks to this machine.'),
        h('p', { id: 'field-pollEvery-problem', className: 'small problem', hidden: true }))))
}

const SCOPES = [['', 'Everybody sees everything'], ['previews', 'Previews ask for a password'], ['everything', 'Everything asks for a password']]

function protection(project, reload) {
  const { scope = '', user } = project.protection ?? {}
  const now = scope ? `${scope === 'everything' ? 'All its sites ask' : 'Its previews ask'} visitors for a password${user ? ` and the name ${user}` : ''}.` : 'Everybody sees all its sites.'
  const values = ({ scope, user, password }) => ({
    protection: scope ? { scope, user: user.trim() || null, ...(password ? { password } : {}) } : null,
  })
  return h('div', {},
    h('p', { className: 'muted' }, `${now} A change holds at once.`), h('br'),
    folded('change-protection', 'Change who may see it', project, reload, values,
      h('div', { className: 'field' }, h('label', { htmlFor: 'field-scope' }, 'Visitors'),
        h('select', { id: 'field-scope', name: 'scope', 'aria-describedby': 'field-scope-problem' }, SCOPES.map(([value, words]) => h('option', { value, selected: value === scope }, words))),
        h('p', { id: 'field-scope-problem', className: 'small problem', hidden: true })),
      field('user', 'User name', { value: user ?? '', autocapitalize: 'off', autocomplete: 'off', spellcheck: false, hint: 'Empty: any name will do.' }),
      field('password', 'Password for visitors', { type: 'password', autocomplete: 'new-password', hint: scope ? 'Empty: the one that it has.' : 'At least 8 characters. It is kept as a hash and never shown again.' })))
}

function deletion(project) {
  const remove = act(async () => {
    const agreed = await confirm({
      title: `Delete ${project.name}?`,
      lines: [`${project.url} answers 404 at once, and so do its previews.`, 'Its builds, deployments, files, variables and caches go; the repository stays as it is.'],
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
