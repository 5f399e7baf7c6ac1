/** The one-off commands that were run, newest first. */

import { Trans } from '@lingui/react/macro'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'

import { ask } from '~/actions/ask'
import type { Schema } from '~/api/client'
import { lineOf } from '~/services/command'
import { runsQuery } from '~/services/queries'
import { useStateOfRun } from '~/services/stop'
import type { Run } from '~/services/types'
import { Button } from '~/ui/button'
import { Panel } from '~/ui/panel'
import { State } from '~/ui/state'
import { Ago } from '~/ui/time'

const SHOWN = 5

/** `services`: those that run. */
export function RunsPanel({ project, services }: { project: Schema['ProjectBody']; services: readonly string[] }) {
  const { data: runs } = useQuery(runsQuery(project.id))
  if (!runs) return null
  return (
    <Panel
      title={<Trans>Commands</Trans>}
      aside={services.length > 0 && <Button acts look="quiet" icon="plus" onClick={() => ask({ kind: 'run_command', project: project.id, services })}><Trans>Run a command…</Trans></Button>}
    >
      {runs.length === 0
        ? <p className="p-4 text-sm text-muted"><Trans>None was run yet. A command runs once, with what a service has in production: for a migration, or a look at something.</Trans></p>
        : <ul>{runs.slice(0, SHOWN).map((run) => <Row key={run.id} run={run} project={project.name} />)}</ul>}
      {runs.length > SHOWN && (
        <details className="border-t border-line">
          <summary className="min-h-11 px-4 py-3 text-sm text-muted"><Trans>Earlier ones</Trans></summary>
          <ul className="border-t border-line">{runs.slice(SHOWN).map((run) => <Row key={run.id} run={run} project={project.name} />)}</ul>
        </details>
      )}
    </Panel>
  )
}

function Row({ run, project }: { run: Run; project: string }) {
  const state = useStateOfRun()(run)
  return (
    <li className="grid gap-1 border-line px-4 py-2.5 not-first:border-t">
      <Link to="/projects/$project/runs/$run" params={{ project, run: String(run.id) }} dir="ltr" className="cut mono py-0.5 hover:underline">{lineOf(run.command)}</Link>
      <span className="flex min-w-0 flex-wrap items-center gap-x-3 text-xs text-dim">
        <State state={state} />
        {run.exitCode !== null && run.exitCode !== 0 && <span><Trans>exit code {run.exitCode}</Trans></span>}
        <bdi dir="ltr" className="mono">{run.service}</bdi>
        <span className="ms-auto"><Ago at={run.createdAt} /></span>
      </span>
    </li>
  )
}
