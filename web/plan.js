// How a project is built: what its owner has set, and what Berth decided and why.

import { field, h } from './dom.js'

/** The settings that change a build, by the names that they have in the API. */
const SETTINGS = {
  rootDirectory: ['Root directory', { placeholder: 'the top', hint: 'Where the project is, in a repository that holds several.' }],
  installCommand: ['Install command', {}],
  buildCommand: ['Build command', {}],
  outputDirectory: ['Output directory', {}],
  nodeVersion: ['Node version', {}],
}

/** What else a plan decides. */
const DECISIONS = { framework: 'Framework', dockerfile: 'Dockerfile', image: 'Image', packageManager: 'Package manager', tools: 'Tool', startCommand: 'Start command' }

/** In the order in which a build meets them. */
const ORDER = ['rootDirectory', 'framework', 'dockerfile', 'image', 'packageManager', 'tools', 'installCommand', 'buildCommand', 'outputDirectory', 'startCommand']

/** Their fields, filled with what a project is set to. */
export function settingFields(project = {}) {
  const build = project.buildCommand === ''
  const fields = Object.entries(SETTINGS).map(([name, [label, properties]]) =>
    field(name, label, { placeholder: 'detected', value: project[name] ?? '', autocapitalize: 'off', spellcheck: false, ...properties }))
  const noBuild = h('label', {}, h('input', { type: 'checkbox', name: 'noBuild', className: 'check', checked: build }), ' Build nothing, publish the files as they are')
  fields.splice(3, 0, noBuild)
  return h('div', { className: 'fields' }, fields)
}

/** What those fields say: `null` is left to detection, an empty build command is none. */
export function settingValues({ noBuild, ...values }) {
  for (const name of Object.keys(SETTINGS)) values[name] ||= null
  if (noBuild) values.buildCommand = ''
  return values
}

/** What else a failure can name. */
const OTHERS = { branch: 'Branch', repoUrl: 'Repository', repoToken: 'Access token', github: 'The connected GitHub account' }

/** The setting that a failure names, as its field is called; one of the operator's by its own name. */
export function settingName(name) {
  return SETTINGS[name]?.[0] ?? OTHERS[name] ?? h('code', {}, name)
}

/** Whether a project's owner can change it. */
export const isSetting = (name) => name in SETTINGS

/** What Berth decided and why; what the owner should know of it is not folded away. */
export function planned(plan, isOpen) {
  const list = reasons(plan)
  return [
    warnings(plan),
    list && h('details', { className: 'plan', open: isOpen }, h('summary', { id: 'plan' }, 'How it is built, and why'), list),
  ].filter(Boolean)
}

/** The same before there is a build: nothing is folded away. */
export function decisions(plan) {
  const list = reasons(plan)
  return [warnings(plan), list && h('div', { className: 'plan' }, list)].filter(Boolean)
}

/** Why a plan is not carried out. */
export function refused({ title, detail, setting }) {
  return h('div', { className: 'problem', role: 'alert' }, h('p', {}, h('strong', {}, title)), h('p', {}, detail),
    setting && isSetting(setting) && h('p', { className: 'small' }, 'The setting that changes this: ', settingName(setting)))
}

function warnings(plan) {
  const all = (plan?.services ?? []).flatMap((service) => service.warnings ?? [])
  return all.length > 0 && h('ul', { className: 'warnings', 'aria-label': 'Warnings' }, all.map((text) => h('li', {}, text)))
}

function reasons(plan) {
  const all = (plan?.services ?? []).flatMap(({ toolchain, ...service }) => {
    const decided = { ...toolchain, ...service }
    return ORDER.flatMap((name) => [decided[name] ?? []].flat().map((decision) => [name, decision]))
  })
  return all.length > 0 && h('dl', {}, all.map(([name, { value, reason }]) =>
    [h('dt', {}, SETTINGS[name]?.[0] ?? DECISIONS[name]), h('dd', {}, h('code', {}, shown(value)), ' ', h('span', { className: 'muted' }, reason))]))
}

/** `hugo 0.140.0` of a tool; the top of the repository has no name. */
function shown(value) {
  if (value && typeof value === 'object') return [value.name, value.version].filter(Boolean).join(' ')
  return value === '' ? '.' : String(value)
}
