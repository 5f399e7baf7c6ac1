// The ways in: the setup token once, then a password or GitHub.

import { api } from './api.js'
import { field, form, h } from './dom.js'

/** The first visit: whoever holds the token becomes the administrator. */
export function setUp() {
  return {
    title: 'Set up Berth',
    content: (done) => h('div', {},
      h('p', { className: 'muted' }, 'Nobody has an account yet. The server printed a setup token when it started, and keeps it in the file ', h('code', {}, 'setup-token'), ' in its data directory.'),
      h('br'),
      form({
        action: 'Make me the administrator',
        send: async (values) => {
          await api('POST', '/setup', values)
          done()
        },
      },
      field('setupToken', 'Setup token', { required: true, spellcheck: false }),
      field('login', 'Login name or e-mail address', { required: true, autocomplete: 'username' }),
      field('password', 'Password', { type: 'password', required: true, autocomplete: 'new-password', hint: 'At least 12 characters.' }))),
  }
}

/** Every other visit. Where anybody may open an account, there is a way to. */
export function signIn({ github, registration }) {
  return {
    title: 'Sign in',
    content: (done) => h('div', {},
      github && h('p', {}, h('a', { className: 'button', href: '/api/auth/github' }, 'Sign in with GitHub')),
      github && h('h2', {}, 'Or with a password'),
      form({
        action: 'Sign in',
        send: async (values) => {
          await api('POST', '/sessions', values)
          done()
        },
      },
      field('login', 'Login name or e-mail address', { required: true, autocomplete: 'username' }),
      field('password', 'Password', { type: 'password', required: true, autocomplete: 'current-password' })),
      registration && h('details', { className: 'apart' }, h('summary', {}, 'Open an account'),
        h('br'),
        form({
          action: 'Open it',
          send: async (values) => {
            await api('POST', '/users', values)
            done()
          },
        },
        h('div', { className: 'field' }, h('label', { htmlFor: 'new-login' }, 'Login name or e-mail address'),
          h('input', { id: 'new-login', name: 'login', required: true, autocomplete: 'username', autocapitalize: 'off', spellcheck: false })),
        h('div', { className: 'field' }, h('label', { htmlFor: 'new-password' }, 'Password (at least 12 characters)'),
          h('input', { id: 'new-password', name: 'password', type: 'password', required: true, autocomplete: 'new-password' }))))),
  }
}
