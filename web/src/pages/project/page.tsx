/** One project: what visitors get, what runs for it, what was built and published, its previews, how it is built, and who visits. */

import { Trans } from '@lingui/react/macro'
import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { lazy, Suspense } from 'react'

import { ask } from '~/actions/ask'
import { useProject } from '~/api/queries'
import { servicesQuery, volumesQuery } from '~/services/queries'
import { needsSomebody } from '~/services/words'
import { Page } from '~/shell/page'
import { piece } from '~/shell/piece'
import { Button } from '~/ui/button'
import { Loading } from '~/ui/loading'
import { FolderPanel } from './folder'
import { HistoryPanel } from './history-panel'
import { LiveCard } from './live-card'
import { Notices } from './notices'
import { NothingLive } from './nothing-live'
import { PlanPanel } from './plan-panel'
import { PreviewsPanel } from './previews-panel'
import { ReportsPanel } from './reports-panel'
import { VisitorsPanel } from './visitors-panel'

const running = () => piece(() => import('./running'))
const ServicesPanel = lazy(() => running().then(({ ServicesPanel }) => ({ default: ServicesPanel })))
const RunsPanel = lazy(() => running().then(({ RunsPanel }) => ({ default: RunsPanel })))
const VolumesPanel = lazy(() => running().then(({ VolumesPanel }) => ({ default: VolumesPanel })))

export function ProjectPage() {
  const { project: name } = useParams({ from: '/inside/projects/$project' })
  const project = useProject(name)
  const { id, liveDeployment: live, repoUrl } = project
  // Nothing runs of files that were sent.
  const mayRun = { enabled: repoUrl !== null }
  const { data } = useQuery({ ...servicesQuery(id), ...mayRun })
  const services = data ?? []
  const { data: volumes = [] } = useQuery({ ...volumesQuery(id), ...mayRun })
  const troubled = services.filter(needsSomebody)
  const runs = services.filter(({ kind }) => kind === 'running').map(({ name }) => name)
  return (
    <Page
      title={project.name}
      heading={<><bdi>{project.name}</bdi><Origin repoUrl={repoUrl} branch={project.branch} /></>}
      actions={repoUrl && live && <Button acts onClick={() => ask({ kind: 'build_newest', project: id })}><Trans>Build the newest commit…</Trans></Button>}
    >
      <Notices project={project} troubled={troubled} />
      <div className="grid items-start gap-4 sm:gap-6 md:grid-cols-[minmax(0,1fr)_344px] lg:grid-cols-[minmax(0,1fr)_420px]">
        <div className="grid min-w-0 gap-4 sm:gap-6">
          {live ? <LiveCard project={project} live={live} trouble={(data ? troubled[0]?.state : project.troubles[0]?.state) ?? undefined} /> : <NothingLive project={project} />}
          {runs.length > 0 && <Suspense fallback={<Loading rows={services.length} height={92} />}><ServicesPanel project={project} /></Suspense>}
          <HistoryPanel project={project} />
        </div>
        <div className="grid min-w-0 gap-4 sm:gap-6">
          {repoUrl ? <PreviewsPanel project={project} /> : live && <FolderPanel project={project.name} />}
          {runs.length > 0 && <Suspense><RunsPanel project={project} services={runs} /></Suspense>}
          {volumes.length > 0 && <Suspense><VolumesPanel project={id} /></Suspense>}
          <PlanPanel project={project} />
          {live && <VisitorsPanel project={id} />}
          {repoUrl && <ReportsPanel project={id} />}
        </div>
      </div>
    </Page>
  )
}

/** Where it comes from, beside its name. */
function Origin({ repoUrl, branch }: { repoUrl: string | null; branch: string }) {
  return (
    <span className="block text-sm font-normal text-dim wrap-anywhere sm:ms-3 sm:inline">
      {repoUrl ? <><bdi dir="ltr">{repoUrl.replace(/^https?:\/\//, '').replace(/\.git$/, '')}</bdi> · <bdi className="mono">{branch}</bdi></> : <Trans>deployed from folders</Trans>}
    </span>
  )
}
