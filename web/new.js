// A new project: a repository is chosen, Berth says what it finds there, and Deploy puts it live.

import { api } from './api.js'
import { announce, explain, field, form, h, moment } from './dom.js'
import { decisions, refused, settingFields, settingValues } from './plan.js'

export const newProject = {
  async load() {
    const [user, setup] = await Promise.all([api('GET', '/me'), api('GET', '/setup')])
    if (!user.githubConnected) return { setup }
    try {
      return { setup, accounts: (await api('GET', '/github/organizations')).organizations }
    } catch (problem) {
      if (problem.status === 401) throw problem
      return { setup, problem }
    }
  },
  draw(data) {
    const page = h('div', { id: 'connect' })
    const choose = () => page.replaceChildren(chooser(data, chosen))
    const chosen = (source) => page.replaceChildren(connecting(source, choose))
    choose()
    return ['New project',
      h('p', { className: 'muted' }, 'Berth fetches a branch, finds out how to build it, and puts the result live. What it finds is shown before anything is built.'),
      h('br'),
      page]
  },
}

/** The repositories of a GitHub account, and the field for every other address. */
function chooser({ setup, accounts, problem }, chosen) {
  const other = h('details', { id: 'other', open: !accounts },
    h('summary', {}, accounts ? 'Another git address' : 'A git address'), h('br'),
    address(chosen))
  return h('div', {},
    accounts && repositories(accounts, chosen),
    problem && h('p', { className: 'problem', role: 'alert' }, explain(problem)),
    !accounts && !problem && setup.github && h('p', {}, h('a', { className: 'button', href: '/api/auth/github' }, 'Connect GitHub'), ' ', h('span', { className: 'muted' }, 'to pick from your repositories')),
    h('br'),
    other)
}

function repositories(accounts, chosen) {
  const list = h('ul', { className: 'list', 'aria-label': 'Repositories' })
  const said = h('p', { className: 'small muted', role: 'status' })
  const more = h('button', { type: 'button', hidden: true }, 'Show more')
  const account = h('select', { id: 'account', onchange: () => load() }, accounts.map(({ login }, index) => h('option', { value: index ? login : '' }, login)))
  const search = h('input', { id: 'search', type: 'search', autocomplete: 'off', spellcheck: false, oninput: () => later() })
  let turn = 0
  let timer
  const later = () => {
    clearTimeout(timer)
    timer = setTimeout(load, 400)
  }
  async function load(page = 1) {
    clearTimeout(timer)
    const mine = ++turn
    const words = search.value.trim()
    said.textContent = 'Asking GitHub…'
    more.hidden = true
    try {
      const query = new URLSearchParams({ org: account.value, q: words, page })
      const { repos, nextPage } = await api('GET', `/github/repositories?${query}`)
      if (mine !== turn) return
      const rows = repos.map((repo) => h('li', {},
        h('div', { className: 'cut' }, h('span', { className: 'muted' }, `${repo.owner}/`), h('span', { className: 'name' }, repo.name)),
        h('button', { type: 'button', 'aria-label': `Choose ${repo.owner}/${repo.name}`, onclick: () => chosen({ ...repo, github: true }) }, 'Choose'),
        repo.updatedAt && h('div', { className: 'small muted' }, 'changed ', moment(repo.updatedAt))))
      if (page === 1) list.replaceChildren(...rows)
      else list.append(...rows)
      list.hidden = !list.childElementCount
      said.textContent = list.childElementCount ? '' : words ? `No repository of this account has “${words}” in its name.` : 'This account has no repositories that you may see.'
      more.hidden = !nextPage
      more.onclick = () => load(nextPage)
      if (page > 1) rows[0]?.querySelector('button').focus()
    } catch (error) {
      if (mine !== turn) return
      list.hidden = true
      said.replaceChildren(...explain(error))
    }
  }
  list.hidden = true
  load()
  return h('section', { className: 'panel', 'aria-label': 'Your repositories at GitHub' },
    h('div', { className: 'pair' },
      h('div', { className: 'field' }, h('label', { htmlFor: 'account' }, 'Account'), account),
      h('div', { className: 'field' }, h('label', { htmlFor: 'search' }, 'Search by name'), search)),
    said, list, h('div', {}, more))
}

/** Any https address; a private repository's with an access token. */
function address(chosen) {
  const send = async ({ repoUrl, branch, repoToken, repoUser }) => {
    const name = repoUrl.replace(/\/+$/, '').replace(/\.git$/, '').split('/').pop()
    chosen({ repoUrl, branch, name, repoToken: repoToken || undefined, repoUser: repoUser || undefined })
  }
  return form({ action: 'Go on', send },
    field('repoUrl', 'Repository', { type: 'url', required: true, placeholder: 'https://git.example.org/owner/name', autocapitalize: 'off', spellcheck: false }),
    field('branch', 'Branch', { required: true, value: 'main', autocapitalize: 'off', spellcheck: false }),
    h('details', {}, h('summary', {}, 'It is private'), h('br'),
      h('div', { className: 'fields' },
        field('repoToken', 'Access token', { type: 'password', hint: 'One that can read the repository. It is kept sealed, for this host only, and never shown again.' }),
        field('repoUser', 'User', { placeholder: 'oauth2', autocapitalize: 'off', spellcheck: false, hint: 'GitHub, GitLab, Gitea and Forgejo need none.' }))))
}

/** A project's name out of a repository's: what a host name can hold. */
function nameOf(repository = '') {
  return repository.toLowerCase().replace(/[^a-z0-9]+/g, '-').slice(0, 63).replace(/^-+|-+$/g, '')
}

/** What was chosen, what is found in it, and the way to deploy it. */
function connecting(source, choose) {
  const { repoUrl, repoToken, repoUser, github } = source
  const options = h('datalist', { id: 'branches' })
  const branch = field('branch', 'Branch', { required: true, value: source.branch ?? 'main', autocapitalize: 'off', spellcheck: false, ...(github && { list: 'branches' }) })
  const input = branch.querySelector('input')
  const found = h('div', { id: 'found' })
  const settings = h('details', { id: 'change-plan' }, h('summary', {}, 'Build it another way'))
  let element

  const given = () => Object.fromEntries(Object.entries(settingValues(Object.fromEntries(new FormData(element)))).filter(([name, value]) => value !== null && name !== 'name'))
  const look = lookAt(found, () => ({ repoUrl, repoToken, repoUser, ...given() }), (plan) => shown(settings, plan))
  settings.append(h('br'), settingFields(), h('br'), h('button', { type: 'button', id: 'look-again', onclick: () => look() }, 'Look again with these'))

  const names = availability(source.name)
  const send = async (values) => {
    const { build, note } = await api('POST', '/projects', { ...given(), name: values.name, repoUrl, repoToken, repoUser })
    if (note) announce(`${note[0].toUpperCase()}${note.slice(1)}.`)
    location.hash = `#/builds/${build.id}`
  }
  element = form({ action: 'Deploy', send },
    h('section', { className: 'panel', 'aria-label': 'Repository' },
      h('div', { className: 'head' }, h('strong', { className: 'cut' }, repoUrl.replace(/^https?:\/\//, '')), h('button', { type: 'button', id: 'choose-another', onclick: choose }, 'Choose another')),
      branch, options),
    h('section', { className: 'panel', 'aria-label': 'What Berth finds' }, found, settings),
    h('section', { className: 'panel', 'aria-label': 'Name and address' }, names))
  element.classList.add('wide')

  if (github) suggestBranches(input, options, `${source.owner}/${source.name}`)
  input.addEventListener('change', () => look())
  queueMicrotask(() => {
    look()
    element.querySelector('button[type=submit]').focus()
  })
  return element
}

/** Asks for the plan, and again when asked; an earlier question is given up. */
function lookAt(found, body, shown) {
  let asking
  // It stays, so that whoever listens hears it change.
  const said = h('p', { role: 'status' })
  return async () => {
    asking?.abort()
    const mine = asking = new AbortController()
    said.replaceChildren(`Looking at ${body().branch}…`)
    found.replaceChildren(said)
    try {
      const { commit, plan, refusal } = await api('POST', '/detections', body(), { signal: mine.signal })
      if (mine !== asking) return
      shown(plan)
      said.replaceChildren(h('strong', {}, 'What Berth finds'), ' ', h('span', { className: 'muted' }, 'at ', h('code', {}, commit.hash.slice(0, 7)), ` ${commit.message.split('\n')[0]}`))
      found.append(...(refusal ? [refused(refusal)] : []), ...decisions(plan))
    } catch (error) {
      if (mine !== asking) return
      found.replaceChildren(h('p', { className: 'problem', role: 'alert' }, explain(error)))
    }
  }
}

/** What is left out is what was found: the fields say so. */
function shown(settings, { services: [service] }) {
  const detected = { ...service, ...service.toolchain }
  for (const input of settings.querySelectorAll('input[name]')) {
    const value = detected[input.name]?.value
    if (typeof value === 'string' && value && input.type === 'text') input.placeholder = value
  }
}

/** The first hundred branches at once, and those that begin as what is typed. */
function suggestBranches(input, options, repo) {
  const suggest = async (q) => {
    const query = new URLSearchParams({ repo, q })
    const answer = await api('GET', `/github/branches?${query}`).catch(() => undefined)
    if (answer) options.replaceChildren(...answer.branches.map(({ name }) => h('option', { value: name })))
    return answer?.nextPage
  }
  let timer
  suggest('').then((isMore) => {
    if (isMore) {
      input.addEventListener('input', () => {
        clearTimeout(timer)
        timer = setTimeout(() => suggest(input.value.trim()), 400)
      })
    }
  })
}

/** The name, and whether its address is free, as somebody types. */
function availability(repository) {
  const said = h('p', { className: 'small muted', role: 'status' })
  const name = field('name', 'Name', { required: true, value: nameOf(repository), autocapitalize: 'off', spellcheck: false })
  const input = name.querySelector('input')
  let turn = 0
  let timer
  const ask = async () => {
    const mine = ++turn
    if (!input.value) return said.replaceChildren('The first part of its address: lower-case letters, digits and hyphens.')
    const answer = await api('GET', `/projects/name-available?${new URLSearchParams({ name: input.value })}`).catch(() => undefined)
    if (mine !== turn || !answer) return
    said.replaceChildren(...(answer.available ? ['It will be at ', h('code', {}, answer.url)] : [h('span', { className: 'problem' }, answer.reason)]))
  }
  input.addEventListener('input', () => {
    clearTimeout(timer)
    timer = setTimeout(ask, 250)
  })
  ask()
  return h('div', {}, name, said)
}
