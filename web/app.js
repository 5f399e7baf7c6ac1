// The frame: who is signed in, which page is shown, and the one timer that keeps a page fresh.

import { api } from './api.js'
import { build } from './build.js'
import { h } from './dom.js'
import { project } from './project.js'
import { newProject, projects } from './projects.js'
import { setUp, signIn } from './sign-in.js'

const main = document.querySelector('#main')
const account = document.querySelector('#account')
const status = document.querySelector('#status')

/** Each page: `load(id)` fetches, `draw(data, page)` returns elements; `fresh(data)` is ms until the next load, or 0. */
const PAGES = [
  [/^#?\/?$/, projects],
  [/^#\/new$/, newProject],
  [/^#\/projects\/(\d+)$/, project],
  [/^#\/builds\/(\d+)$/, build],
]

let shown = 0
let timer

function say(text) {
  status.textContent = text
  status.hidden = !text
}

/** Shows the page of the address. A page that is shown again keeps its focus and scroll. */
async function show({ again = false } = {}) {
  clearTimeout(timer)
  const turn = ++shown
  const [page, id] = find()
  if (!page) {
    return put(again, 'Nothing here', h('p', {}, 'There is no page at this address. ', h('a', { href: '#/' }, 'Go to your projects')))
  }
  let data
  try {
    data = await page.load(id)
    say('')
  } catch (error) {
    if (turn !== shown) return
    if (error.status === 401) return start()
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
  const heading = h('h1', { tabIndex: -1 }, title)
  main.replaceChildren(...(content.some((part) => part.querySelector?.('h1')) ? [] : [heading]), ...content)
  document.title = `${title} · Berth`
  if (focused) document.getElementById(focused)?.focus()
  else if (!again) main.querySelector('h1').focus()
}

/** Whoever types or answers a question is not interrupted. */
function isEditing() {
  const active = document.activeElement
  return Boolean(document.querySelector('dialog[open]')) || (main.contains(active) && active.matches('input, textarea'))
}

/** Who is it? Then the page, or the way in. */
async function start() {
  clearTimeout(timer)
  try {
    const user = await api('GET', '/me')
    account.replaceChildren(h('span', { className: 'muted' }, user.username), h('button', { type: 'button', onclick: signOut }, 'Sign out'))
    return show()
  } catch (error) {
    account.replaceChildren()
    if (error.status !== 401) {
      say(error.message)
      timer = setTimeout(start, 2_000)
      return
    }
  }
  const { done, github } = await api('GET', '/setup')
  const page = done ? signIn(github) : setUp()
  say('')
  put(false, page.title, page.content(start))
}

async function signOut() {
  await api('DELETE', '/sessions/current').catch((error) => say(error.message))
  start()
}

addEventListener('hashchange', () => show())
document.addEventListener('visibilitychange', () => {
  if (!document.hidden && timer) show({ again: true })
})
start()
