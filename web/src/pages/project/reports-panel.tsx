/** What did not get through to GitHub of a project; nothing, where all did. */

import { Plural, Trans } from '@lingui/react/macro'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'

import type { Schema } from '~/api/client'
import { sentence } from '~/api/errors'
import { English } from '~/ui/english'
import { Panel } from '~/ui/panel'
import { Ago } from '~/ui/time'
import { reportsQuery } from './queries'

type Report = Schema['ReportBody']

export function ReportsPanel({ project }: { project: number }) {
  const { data: reports = [] } = useQuery(reportsQuery(project))
  const newest = reports[0]
  if (!newest) return null
  const stuck = reports.filter(({ problem }) => problem !== null)
  return (
    <Panel title={<Trans>Told to GitHub</Trans>}>
      {stuck.length === 0
        ? <p className="p-4 text-sm text-muted"><Trans>Commits, deployments and pull requests at GitHub show how builds stand. Last told of <Subject of={newest} />, <Ago at={newest.updatedAt} />.</Trans></p>
        : (
          <>
            <p className="border-b border-line px-4 py-2.5 text-sm text-muted"><Trans>This did not get through to GitHub. No deployment waits for it.</Trans></p>
            <ul>{stuck.map((report) => <Stuck key={report.id} report={report} />)}</ul>
          </>
        )}
    </Panel>
  )
}

function Stuck({ report }: { report: Report }) {
  const { attempts, dueAt } = report
  return (
    <li className="grid gap-0.5 border-line px-4 py-2.5 text-sm not-first:border-t">
      <p><Subject of={report} /></p>
      <p className="text-fail wrap-anywhere"><English>{report.problem && sentence(report.problem)}</English></p>
      <p className="text-xs text-dim">
        <Plural value={attempts} one="Tried once" other="Tried # times" /> · {dueAt ? <Trans>again <Ago at={dueAt} /></Trans> : <Trans>not tried again by itself</Trans>}
      </p>
    </li>
  )
}

function Subject({ of: { kind, subject } }: { of: Report }) {
  const build = { build: String(subject) }
  switch (kind) {
    case 'status': return <Trans>the commit status of <Link to="/builds/$build" params={build} className="link">build {subject}</Link></Trans>
    case 'deployment': return <Trans>the deployment of <Link to="/builds/$build" params={build} className="link">build {subject}</Link></Trans>
    case 'promotion': return <Trans>the promotion to deployment {subject}</Trans>
    case 'comment': return <Trans>the comment on pull request #{subject}</Trans>
  }
}
