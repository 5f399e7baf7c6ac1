// For administrators: who has an account, and who is invited to open one.

import { api } from './api.js'
import { act, confirm, field, form, h, moment, state } from './dom.js'

/** The link that was made last: the server shows it once, so it stays on the page until somebody leaves it. */
let made
/** How many rows there are at most of each list: more on demand, until somebody leaves the page. */
const PAGE = 100
let shown = { users: PAGE, invitations: PAGE }

/** A list's newest rows, as many as are to be shown, and whether older ones may follow. */
async function rows(list) {
  const found = []
  while (found.length < shown[list]) {
    const before = found.length > 0 ? `&before=${found.at(-1).id}` : ''
    const page = await api('GET', `/${list}?limit=${PAGE}${before}`)
    found.push(...page)
    if (page.length < PAGE) return { found, older: false }
  }
  return { found, older: true }
}

function more(list, { found, older }, reload) {
  const show = () => {
    shown[list] = found.length + PAGE
  }
  return older && [h('br'), h('button', { id: `more-${list}`, onclick: act(show, reload) }, `Older ${list}`)]
}

export const users = {
  async load() {
    const [me, users, invitations] = await Promise.all([api('GET', '/me'), rows('users'), rows('invitations')])
    return { me, users, invitations }
  },
  fresh: () => 10_000,
  leave() {
    made = undefined
    shown = { users: PAGE, invitations: PAGE }
  },
  draw({ me, users, invitations }, { reload }) {
    return ['Users',
      made && [link(made), h('br')],
      h('ul', { className: 'list' }, users.found.map((user) => row(user, me, users.found, reload))),
      more('users', users, reload),
      h('h2', {}, 'Invitations'),
      h('p', { className: 'muted' }, 'A link opens one account, once. Hand it on yourself; Berth sends no e-mail.'), h('br'),
      invite(reload), h('br'),
      invitations.found.length > 0 && h('ul', { className: 'list' }, invitations.found.map((invitation) => invited(invitation, reload))),
      more('invitations', invitations, reload)].flat().filter(Boolean)
  },
}

const WAYS = { password: 'a password', github: 'GitHub' }

function row(user, me, users, reload) {
  const { id, username } = user
  const change = (body) => () => api('PATCH', `/users/${id}`, body)
  const button = (name, label, action, properties = {}) => h('button', { id: `${name}-${id}`, 'aria-label': `${label}: ${username}`, onclick: act(action, reload), ...properties }, label)
  const mine = id === me.id
  const reset = async () => {
    made = await api('POST', `/users/${id}/password-link`)
  }
  const reloadToLink = () => reload().then(() => document.querySelector('#copy')?.focus())
  return h('li', {},
    h('div', { className: 'cut' }, h('span', { className: 'name' }, username), mine ? ' (you)' : '', user.role === 'admin' ? ' · administrator' : ''),
    h('div', { className: 'actions' }, !user.active && state('deactivated')),
    h('div', { className: 'small muted wide' }, `signs in with ${user.signIn.map((way) => WAYS[way]).join(' or ')} · ${user.projects} project${user.projects === 1 ? '' : 's'} · `, user.lastSeenAt ? ['last seen ', moment(user.lastSeenAt)] : 'never seen'),
    !mine && h('div', { className: 'actions wide' },
      user.role === 'admin' ? button('member', 'Make a member', change({ role: 'member' })) : button('admin', 'Make an administrator', change({ role: 'admin' })),
      button('sign-out', 'Sign out everywhere', () => api('DELETE', `/users/${id}/sessions`)),
      user.active && user.signIn.includes('password') && h('button', { id: `reset-${id}`, 'aria-label': `Password link: ${username}`, onclick: act(reset, reloadToLink) }, 'Password link'),
      user.active ? button('deactivate', 'Deactivate', change({ active: false })) : button('reactivate', 'Reactivate', change({ active: true })),
      button('remove', 'Remove…', () => remove(user, users), { className: 'danger' })))
}

async function remove(user, users) {
  let projects = ''
  if (user.projects > 0) {
    projects = await heir(user, users)
    if (projects === undefined) return
  } else {
    const agreed = await confirm({ title: `Remove ${user.username}?`, lines: ['They are signed out at once, and the account is gone. What they did keeps their name.', 'They own no projects.'], action: 'Remove', danger: true })
    if (!agreed) return
  }
  await api('DELETE', `/users/${user.id}${projects && `?projects=${projects}`}`)
}

/** Asks what becomes of somebody's projects; `undefined`: nothing is to happen. */
function heir(user, users) {
  const others = users.filter(({ id, active }) => active && id !== user.id)
  return new Promise((resolve) => {
    const close = (answer) => {
      dialog.close()
      dialog.remove()
      resolve(answer)
    }
    const send = async ({ projects, typed }) => {
      if (projects === 'delete' && typed !== user.username) throw new Error(`Type ${user.username} to delete the projects.`)
      close(projects)
    }
    const choice = h('select', { id: 'field-projects', name: 'projects' },
      others.map(({ id, username }) => h('option', { value: `transfer:${id}` }, `go to ${username}`)),
      h('option', { value: 'delete' }, 'are deleted, with their sites'))
    const body = form({ action: 'Remove', send },
      h('p', {}, 'They are signed out at once, and the account is gone. What they did keeps their name.'),
      h('div', { className: 'field' }, h('label', { htmlFor: 'field-projects' }, user.projects === 1 ? 'Their project' : `Their ${user.projects} projects`), choice),
      field('typed', `To delete, type ${user.username}`, { autocapitalize: 'off', spellcheck: false }))
    const button = body.querySelector('button[type=submit]')
    button.className = 'danger'
    button.before(h('button', { type: 'button', onclick: () => close() }, 'Keep as it is'))
    const dialog = h('dialog', { 'aria-labelledby': 'dialog-title', oncancel: () => close() }, h('h2', { id: 'dialog-title' }, `Remove ${user.username}?`), body)
    document.body.append(dialog)
    dialog.showModal()
  })
}

function invite(reload) {
  const send = async ({ note, role, expiresInHours }) => {
    made = await api('POST', '/invitations', { note, role, expiresInHours: Number(expiresInHours) })
    document.activeElement?.blur()
    await reload()
    document.querySelector('#copy')?.focus()
  }
  const select = (name, label, options) => h('div', { className: 'field' }, h('label', { htmlFor: `field-${name}` }, label),
    h('select', { id: `field-${name}`, name }, options.map(([value, words, selected]) => h('option', { value, selected }, words))))
  return h('details', { id: 'invite' }, h('summary', {}, 'Invite somebody'),
    h('br'),
    form({ action: 'Make a link', send },
      field('note', 'Whom it is for', { hint: 'For you and the other administrators.', maxLength: 200 }),
      select('role', 'They become', [['member', 'a member'], ['admin', 'an administrator']]),
      select('expiresInHours', 'The link stands for', [['24', 'a day'], ['168', 'a week', true], ['720', 'thirty days']])))
}

function link({ url, invitation }) {
  const said = h('span', { className: 'small muted', role: 'status' })
  const copy = async () => {
    address.select()
    try {
      await navigator.clipboard.writeText(url)
      said.textContent = 'Copied.'
    } catch {
      said.textContent = 'Copy it with the keyboard: it is selected.'
    }
  }
  const address = h('input', { id: 'link', readOnly: true, value: url, 'aria-label': 'The link' })
  return h('section', { className: 'panel', 'aria-label': 'A new link' },
    h('p', {}, invitation.passwordOf ? `By this link ${invitation.passwordOf} sets a new password, once, until ` : `By this link somebody becomes ${invitation.role === 'admin' ? 'an administrator' : 'a member'}, once, until `, moment(invitation.expiresAt), '. It is shown now and never again.'),
    address,
    h('div', { className: 'actions' }, h('button', { id: 'copy', type: 'button', className: 'primary', onclick: copy }, 'Copy the link'), said))
}

function invited(invitation, reload) {
  const { id, role, note, passwordOf, createdBy, usedBy } = invitation
  const words = passwordOf ? `a new password for ${passwordOf}` : `for ${role === 'admin' ? 'an administrator' : 'a member'}`
  const what = note ? `${note} (${words})` : words
  return h('li', {},
    h('div', { className: 'cut' }, what),
    h('div', { className: 'actions' }, state(invitation.state), invitation.state === 'pending' && h('button', { id: `revoke-${id}`, 'aria-label': `Withdraw the link: ${what}`, onclick: act(() => api('DELETE', `/invitations/${id}`), reload) }, 'Withdraw')),
    h('div', { className: 'small muted wide' }, `by ${createdBy}, `, moment(invitation.createdAt), usedBy ? [` · used by ${usedBy}, `, moment(invitation.usedAt)] : '', invitation.state === 'pending' ? [' · until ', moment(invitation.expiresAt)] : ''))
}
