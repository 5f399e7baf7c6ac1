// What GitHub is told of a project, where that does not get through.

import { ago, h, moment } from './dom.js'

const SUBJECTS = {
  status: (id) => ['the commit status of ', build(id)], deployment: (id) => ['the deployment of ', build(id)],
  promotion: (id) => `the promotion to deployment ${id}`, comment: (id) => `the comment on pull request #${id}`,
}

const build = (id) => h('a', { href: `#/builds/${id}` }, `build ${id}`)

export function reportList({ reports }) {
  if (!reports.length) return h('p', { className: 'muted' }, 'GitHub has not been told anything of this project yet.')
  const stuck = reports.filter(({ problem }) => problem)
  const [newest] = reports
  const last = h('p', { className: 'muted' }, 'Commits, deployments and pull requests at GitHub show how builds stand. Last told of ', subject(newest), ' ', ago(newest.updatedAt), '.')
  if (!stuck.length) return last
  return h('div', {}, h('p', { className: 'muted' }, 'This did not get through to GitHub. No deployment waits for it.'), h('br'),
    h('ul', { className: 'list' }, stuck.map((report) => h('li', {},
      h('div', { className: 'wide' }, subject(report)),
      h('div', { className: 'small problem wide' }, report.problem),
      h('div', { className: 'small muted wide' }, `tried ${report.attempts} time${report.attempts === 1 ? '' : 's'}`, report.dueAt ? [' · again ', moment(report.dueAt)] : ' · not tried again by itself')))))
}

function subject({ kind, subject: id }) {
  return SUBJECTS[kind]?.(id) ?? `${kind} ${id}`
}
