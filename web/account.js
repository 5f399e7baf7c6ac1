// One's own account: where one is signed in, the tokens of one's programs, and the password.

import { api } from './api.js'
import { act, field, form, h, moment, state } from './dom.js'
import { forgetToken, tokenList } from './tokens.js'

export const account = {
  async load() {
    const [user, sessions, tokens, projects] = await Promise.all([api('GET', '/me'), api('GET', '/sessions'), api('GET', '/tokens'), api('GET', '/projects')])
    return { user, sessions, tokens, projects }
  },
  fresh: () => 10_000,
  leave: forgetToken,
  draw(data, { reload }) {
    const { user, sessions } = data
    const others = sessions.filter(({ current }) => !current)
    return ['Your account',
      h('p', { className: 'muted' }, `You are ${user.username}, ${user.role === 'admin' ? 'an administrator' : 'a member'}.`),
      h('h2', {}, 'Sessions'),
      h('p', { className: 'muted' }, 'Where you are signed in. A session ends thirty days after its last use, or when you end it here: within seconds, with everything that is open in it.'), h('br'),
      h('ul', { className: 'list' }, sessions.map((session) => row(session, reload))),
      others.length > 0 && [h('br'), h('p', {}, h('button', { id: 'end-others', onclick: act(() => api('DELETE', '/sessions'), reload) }, 'End all others'))],
      h('h2', {}, 'API tokens'), tokenList(data, reload),
      user.hasPassword && [h('h2', {}, 'Password'), password(reload)]].flat(Infinity).filter(Boolean)
  },
}

function row(session, reload) {
  const end = act(() => api('DELETE', `/sessions/${session.id}`), reload)
  return h('li', {},
    h('div', { className: 'cut' }, browser(session.userAgent)),
    h('div', { className: 'actions' }, session.current ? state('current', 'this one') : h('button', { id: `end-${session.id}`, 'aria-label': `End the session of ${browser(session.userAgent)}, begun ${session.createdAt}`, onclick: end }, 'End')),
    h('div', { className: 'small muted wide' }, session.address && `from ${session.address}, `, 'since ', moment(session.createdAt), ', last used ', moment(session.lastUsedAt)))
}

/** `Firefox on Linux`, or what the client calls itself. */
function browser(agent) {
  if (!agent) return 'A client without a name'
  const name = [[/Edg\//, 'Edge'], [/Firefox\//, 'Firefox'], [/Chrome\//, 'Chrome'], [/Safari\//, 'Safari']].find(([sign]) => sign.test(agent))?.[1]
  const system = [[/Android/, 'Android'], [/iPhone|iPad/, 'iOS'], [/Windows/, 'Windows'], [/Mac OS X/, 'macOS'], [/Linux/, 'Linux']].find(([sign]) => sign.test(agent))?.[1]
  return name ? `${name}${system ? ` on ${system}` : ''}` : agent.split(' ')[0]
}

function password(reload) {
  const send = async (values) => {
    await api('PUT', '/me/password', values)
    document.activeElement?.blur()
    await reload()
  }
  return h('details', { id: 'change-password' }, h('summary', {}, 'Change the password'),
    h('br'),
    h('p', { className: 'muted' }, 'Your other sessions end.'), h('br'),
    form({ action: 'Change it', send },
      field('oldPassword', 'Old password', { type: 'password', required: true, autocomplete: 'current-password' }),
      field('password', 'New password', { type: 'password', required: true, autocomplete: 'new-password', hint: 'At least 12 characters.' })))
}
