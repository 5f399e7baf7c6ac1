// Whoever holds a link: opens an account, or sets the password of the one that it is for.

import { api } from './api.js'
import { field, form, h, moment } from './dom.js'

/** The token of the address, if this is the page of a link. */
export function tokenOf(path) {
  return /^\/invite\/([^/]+)$/.exec(path)?.[1]
}

/** What to say at `/invite/<token>`; `user` is who is signed in here already, if anybody. */
export async function invite(token, user) {
  const home = h('p', {}, h('a', { href: '/' }, user ? 'Go to your projects' : 'Sign in'))
  let offer
  try {
    offer = await api('POST', '/invitations/look', { token })
  } catch (error) {
    if (error.status === 0) throw error
    return ['This link leads nowhere', h('p', {}, sentence(error.message)), h('br'), home]
  }
  if (user && !offer.passwordOf) {
    return ['You have an account', h('p', {}, `You are signed in as ${user.username}, so you need no invitation. It stays good for whoever it is meant for.`), h('br'), home]
  }
  const send = async (values) => {
    await api('POST', '/invitations/accept', { token, ...values })
    // The link is used up: it does not stay in the history.
    location.replace('/')
  }
  const password = field('password', 'Password', { type: 'password', required: true, autocomplete: 'new-password', hint: 'At least 12 characters.' })
  const until = h('p', { className: 'muted' }, 'This link works once, until ', moment(offer.expiresAt), '.')
  if (offer.passwordOf) {
    return ['Set a new password', h('p', {}, `For the account ${offer.passwordOf}. Where it is signed in now, it is signed out.`), until, h('br'),
      form({ action: 'Set it and sign in', send },
        h('input', { name: 'login', value: offer.passwordOf, autocomplete: 'username', hidden: true, readOnly: true }), password)]
  }
  return ['Welcome to Berth', h('p', {}, offer.role === 'admin' ? 'You are invited as an administrator.' : 'You are invited.', ' Choose how you want to sign in.'), until, h('br'),
    offer.github && h('p', {}, h('a', { className: 'button', href: `/api/auth/github?invitation=${encodeURIComponent(token)}` }, 'Continue with GitHub')),
    offer.github && h('h2', {}, 'Or with a password'),
    form({ action: 'Open the account', send },
      field('login', 'Login name or e-mail address', { required: true, autocomplete: 'username', autocapitalize: 'off', spellcheck: false }),
      password),
    h('br'), h('p', { className: 'small muted' }, 'You have an account already? ', h('a', { href: '/' }, 'Sign in'), ' instead; the link stays good.')].filter(Boolean)
}

function sentence(text) {
  return `${text[0].toUpperCase()}${text.slice(1)}.`
}
