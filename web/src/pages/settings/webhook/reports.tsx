/** What GitHub is told of a project, and where that does not get through. No deployment waits for it. */

import { Plural, Trans, useLingui } from '@lingui/react/macro'
import { Link } from '@tanstack/react-router'

import type { Schema } from '~/api/client'
import { Panel } from '~/ui/panel'
import { Ago } from '~/ui/time'

type Report = Schema['ReportBody']

export function Reports({ reports }: { reports: readonly Report[] }) {
  const { t } = useLingui()
  const [newest] = reports
  const stuck = reports.filter(({ problem }) => problem !== null)
  return (
    <Panel title={t`Reports to GitHub`}>
      <p className="max-w-prose p-4 text-muted">
        {stuck.length > 0
          ? <Trans>This did not get through to GitHub. No deployment waits for it.</Trans>
          : newest
            ? <Trans>Commits, deployments and pull requests at GitHub show how builds stand. Last told: <Subject report={newest} />, <Ago at={newest.updatedAt} />.</Trans>
            : <Trans>GitHub has not been told anything of this project yet.</Trans>}
      </p>
      <ul>
        {stuck.map((report) => (
          <li key={report.id} className="grid gap-0.5 border-t border-line px-4 py-2">
            <Subject report={report} />
            <p className="text-sm text-fail"><bdi>{report.problem}</bdi></p>
            <p className="text-sm text-dim">
              <Plural value={report.attempts} one="Tried # time" other="Tried # times" /> · {report.dueAt ? <Trans>again <Ago at={report.dueAt} /></Trans> : <Trans>not tried again by itself</Trans>}
            </p>
          </li>
        ))}
      </ul>
    </Panel>
  )
}

function Subject({ report: { kind, subject } }: { report: Report }) {
  const build = <Link className="link" to="/builds/$build" params={{ build: String(subject) }}><Trans>build {subject}</Trans></Link>
  if (kind === 'status') return <span><Trans>The commit status of {build}</Trans></span>
  if (kind === 'deployment') return <span><Trans>The deployment of {build}</Trans></span>
  if (kind === 'promotion') return <span><Trans>The promotion to deployment {subject}</Trans></span>
  return <span><Trans>The comment on pull request #{subject}</Trans></span>
}
