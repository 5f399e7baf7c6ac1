// The variables that builds get: which there are and where they count, never what they say.

import { api } from './api.js'
import { act, field, form, h } from './dom.js'

const SCOPES = { both: 'production and previews', production: 'production only', preview: 'previews only' }
const KINDS = { secret: 'secret, not shown', plain: 'plain' }

export function variableList({ project, variables }, reload) {
  const list = variables.length > 0 && h('ul', { className: 'list' }, variables.map((variable) => h('li', {},
    h('div', { className: 'cut' }, h('code', {}, variable.key)),
    h('button', { id: `remove-${variable.id}`, 'aria-label': `Remove ${variable.key} (${SCOPES[variable.scope]})`, onclick: act(() => api('DELETE', `/variables/${variable.id}`), reload) }, 'Remove'),
    h('div', { className: 'small muted wide' }, `${SCOPES[variable.scope]} · ${KINDS[variable.kind]}`))))
  const send = async (values) => {
    try {
      await api('PUT', `/projects/${project.id}/variables`, { variables: [values] })
    } catch (error) {
      // The server names the one of the list; here there is one, and its key is what can be wrong.
      for (const problem of error.fields ?? []) problem.field = 'key'
      throw error
    }
    document.querySelector('#set-variable').open = false
    document.activeElement?.blur()
    await reload()
  }
  return h('div', {},
    h('p', { className: 'muted' }, 'Builds get these in their environment, from the next one on. A value is never shown again. One for its environment alone goes before one for both.'), h('br'),
    list || null, list && h('br'),
    h('details', { id: 'set-variable', 'data-keep': true }, h('summary', {}, 'Set a variable'),
      h('br'),
      form({ action: 'Set', send },
        field('key', 'Key', { required: true, autocapitalize: 'off', spellcheck: false, placeholder: 'API_TOKEN' }),
        field('value', 'Value', { multiline: true, rows: 2, spellcheck: false }),
        choice('scope', 'Where it counts', SCOPES),
        choice('kind', 'What it is', { secret: 'a secret: masked in logs, never given to a fork’s build', plain: 'plain: anybody may see it' }))))
}

function choice(name, label, options) {
  return h('div', { className: 'field' }, h('label', { htmlFor: `field-${name}` }, label),
    h('select', { id: `field-${name}`, name }, Object.entries(options).map(([value, words]) => h('option', { value }, words))))
}
