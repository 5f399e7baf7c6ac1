/** One service of what is live: where its replicas stand, its log as it is written, what it sees of the variables. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useSuspenseQuery } from '@tanstack/react-query'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'

import { ask } from '~/actions/ask'
import { useProject } from '~/api/queries'
import { TailViewer } from '~/log/tail-viewer'
import { servicesQuery } from '~/services/queries'
import type { Service } from '~/services/types'
import { isInTrouble, stateOfService, useEndWords } from '~/services/words'
import { NotFound } from '~/shell/failed'
import { Page } from '~/shell/page'
import { Button } from '~/ui/button'
import { Notice } from '~/ui/panel'
import { State } from '~/ui/state'
import { Announcer } from './announcer'
import { EnvironmentPanel } from './environment'
import { Facts } from './facts'
import { ReplicasPanel } from './replicas'

export function ServicePage() {
  const { t } = useLingui()
  const { project: projectName, service: name } = useParams({ from: '/inside/projects/$project/services/$service' })
  const project = useProject(projectName)
  const { data: services } = useSuspenseQuery(servicesQuery(project.id))
  const service = services.find((each) => each.name === name && each.kind === 'running')
  if (!service) return <NotFound />
  const running = services.filter(({ kind }) => kind === 'running').map((each) => each.name)
  return (
    <Page
      title={t`${name} · ${project.name}`}
      heading={<span className="flex flex-wrap items-center gap-x-3 gap-y-1"><State state={stateOfService(service)} /><bdi dir="ltr" className="min-w-0 wrap-anywhere">{name}</bdi></span>}
      actions={
        <>
          <Button acts look="quiet" onClick={() => ask({ kind: 'run_command', project: project.id, services: running, service: name })}><Trans>Run a command…</Trans></Button>
          <Button acts onClick={() => ask({ kind: 'scale_service', project: project.id, service })}><Trans>Scale…</Trans></Button>
          <Button acts icon="again" disabled={!service.replicas} onClick={() => ask({ kind: 'restart_service', project: project.id, service })}><Trans>Restart…</Trans></Button>
        </>
      }
    >
      <div className="grid grid-cols-[minmax(0,1fr)] gap-4">
        <Trouble service={service} />
        <Facts service={service} />
        <ReplicasPanel project={project.id} name={name} />
        <Log key={`${project.id} ${name}`} project={project.id} service={service} />
        <EnvironmentPanel project={project.name} variables={service.variables} />
      </div>
      <Announcer service={service} />
    </Page>
  )
}

/** What is wrong, and what Berth does about it. */
function Trouble({ service }: { service: Service }) {
  const endWords = useEndWords()
  if (!isInTrouble(service)) return null
  const { state, lastEnd, healthPath } = service
  const why = lastEnd && endWords(lastEnd)
  if (state === 'crash_loop') return <Notice tone="fail" title={<Trans>It ends again and again.</Trans>}><bdi>{why}</bdi> <Trans>Berth still tries from time to time. Its log says what it wrote before.</Trans></Notice>
  if (state === 'restarting') return <Notice tone="busy" title={<Trans>It ended, and is started again after a while.</Trans>}><bdi>{why}</bdi></Notice>
  return (
    <Notice tone="fail" title={<Trans>It runs, and does not answer as it should.</Trans>}>
      {healthPath ? <Trans>Berth asks for <bdi dir="ltr" className="mono">{healthPath}</bdi> every few seconds.</Trans> : <Trans>It accepts no connections.</Trans>}
    </Notice>
  )
}

function Log({ project, service: { name, replicas, instances } }: { project: number; service: Service }) {
  const { q = '', stream, replica } = useSearch({ from: '/inside/projects/$project/services/$service' })
  const navigate = useNavigate({ from: '/projects/$project/services/$service' })
  return (
    <TailViewer
      project={project}
      service={name}
      replicas={Math.max(replicas ?? 1, ...instances.map(({ number }) => number))}
      filter={{ query: q, stream, replica }}
      onFilter={({ query, stream, replica }) => void navigate({ search: { q: query || undefined, stream, replica }, replace: true, resetScroll: false })}
    />
  )
}
