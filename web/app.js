// The frame: who is signed in, which page is shown, and the one timer that keeps a page fresh.

import { account as ownAccount } from './account.js'
import { api } from './api.js'
import { build } from './build.js'
import { h } from './dom.js'
import { invite, tokenOf } from './invite.js'
import { newProject } from './new.js'
import { project } from './project.js'
import { projects } from './projects.js'
import { settings } from './settings.js'
import { setUp, signIn } from './sign-in.js'
import { users } from './users.js'

const main = document.querySelector('#main')
const account = document.querySelector('#account')
const status = document.querySelector('#status')

/**
 * Each page: `load(id)` fetches, `draw(data, page)` returns elements; `fresh(data)` is ms until the next load, or 0;
 * `leave()` forgets what the page kept.
 */
const PAGES = [
  [/^#?\/?$/, projects],
  [/^#\/new$/, newProject],
  [/^#\/projects\/(\d+)$/, project],
  [/^#\/projects\/(\d+)\/settings$/, settings],
  [/^#\/builds\/(\d+)$/, build],
  [/^#\/account$/, ownAccount],
  [/^#\/users$/, users],
]

/** What the page before wants to have said on this one. */
let announcement = ''
let said = ''
let shown = 0
let current
let timer

function say(text) {
  status.textContent = text
  status.hidden = !text
}

/** Shows the page of the address. A page that is shown again keeps its focus and scroll. */
async function show({ again = false } = {}) {
  clearTimeout(timer)
  timer = undefined
  const turn = ++shown
  const [page, id] = find()
  if (current !== page) current?.leave?.()
  current = page
  if (!page) {
    return put(again, 'Nothing here', h('p', {}, 'There is no page at this address. ', h('a', { href: '#/' }, 'Go to your projects')))
  }
  let data
  try {
    data = await page.load(id)
    if (!again) {
      said = announcement
      announcement = ''
    }
    say(said)
  } catch (error) {
    if (turn !== shown) return
    if (error.status === 401) return start()
    if (error.status === 403) return put(again, 'Not for you', h('p', {}, `${error.message}. `, h('a', { href: '#/' }, 'Go to your projects')))
    if (error.status === 404) return put(again, 'Nothing here', h('p', {}, 'It was deleted, or it is somebody else’s. ', h('a', { href: '#/' }, 'Go to your projects')))
    say(error.message)
    timer = setTimeout(() => show({ again: true }), 4_000)
    return
  }
  if (turn !== shown) return
  if (!(again && page.update?.(data, main))) put(again, ...page.draw(data, { reload: () => show({ again: true }) }))
  const wait = page.fresh?.(data) ?? 0
  if (wait) timer = setTimeout(() => show({ again: true }), wait)
}

function find() {
  for (const [pattern, page] of PAGES) {
    const match = pattern.exec(location.hash)
    if (match) return [page, match[1]]
  }
  return []
}

/** Puts a page in place: its title is the heading, and gets the focus when somebody went there. */
function put(again, title, ...content) {
  if (again && isEditing()) return
  const focused = again ? document.activeElement?.id : undefined
  const unfolded = again ? [...main.querySelectorAll('details[open][id]')].map(({ id }) => id) : []
  // Where somebody types, it stays with what was typed there.
  const kept = again ? main.querySelectorAll('details[open][data-keep]') : []
  const heading = h('h1', { tabIndex: -1 }, title)
  main.replaceChildren(...(content.some((part) => part.querySelector?.('h1')) ? [] : [heading]), ...content)
  for (const details of kept) document.getElementById(details.id)?.replaceWith(details)
  document.title = `${title} · Berth`
  for (const id of unfolded) document.getElementById(id)?.setAttribute('open', '')
  if (focused) document.getElementById(focused)?.focus()
  else if (!again) main.querySelector('h1').focus()
}

/** Whoever types or answers a question is not interrupted. */
function isEditing() {
  const active = document.activeElement
  return Boolean(document.querySelector('dialog[open]')) || (main.contains(active) && active.matches('input, textarea, select, form button[type=submit]'))
}

/** Who is it? Then the page, or the way in. */
async function start() {
  clearTimeout(timer)
  timer = undefined
  shown += 1
  // What a page kept is not for whoever signs in next.
  current?.leave?.()
  current = undefined
  try {
    const user = await whoIsIt()
    account.replaceChildren(...(user ? greeting(user) : []))
    const token = tokenOf(location.pathname)
    if (token) {
      put(false, ...await invite(token, user))
    } else if (user) {
      return show()
    } else {
      const setup = await api('GET', '/setup')
      const page = setup.done ? signIn(setup) : setUp()
      put(false, page.title, page.content(start))
    }
    say('')
  } catch (error) {
    say(error.message)
    timer = setTimeout(start, 2_000)
  }
}

/** The user who is signed in here, if anybody. */
async function whoIsIt() {
  try {
    return await api('GET', '/me')
  } catch (error) {
    if (error.status === 401) return undefined
    throw error
  }
}

/** The links of the page of an invitation lead back to the pages at `/`. */
function greeting(user) {
  return [
    user.githubRefused && h('a', { href: '/api/auth/github', className: 'problem' }, 'Reconnect GitHub'),
    user.role === 'admin' && h('a', { href: '/#/users' }, 'Users'),
    h('a', { href: '/#/account', className: 'cut' }, user.username),
    h('button', { type: 'button', onclick: signOut }, 'Sign out'),
  ].filter(Boolean)
}

async function signOut() {
  await api('DELETE', '/sessions/current').catch((error) => say(error.message))
  start()
}

addEventListener('hashchange', () => show())
addEventListener('announcement', ({ detail }) => {
  announcement = detail
})
// The address after the # is the page's name, so this link may not change it.
document.querySelector('.skip').addEventListener('click', (event) => {
  event.preventDefault()
  main.focus()
})
document.addEventListener('visibilitychange', () => {
  if (!document.hidden && timer) show({ again: true })
})
start()
