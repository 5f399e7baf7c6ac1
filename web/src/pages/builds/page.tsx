/** Every build of a project, newest first, by branch and by how it ended. The filters are part of the address. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useQueries, useSuspenseInfiniteQuery } from '@tanstack/react-query'
import { useParams, useSearch } from '@tanstack/react-router'
import { Suspense } from 'react'

import { ask } from '~/actions/ask'
import type { Schema } from '~/api/client'
import { useProject } from '~/api/queries'
import { HistoryRow } from '~/pages/project/history-row'
import { deploymentsQuery } from '~/pages/project/queries'
import { Page } from '~/shell/page'
import { Button, LinkButton } from '~/ui/button'
import { Loading } from '~/ui/loading'
import { Empty } from '~/ui/panel'
import { Filters } from './filters'
import { type Filter, buildsQuery } from './queries'

type Project = Schema['ProjectBody']

export function BuildsPage() {
  const { t } = useLingui()
  const { project: name } = useParams({ from: '/inside/projects/$project/builds' })
  const filter = useSearch({ from: '/inside/projects/$project/builds' })
  const project = useProject(name)
  return (
    <Page
      title={t`Builds · ${project.name}`}
      heading={t`Builds`}
      actions={project.repoUrl !== null && <Button acts onClick={() => ask({ kind: 'build_newest', project: project.id })}><Trans>Build the newest commit…</Trans></Button>}
    >
      <Filters filter={filter} project={project} />
      <Suspense fallback={<Loading rows={8} height={56} />}>
        <Builds project={project} filter={filter} />
      </Suspense>
    </Page>
  )
}

function Builds({ project, filter }: { project: Project; filter: Filter }) {
  const { t } = useLingui()
  const builds = useSuspenseInfiniteQuery(buildsQuery(project.id, filter))
  const published = useDeployments(project.id)
  const rows = builds.data.pages.flat()
  if (rows.length === 0) return <Nothing project={project} filter={filter} />
  return (
    <div className="panel">
      <ol aria-label={t`Builds, newest first`}>
        {rows.map((build) => (
          <HistoryRow key={build.id} project={project} line="none" withBranch entry={{ key: String(build.id), at: build.createdAt, build, deployment: build.deployment ? published.get(build.deployment.id) : undefined }} />
        ))}
      </ol>
      {builds.hasNextPage && (
        <div className="border-t border-line p-2">
          <Button look="quiet" pending={builds.isFetchingNextPage} onClick={() => void builds.fetchNextPage()}><Trans>Show older</Trans></Button>
        </div>
      )}
    </div>
  )
}

/** What builds published, as far as it can go live again: the newest of both environments, by id. */
function useDeployments(project: number): Map<number, Schema['DeploymentBody']> {
  return useQueries({
    queries: [deploymentsQuery(project, 'production'), deploymentsQuery(project, 'preview')],
    combine: (answers) => new Map(answers.flatMap(({ data }) => data ?? []).map((deployment) => [deployment.id, deployment])),
  })
}

function Nothing({ project, filter }: { project: Project; filter: Filter }) {
  const { t } = useLingui()
  if (filter.branch || filter.status) {
    const all = <LinkButton to="/projects/$project/builds" params={{ project: project.name }} search={{}} look="primary"><Trans>Show all builds</Trans></LinkButton>
    return <Empty title={t`No build is like that`} actions={all}><p><Trans>The branch has to be written out in full.</Trans></p></Empty>
  }
  return (
    <Empty title={t`Nothing was built yet`}>
      {project.repoUrl === null
        ? <p><Trans>A build is there for every folder that is sent with <code className="chip">berth deploy</code>.</Trans></p>
        : <p><Trans>The first build of <bdi dir="ltr" className="mono">{project.branch}</bdi> will be here.</Trans></p>}
    </Empty>
  )
}
