/** One build: how it stands, why it failed and what changes that, how it is built and why, and its log. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useSuspenseQuery } from '@tanstack/react-query'
import { useLocation, useNavigate, useParams, useSearch } from '@tanstack/react-router'

import { isRefused, isUnderWay, useStateOf } from '~/actions/cancel'
import { subject } from '~/actions/names'
import type { Schema } from '~/api/client'
import { buildQuery, projectQuery } from '~/api/queries'
import { hashOf, rangeOf } from '~/log/link'
import { sourcesOf } from '~/log/sources'
import type { Opening } from '~/log/use-log'
import { Viewer } from '~/log/viewer'
import { Why } from '~/reasons/why'
import { Page } from '~/shell/page'
import { useFormat } from '~/ui/format'
import { Notice } from '~/ui/panel'
import { State } from '~/ui/state'
import { BuildActions } from './actions'
import { Announcer } from './announcer'
import { FailureReason } from './failure'
import { Facts } from './facts'
import { Decisions, Warnings } from './plan'
import { NotLive } from './not-live'
import { useNotes } from './notes'
import { StepBar } from './step-bar'

type Build = Schema['BuildBody']

export function BuildPage() {
  const { t } = useLingui()
  const { build: id } = useParams({ from: '/inside/builds/$build' })
  const { data: build } = useSuspenseQuery(buildQuery(Number(id)))
  const { data: project } = useSuspenseQuery(projectQuery(build.projectId))
  const state = useStateOf()(build)
  const what = build.commit ? subject(build.commit.message) : t`Build ${build.id}`
  return (
    <Page
      title={t`${what} · ${project.name}`}
      heading={<span className="flex flex-wrap items-center gap-x-3 gap-y-1"><State state={state} /><bdi className="min-w-0 wrap-anywhere">{what}</bdi></span>}
      mark={isUnderWay(build) ? 'building' : build.status === 'failed' || isRefused(build) ? 'failed' : null}
      actions={<BuildActions build={build} project={project} />}
    >
      <div className="grid grid-cols-[minmax(0,1fr)] gap-4">
        <Facts build={build} />
        {build.reason && <Notice tone={build.status === 'held' ? 'busy' : 'plain'} title={build.status === 'held' ? <Trans>It waits for somebody to look at it.</Trans> : <Trans>It was not built.</Trans>}><Why of={{ reason: build.reason, because: build.because }} /></Notice>}
        {build.steps.length > 0 && <StepBar build={build} />}
        {build.failure && <FailureReason build={build} failure={build.failure} project={project} />}
        <NotLive build={build} project={project} />
        <Warnings plan={build.plan} />
        <Log key={build.id} build={build} />
        <Decisions plan={build.plan} />
      </div>
      <Announcer build={build} />
    </Page>
  )
}

function Log({ build }: { build: Build }) {
  const { t } = useLingui()
  const format = useFormat()
  const search = useSearch({ from: '/inside/builds/$build' })
  const hash = useLocation({ select: (location) => location.hash })
  const asked = useLocation({ select: (location) => location.state.asked ?? 0 })
  const navigate = useNavigate({ from: '/builds/$build' })
  const notes = useNotes(build)
  const ended = build.finishedAt !== null
  return (
    <Viewer
      sources={sourcesOf(build.id)}
      label={t`Lines of build ${format.number(build.id)}. The arrow keys go from line to line.`}
      download={`/api/v1/builds/${build.id}/log?format=text`}
      steps={build.steps}
      notes={notes}
      ended={ended}
      at={opening(build, search.step)}
      range={rangeOf(hash)}
      asked={asked}
      onRange={(range) => void navigate({ search: (before) => before, hash: hashOf(range), hashScrollIntoView: false, replace: true, resetScroll: false })}
      query={search.q ?? ''}
      onQuery={(q) => void navigate({ search: (before) => ({ ...before, q: q || undefined }), hash: (before) => before ?? '', hashScrollIntoView: false, replace: true, resetScroll: false })}
      empty={ended ? <Trans>It ended before it wrote a line.</Trans> : build.status === 'held' ? <Trans>Nothing is written before it is approved.</Trans> : <Trans>Its lines appear here as soon as it begins.</Trans>}
    />
  )
}

/** A failed build opens where it shows why, one that runs at its end; of one that passed all steps are folded. */
function opening({ status, failure }: Build, step: string | undefined): Opening['at'] {
  if (step) return { step }
  if (status === 'running' || status === 'queued' || status === 'held') return 'follow'
  if (failure?.line) return { line: failure.line }
  return status === 'failed' ? 'end' : 'start'
}
