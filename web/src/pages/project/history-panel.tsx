/**
 * Builds and deployments as one list. The mooring line at its edge goes through what visitors actually saw, from what is live down;
 * builds that never went live are ticks beside it. Previews have an address each, so no line joins them.
 */

import { Plural, Trans, useLingui } from '@lingui/react/macro'
import { useQuery, useSuspenseInfiniteQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Suspense, useState } from 'react'

import type { Schema } from '~/api/client'
import { Button } from '~/ui/button'
import { Loading } from '~/ui/loading'
import { Panel } from '~/ui/panel'
import { historyOf } from './history'
import { HistoryRow } from './history-row'
import { deploymentsQuery, type Environment, historyQuery } from './queries'

type Project = Schema['ProjectBody']

export function HistoryPanel({ project }: { project: Project }) {
  const { t } = useLingui()
  const [environment, setEnvironment] = useState<Environment>('production')
  const tab = (value: Environment, words: React.ReactNode) => (
    <Button look="quiet" aria-pressed={environment === value} onClick={() => setEnvironment(value)}>{words}</Button>
  )
  return (
    <Panel
      title={<Trans>Builds and deployments</Trans>}
      aside={project.repoUrl !== null && (
        <div role="group" aria-label={t`Environment`} className="flex gap-0.5">
          {tab('production', <Trans>Production</Trans>)}
          {tab('preview', <Trans>Previews</Trans>)}
        </div>
      )}
    >
      <Suspense key={environment} fallback={<div className="-m-px"><Loading rows={5} height={56} /></div>}>
        <Rows project={project} environment={environment} />
      </Suspense>
    </Panel>
  )
}

function Rows({ project, environment }: { project: Project; environment: Environment }) {
  const { t } = useLingui()
  const history = useSuspenseInfiniteQuery(historyQuery(project.id, environment))
  const { data: deployments = [] } = useQuery(deploymentsQuery(project.id, environment))
  const entries = historyOf(history.data.pages.flat(), deployments, history.hasNextPage)
  const live = entries.findIndex(({ deployment }) => deployment?.status === 'live')
  const kept = deployments.filter((deployment) => deployment.kept).length
  if (entries.length === 0) {
    return <p className="p-4 text-muted">{environment === 'preview' ? <Trans>No previews were built yet.</Trans> : <Trans>Nothing was built yet.</Trans>}</p>
  }
  return (
    <>
      <ol aria-label={t`Builds and deployments, newest first`}>
        {entries.map((entry, index) => (
          <HistoryRow key={entry.key} entry={entry} project={project} line={environment === 'preview' ? 'none' : index < live || live < 0 ? 'ahead' : 'through'} />
        ))}
      </ol>
      <div className="flex flex-wrap items-center gap-x-4 gap-y-1 border-t border-line py-2.5 ps-4 pe-2">
        <p className="min-w-0 flex-1 text-xs text-dim">
          {kept > 0 && <Plural value={kept} one="The files of one release are kept: it can go live again without a build." other="The files of # releases are kept: they can go live again without a build." />}
        </p>
        {history.hasNextPage
          ? <Button look="quiet" pending={history.isFetchingNextPage} onClick={() => void history.fetchNextPage()}><Trans>Show older</Trans></Button>
          : <Link to="/projects/$project/builds" params={{ project: project.name }} className="link px-2 text-sm"><Trans>Find a build</Trans></Link>}
      </div>
    </>
  )
}
