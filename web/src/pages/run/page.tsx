/** One one-off command: how it stands or ended, and what it writes. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useQuery, useSuspenseQuery } from '@tanstack/react-query'
import { Link, useLocation, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useState } from 'react'

import { ask } from '~/actions/ask'
import { useProject } from '~/api/queries'
import { hashOf, rangeOf } from '~/log/link'
import { sourcesOfRun } from '~/log/run-sources'
import { Viewer } from '~/log/viewer'
import { lineOf } from '~/services/command'
import { runQuery, servicesQuery } from '~/services/queries'
import { useStateOfRun, useStop } from '~/services/stop'
import type { Run } from '~/services/types'
import { isUnderWay, signalOf } from '~/services/words'
import { Page } from '~/shell/page'
import { Button } from '~/ui/button'
import { useFormat } from '~/ui/format'
import { English } from '~/ui/english'
import { type Fact, Facts } from '~/ui/facts'
import { Notice } from '~/ui/panel'
import { State, useStateWord } from '~/ui/state'
import { Ago, Elapsed } from '~/ui/time'

export function RunPage() {
  const { t } = useLingui()
  const { project: name, run: id } = useParams({ from: '/inside/projects/$project/runs/$run' })
  const project = useProject(name)
  const { data: run } = useSuspenseQuery(runQuery(project.id, Number(id)))
  const { data: services = [] } = useQuery(servicesQuery(project.id))
  const running = services.filter(({ kind }) => kind === 'running').map((each) => each.name)
  const state = useStateOfRun()(run)
  const stop = useStop()
  const line = lineOf(run.command)
  return (
    <Page
      title={t`${line} · ${project.name}`}
      heading={<span className="flex flex-wrap items-center gap-x-3 gap-y-1"><State state={state} /><bdi dir="ltr" className="mono min-w-0 wrap-anywhere">{line}</bdi></span>}
      actions={isUnderWay(run)
        ? <Button acts icon="slashed" disabled={state === 'stopping'} onClick={() => void stop(run)}><Trans>Stop it</Trans></Button>
        : running.length > 0 && <Button acts icon="again" onClick={() => ask({ kind: 'run_command', project: project.id, services: running, service: running.includes(run.service) ? run.service : running[0], line })}><Trans>Run it again…</Trans></Button>}
    >
      <div className="grid grid-cols-[minmax(0,1fr)] gap-4">
        <RunFacts run={run} project={project.name} />
        {run.problem && <Notice tone="fail" title={<Trans>It did not run to its end.</Trans>}><English>{run.problem}</English></Notice>}
        <Log key={run.id} run={run} />
      </div>
      <Announcer run={run} />
    </Page>
  )
}

function RunFacts({ run: { service, exitCode, requestedBy, createdAt, startedAt, finishedAt, deploymentId }, project }: { run: Run; project: string }) {
  const format = useFormat()
  const signal = exitCode === null ? undefined : signalOf(exitCode)
  const facts: Fact[] = [
    [<Trans>Service</Trans>, <Link to="/projects/$project/services/$service" params={{ project, service }} dir="ltr" className="mono link">{service}</Link>],
    exitCode !== null && [<Trans>Exit code</Trans>, signal ? <>{exitCode} <bdi dir="ltr" className="text-dim">{signal}</bdi></> : exitCode],
    [<Trans>Asked for</Trans>, requestedBy ? <Trans><Ago at={createdAt} /> by <bdi>{requestedBy.username}</bdi></Trans> : <Ago at={createdAt} />],
    startedAt !== null && [<Trans>Took</Trans>, finishedAt === null ? <Elapsed since={startedAt} /> : format.duration(Date.parse(finishedAt) - Date.parse(startedAt))],
    [<Trans>Deployment</Trans>, deploymentId],
  ]
  return <Facts of={facts} />
}

function Log({ run }: { run: Run }) {
  const { t } = useLingui()
  const format = useFormat()
  const { q = '' } = useSearch({ from: '/inside/projects/$project/runs/$run' })
  const hash = useLocation({ select: (location) => location.hash })
  const asked = useLocation({ select: (location) => location.state.asked ?? 0 })
  const navigate = useNavigate({ from: '/projects/$project/runs/$run' })
  const ended = !isUnderWay(run)
  return (
    <Viewer
      sources={sourcesOfRun(run.id)}
      label={t`Lines of command ${format.number(run.id)}. The arrow keys go from line to line.`}
      steps={NO_STEPS}
      notes={NO_NOTES}
      ended={ended}
      at={ended ? 'end' : 'follow'}
      range={rangeOf(hash)}
      asked={asked}
      onRange={(range) => void navigate({ search: (before) => before, hash: hashOf(range), hashScrollIntoView: false, replace: true, resetScroll: false })}
      query={q}
      onQuery={(q) => void navigate({ search: { q: q || undefined }, hash: (before) => before ?? '', hashScrollIntoView: false, replace: true, resetScroll: false })}
      empty={ended ? <Trans>The command ended without writing a line.</Trans> : <Trans>What the command writes appears here.</Trans>}
    />
  )
}

const NO_STEPS = [] as const
const NO_NOTES = {}

/** Tells screen readers how a command goes on: politely, and nothing of what was so when the page opened. */
function Announcer({ run }: { run: Run }) {
  const { t } = useLingui()
  const wordOf = useStateWord()
  const word = wordOf(useStateOfRun()(run))
  const now = run.exitCode === null ? word : t`${word}, exit code ${run.exitCode}`
  const [last, setLast] = useState({ now, said: '' })
  if (last.now !== now) setLast({ now, said: now })
  return <p className="sr-only" role="status">{last.said}</p>
}
