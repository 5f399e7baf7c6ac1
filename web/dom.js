// Elements from data. Text only ever becomes text: nothing here parses HTML.

/** An element: properties set on it, `aria-…`, `data-…` and the like as attributes, the rest appended. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value)
    else if (name in element && name !== 'list') element[name] = value
    else if (value !== false) element.setAttribute(name, value === true ? '' : value)
  }
  element.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false))
  return element
}

const SIGNS = {
  queued: '◌', pending: '◌', running: '◔', used: '✓', expired: '⊘', revoked: '⊘', deactivated: '⊘', current: '●', passed: '✓', failed: '✕', canceled: '⊘', superseded: '»',
  ready: '○', live: '●', retired: '○', rolled_back: '↺', skipped: '»', held: '‖',
  built: '✓', ignored: '○', duplicate: '»', refused: '✕', works: '✓', broken: '✕', off: '○',
}

/** A state as sign and word. */
export function state(name, words = name.replace('_', ' ')) {
  return h('span', { className: `state ${name}` }, h('span', { 'aria-hidden': 'true' }, SIGNS[name] ?? '·'), words)
}

const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })

/** A moment, in the reader's words. */
export function moment(text) {
  return h('time', { dateTime: text }, MOMENT.format(new Date(text)))
}

const AGO = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' })
const UNITS = [['day', 86_400], ['hour', 3_600], ['minute', 60]]

/** How long ago it is: `3 hours ago`; the moment itself on pointing at it. */
export function ago(text) {
  const seconds = (new Date(text) - Date.now()) / 1_000
  const [unit, size] = UNITS.find(([, size]) => -seconds >= size) ?? ['second', 1]
  const words = unit === 'second' ? 'just now' : AGO.format(Math.round(seconds / size), unit)
  return h('time', { dateTime: text, title: MOMENT.format(new Date(text)) }, words)
}

/** A duration in milliseconds: `0.4 s`, `12 s`, `2 min 5 s`. */
export function took(ms) {
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}

/** A labelled input with its hint and room for what is wrong with it. */
export function field(name, label, { hint, multiline, ...properties } = {}) {
  const id = `field-${name}`
  const hints = [hint && `${id}-hint`, `${id}-problem`].filter(Boolean).join(' ')
  return h('div', { className: 'field' },
    h('label', { htmlFor: id }, label),
    h(multiline ? 'textarea' : 'input', { id, name, 'aria-describedby': hints, autocomplete: 'off', ...properties }),
    hint && h('p', { id: `${id}-hint`, className: 'small muted' }, hint),
    h('p', { id: `${id}-problem`, className: 'small problem', hidden: true }))
}

/** A form that sends itself by `send(values)` and shows what the server finds wrong, each problem under its field. */
export function form({ action, send }, ...children) {
  const problem = h('p', { className: 'problem', role: 'alert', hidden: true })
  const button = h('button', { className: 'primary', type: 'submit' }, action)
  const submit = async (event) => {
    event.preventDefault()
    if (button.disabled) return
    show(problem, '')
    for (const input of element.elements) {
      if (input.name) tell(element, input.name, '')
    }
    button.disabled = true
    try {
      await send(Object.fromEntries(new FormData(element)))
    } catch (error) {
      const loose = (error.fields ?? []).filter(({ field: name, message }) => !tell(element, name, message))
      show(problem, ...(error.fields?.length ? [loose.map(({ message }) => message).join(' ')] : explain(error)))
      element.querySelector('[aria-invalid=true]')?.focus()
    } finally {
      button.disabled = false
    }
  }
  const element = h('form', { onsubmit: submit, noValidate: true }, children, problem, h('div', { className: 'actions' }, button))
  return element
}

function tell(element, name, message) {
  const line = element.querySelector(`#field-${CSS.escape(name)}-problem`)
  if (!line) return false
  show(line, message)
  const input = element.elements[name]
  if (message) input.setAttribute('aria-invalid', 'true')
  else input.removeAttribute('aria-invalid')
  const fold = input.closest('details')
  if (message && fold) fold.open = true
  return true
}

function show(line, ...content) {
  line.replaceChildren(...content)
  line.hidden = !line.textContent
}

const RECONNECT = ['github_reconnect', 'github_not_connected']

/** What went wrong, with the way to where it is put right. */
export function explain({ code, message, fields }) {
  const again = RECONNECT.includes(code) && h('a', { href: '/api/auth/github' }, code === 'github_reconnect' ? 'Reconnect GitHub' : 'Connect GitHub')
  const said = fields?.length ? fields.map((field) => field.message).join(' ') : message
  return [said, again && ' ', again].filter(Boolean)
}

/** Says something above the page that comes next. */
export function announce(text) {
  dispatchEvent(new CustomEvent('announcement', { detail: text }))
}

/** Runs an action and shows the page anew; what goes wrong stands beside the button. */
export function act(action, reload) {
  return async (event) => {
    const button = event.currentTarget
    button.parentElement.querySelector('[role=alert]')?.remove()
    button.disabled = true
    try {
      await action()
      await reload()
    } catch (error) {
      button.after(h('span', { className: 'problem small', role: 'alert' }, explain(error)))
    } finally {
      button.disabled = false
    }
  }
}

/** Asks before something that visitors notice. `lines`: what changes, what stays, what comes next. */
export function confirm({ title, lines, action, typed, danger }) {
  return new Promise((resolve) => {
    const close = (answer) => {
      dialog.close()
      dialog.remove()
      resolve(answer)
    }
    const send = async (values) => {
      if (typed && values.typed !== typed) throw new Error(`Type ${typed} to go on.`)
      close(true)
    }
    const body = form({ action, send }, lines.map((line) => h('p', {}, line)),
      typed && field('typed', `Type ${typed} to confirm`, { autocapitalize: 'off', spellcheck: false }))
    const button = body.querySelector('button[type=submit]')
    if (danger) button.className = 'danger'
    button.before(h('button', { type: 'button', onclick: () => close(false) }, 'Keep as it is'))
    const dialog = h('dialog', { 'aria-labelledby': 'dialog-title', oncancel: () => close(false) },
      h('h2', { id: 'dialog-title' }, title), body)
    document.body.append(dialog)
    dialog.showModal()
  })
}
