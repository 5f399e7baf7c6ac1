/** Branches and pull requests with a site of their own. */

import { Plural, Trans, useLingui } from '@lingui/react/macro'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'

import { ask } from '~/actions/ask'
import { isRefused, isUnderWay, useCancel, useCancelWords, useStateOf } from '~/actions/cancel'
import { hostOf, subject } from '~/actions/names'
import type { Schema } from '~/api/client'
import { settingLink } from '~/pages/settings/links'
import { servicesQuery } from '~/services/queries'
import type { Service } from '~/services/types'
import { stateOfService } from '~/services/words'
import { Icon } from '~/ui/icons'
import { Menu, MenuItem } from '~/ui/menu'
import { Panel } from '~/ui/panel'
import { State } from '~/ui/state'
import { Ago, Elapsed } from '~/ui/time'
import { canGoLive } from './history'
import { previewsQuery } from './queries'

type Preview = Schema['PreviewBody']

export function PreviewsPanel({ project }: { project: Schema['ProjectBody'] }) {
  const { data: previews } = useQuery(previewsQuery(project.id))
  const mayRun = project.repoUrl !== null && previews?.some(({ liveDeployment }) => liveDeployment !== null)
  const { data: services = [] } = useQuery({ ...servicesQuery(project.id, 'preview'), enabled: mayRun === true })
  if (!previews) return null
  return (
    <Panel title={<Trans>Previews</Trans>} aside={previews.length > 0 && <span className="pe-2 text-sm text-dim"><Plural value={previews.length} one="# branch" other="# branches" /></span>}>
      {previews.length === 0
        ? <p className="p-4 text-sm text-muted"><NoPreviews project={project} /></p>
        : <ul>{previews.map((preview) => <Row key={preview.id} preview={preview} project={project.name} services={services.filter(({ branch, kind }) => kind === 'running' && branch === preview.branch)} />)}</ul>}
    </Panel>
  )
}

function NoPreviews({ project: { name, branch, previews } }: { project: Schema['ProjectBody'] }) {
  const production = <bdi className="mono">{branch}</bdi>
  if (previews) return <Trans>No previews yet. Push a branch other than {production}, or open a pull request, to get one.</Trans>
  return <Trans>Previews are off: only {production} is built. <Link {...settingLink(name, 'previews')!} className="link">Turn them on</Link></Trans>
}

function Row({ preview, project, services }: { preview: Preview; project: string; services: readonly Service[] }) {
  const { t } = useLingui()
  const stateOf = useStateOf()
  const cancel = useCancel()
  const cancelWords = useCancelWords()
  const { branch, pullRequest, latestBuild: build, liveDeployment: live, state } = preview
  const name = titleOf(preview)
  const underWay = build && isUnderWay(build)
  const message = pullRequest?.title ?? (build?.commit && subject(build.commit.message))
  return (
    <li className="grid gap-1 border-line py-3 ps-4 pe-2 not-first:border-t">
      <div className="flex min-w-0 items-center gap-2">
        <Icon name="branch" className="text-dim" />
        {live
          ? <a href={preview.url} target="_blank" rel="noreferrer" dir="auto" title={hostOf(preview.url)} className="cut flex-1 py-0.5 font-semibold hover:underline">{name}</a>
          : <span dir="auto" className="cut flex-1 py-0.5 font-semibold">{name}</span>}
        <State state={build && (state === build.status || isRefused(build)) ? stateOf(build) : state} />
        <Menu label={t`What to do about the preview of ${branch}`}>
          {live && <MenuItem icon="out" href={preview.url}><Trans>Visit</Trans></MenuItem>}
          {live && canGoLive(live) && <MenuItem acts icon="up" onClick={() => ask({ kind: 'promote', deployment: live })}><Trans>Promote to production…</Trans></MenuItem>}
          {build?.status === 'held' && <MenuItem acts icon="check" onClick={() => ask({ kind: 'approve', build })}><Trans>Approve and build…</Trans></MenuItem>}
          {build && !underWay && build.status !== 'held' && <MenuItem acts icon="again" onClick={() => ask({ kind: 'rebuild', build })}><Trans>Rebuild…</Trans></MenuItem>}
          {build && underWay && <MenuItem acts icon="slashed" disabled={build.cancelRequested} onClick={() => void cancel(build)}>{cancelWords(build, live !== null)}</MenuItem>}
          <MenuItem acts icon="close" danger onClick={() => ask({ kind: 'remove_preview', preview })}><Trans>Remove…</Trans></MenuItem>
        </Menu>
      </div>
      <div className="flex min-w-0 items-center gap-2 pe-2 text-sm text-muted">
        {build
          ? <Link to="/builds/$build" params={{ build: String(build.id) }} dir="auto" className="cut flex-1 hover:underline">{message ?? t`Build ${build.id}`}</Link>
          : <span className="flex-1" />}
        <span className="shrink-0 text-xs text-dim">{underWay && build.startedAt ? <Elapsed since={build.startedAt} /> : <Ago at={preview.pushedAt} />}</span>
      </div>
      {services.length > 0 && (
        <ul aria-label={t`Services of ${branch}`} className="flex flex-wrap gap-x-4 gap-y-0.5 pe-2 text-sm">
          {services.map((service) => (
            <li key={service.name} className="flex min-w-0 items-center gap-1.5">
              <Link to="/projects/$project/services/$service" params={{ project, service: service.name }} search={{ preview: branch }} dir="ltr" className="cut py-0.5 hover:underline">{service.name}</Link>
              <State state={stateOfService(service)} />
            </li>
          ))}
        </ul>
      )}
    </li>
  )
}

/** `feat/cart`, or the pull request that shows it. */
function titleOf({ branch, pullRequest }: Preview): React.ReactNode {
  if (!pullRequest) return branch
  if (pullRequest.fork) return <Trans>#{pullRequest.number} from <bdi>{pullRequest.fork}</bdi></Trans>
  return <Trans>#{pullRequest.number} · <bdi>{branch}</bdi></Trans>
}
