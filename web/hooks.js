// Who tells a project of pushes: GitHub's hook, the project's own, and addresses that build whenever they are called.

import { api } from './api.js'
import { act, ago, confirm, field, form, h, state } from './dom.js'

/** What was just made and is shown this once: the hook's secret, a deploy hook's address. */
let made = {}

const WORDS = { ok: 'works', lost: 'gone', altered: 'altered', refused: 'not known', unannounced: 'none' }

export function hooks({ project, hook }, reload) {
  return [hook.github && github(project, hook, reload), own(project, hook.own, reload)].filter(Boolean)
}

function github(project, { github: { hookId, state: standing, problem }, own: { enabled } }, reload) {
  const words = WORDS[standing] ?? standing
  const isWell = standing === 'ok'
  return h('section', { className: 'panel', 'aria-label': 'GitHub’s webhook' },
    h('div', { className: 'head' }, h('strong', {}, 'GitHub’s webhook'), state(isWell ? 'works' : hookId ? 'broken' : 'off', isWell ? 'works' : words)),
    h('p', { className: 'muted' }, isWell ? 'GitHub announces pushes and pull requests of this repository. Projects of one repository share it.' : problem ?? 'GitHub announces nothing of this repository.'),
    h('div', { className: 'actions' },
      !isWell && h('button', { id: 'repair-hook', className: 'primary', onclick: act(() => api('POST', `/projects/${project.id}/hook/repair`), reload) }, 'Repair it'),
      hookId && !enabled && trial(project)))
}

function own(project, { url, enabled }, reload) {
  const make = async () => {
    if (enabled) {
      const agreed = await confirm({
        title: 'Replace the secret?',
        lines: ['Deliveries that are signed with the old one are refused from now on.', 'Give the new one to the git host.'],
        action: 'Replace it',
      })
      if (!agreed) return
    }
    made.hook = await api('PUT', `/projects/${project.id}/hook`)
  }
  const remove = async () => {
    const agreed = await confirm({
      title: 'Remove the hook?',
      lines: [`Deliveries to ${url} are refused from now on.`, 'Remove it at the git host, too.'],
      action: 'Remove it',
      danger: true,
    })
    if (!agreed) return
    await api('DELETE', `/projects/${project.id}/hook`)
    delete made.hook
  }
  return h('section', { className: 'panel', 'aria-label': 'The project’s own webhook' },
    h('div', { className: 'head' }, h('strong', {}, 'The project’s own webhook'), state(enabled ? 'works' : 'off', enabled ? 'on' : 'off')),
    h('p', { className: 'muted' }, 'For Gitea, Forgejo, GitLab, or a GitHub without the OAuth application. Give the git host this address and the secret, as JSON, for pushes and pull requests.'),
    h('p', { className: 'address' }, h('code', {}, url)),
    made.hook && once('hook', 'The secret', made.hook.secret),
    h('div', { className: 'actions' },
      h('button', { id: 'make-hook', onclick: act(make, () => reload().then(() => focusOnce('hook'))) }, enabled ? 'Replace the secret…' : 'Make a secret'),
      enabled && h('button', { id: 'remove-hook', className: 'danger', onclick: act(remove, reload) }, 'Remove…'),
      enabled && trial(project)))
}

/** A test delivery, and what became of it: to the project's own hook, or without one by GitHub to its. */
function trial(project) {
  const said = h('span', { className: 'small', role: 'status' })
  const test = async () => {
    said.textContent = 'Sending…'
    try {
      const { delivered, message } = await api('POST', `/projects/${project.id}/hook/test`)
      said.className = `small ${delivered ? 'muted' : 'problem'}`
      said.textContent = message
    } catch (error) {
      said.textContent = ''
      throw error
    }
  }
  return [h('button', { id: 'test-hook', onclick: act(test, async () => {}) }, 'Send a test delivery'), said]
}

export const focusOnce = (id) => document.querySelector(`#copy-${id}`)?.focus()

/** What is shown this once, with a button that copies it. */
/** What is shown this once, to be copied. */
export function once(id, label, value) {
  const said = h('span', { className: 'small muted', role: 'status' })
  const input = h('input', { id: `once-${id}`, readOnly: true, value, 'aria-label': label })
  const copy = async () => {
    input.select()
    try {
      await navigator.clipboard.writeText(value)
      said.textContent = 'Copied.'
    } catch {
      said.textContent = 'Copy it with the keyboard: it is selected.'
    }
  }
  return h('div', { className: 'once' },
    h('p', {}, h('strong', {}, label), ' is shown now and never again.'), input,
    h('div', { className: 'actions' }, h('button', { id: `copy-${id}`, type: 'button', className: 'primary', onclick: copy }, 'Copy'), said))
}

/** What was shown once is gone when its page is left. */
export function forget() {
  made = {}
}

export function deployHookList({ project, deployHooks }, reload) {
  const send = async ({ name, branch }) => {
    made.deployHook = await api('POST', `/projects/${project.id}/deploy-hooks`, { name, branch: branch || null })
    document.querySelector('#make-deploy-hook').open = false
    document.activeElement?.blur()
    await reload()
    focusOnce('deploy-hook')
  }
  const list = deployHooks.length > 0 && h('ul', { className: 'list' }, deployHooks.map((hook) => h('li', {},
    h('div', { className: 'cut' }, h('span', { className: 'name' }, hook.name), h('span', { className: 'muted' }, ` builds ${hook.branch ?? project.branch}`)),
    h('button', { id: `revoke-deploy-hook-${hook.id}`, className: 'danger', 'aria-label': `Revoke ${hook.name}`, onclick: act(() => revoke(hook), reload) }, 'Revoke…'),
    h('div', { className: 'small muted wide' }, 'made ', ago(hook.createdAt), hook.lastUsedAt ? [' · last called ', ago(hook.lastUsedAt)] : ' · never called'))))
  return h('div', {},
    h('p', { className: 'muted' }, 'An address that queues a build when it is called with POST: for a content management system, a schedule, a script. Whoever knows it can call it.'), h('br'),
    made.deployHook && [h('section', { className: 'panel', 'aria-label': 'A new deploy hook' }, once('deploy-hook', `The address of ${made.deployHook.name}`, made.deployHook.url)), h('br')],
    list, list && h('br'),
    h('details', { id: 'make-deploy-hook', 'data-keep': true }, h('summary', {}, 'Make a deploy hook'), h('br'),
      form({ action: 'Make it', send },
        field('name', 'What calls it', { required: true, maxLength: 100, placeholder: 'the newsroom' }),
        field('branch', 'Branch', { placeholder: project.branch, autocapitalize: 'off', spellcheck: false, hint: 'Another one than the project’s needs previews.' }))))
}

async function revoke(hook) {
  const agreed = await confirm({ title: `Revoke ${hook.name}?`, lines: ['Its address answers 404 at once. Builds that it asked for stay.'], action: 'Revoke it', danger: true })
  if (agreed) await api('DELETE', `/deploy-hooks/${hook.id}`)
}
