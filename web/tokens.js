// API tokens of one's own: what programs send instead of signing in.

import { api } from './api.js'
import { act, confirm, field, form, h, moment, state } from './dom.js'
import { focusOnce, once } from './hooks.js'

/** The token that was just made: it is shown this once. */
let made

const LIVES = [['', 'until it is revoked'], ['2592000', 'for 30 days'], ['7776000', 'for 90 days'], ['31536000', 'for a year']]

export function tokenList({ tokens, projects }, reload) {
  return [
    h('p', { className: 'muted' }, 'For programs: a CI system, a script, ', h('code', {}, 'berth deploy'), '. A token cannot make tokens, change accounts or administer.'), h('br'),
    made && once('token', 'The token', made),
    tokens.length > 0 && h('ul', { className: 'list' }, tokens.map((token) => row(token, projects, reload))),
    making(projects, reload)]
}

function row(token, projects, reload) {
  const revoke = async () => {
    const agreed = await confirm({
      title: `Revoke ${token.name}?`,
      lines: ['Whatever uses it is refused from now on.'],
      action: 'Revoke it',
      danger: true,
    })
    if (agreed) await api('DELETE', `/tokens/${token.id}`)
  }
  const project = projects.find(({ id }) => id === token.projectId)
  return h('li', {},
    h('div', { className: 'cut' }, token.name, ' ', h('code', {}, `${token.hint}…`)),
    h('div', { className: 'actions' }, token.expired && state('failed', 'ran out'), h('button', { id: `revoke-token-${token.id}`, className: 'danger', 'aria-label': `Revoke the token ${token.name}`, onclick: act(revoke, reload) }, 'Revoke…')),
    h('div', { className: 'small muted wide' },
      token.projectId ? `for ${project?.name ?? 'one project'} alone` : 'for all your projects', ' · made ', moment(token.createdAt),
      token.lastUsedAt ? [' · last used ', moment(token.lastUsedAt)] : ' · never used', token.expiresAt && [token.expired ? ' · ran out ' : ' · ends ', moment(token.expiresAt)]))
}

/** Forgets the token that was just made, when the page is left. */
export function forgetToken() {
  made = undefined
}

function making(projects, reload) {
  const send = async ({ name, projectId, expiresIn }) => {
    const body = { name, projectId: projectId ? Number(projectId) : undefined, expiresIn: expiresIn ? Number(expiresIn) : undefined }
    made = (await api('POST', '/tokens', body)).token
    document.querySelector('#make-token').open = false
    document.activeElement?.blur()
    await reload()
    focusOnce('token')
  }
  return h('details', { id: 'make-token', 'data-keep': true }, h('summary', {}, 'Make a token'), h('br'),
    form({ action: 'Make it', send },
      field('name', 'Name', { required: true, maxLength: 100, placeholder: 'CI of the shop' }),
      choice('projectId', 'Reaches', [['', 'all your projects, and can make more'], ...projects.map(({ id, name }) => [String(id), `${name} alone`])]),
      choice('expiresIn', 'Lasts', LIVES)))
}

function choice(name, label, options) {
  return h('div', { className: 'field' }, h('label', { htmlFor: `field-${name}` }, label),
    h('select', { id: `field-${name}`, name, 'aria-describedby': `field-${name}-problem` }, options.map(([value, words]) => h('option', { value }, words))),
    h('p', { id: `field-${name}-problem`, className: 'small problem', hidden: true }))
}
