/** One service of what is live: where its replicas stand, its log as it is written, what it sees of the variables. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useSuspenseQuery } from '@tanstack/react-query'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'

import { ask } from '~/actions/ask'
import { useProject } from '~/api/queries'
import { TailViewer } from '~/log/tail-viewer'
import { servicesQuery } from '~/services/queries'
import { Trouble } from '~/services/trouble'
import type { Service } from '~/services/types'
import { stateOfService } from '~/services/words'
import { NotFound } from '~/shell/failed'
import { Page } from '~/shell/page'
import { Button } from '~/ui/button'
import { State } from '~/ui/state'
import { Announcer } from './announcer'
import { EnvironmentPanel } from './environment'
import { ServiceFacts } from './facts'
import { ReplicasPanel } from './replicas'

export function ServicePage() {
  const { t } = useLingui()
  const { project: projectName, service: name } = useParams({ from: '/inside/projects/$project/services/$service' })
  const { preview } = useSearch({ from: '/inside/projects/$project/services/$service' })
  const project = useProject(projectName)
  const { data: services } = useSuspenseQuery(servicesQuery(project.id, preview === undefined ? 'production' : 'preview'))
  const service = services.find((each) => each.name === name && each.kind === 'running' && (preview === undefined || each.branch === preview))
  if (!service) return <NotFound />
  const running = services.filter(({ kind }) => kind === 'running').map((each) => each.name)
  return (
    <Page
      title={t`${name} · ${project.name}`}
      heading={
        <span className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <State state={stateOfService(service)} />
          <bdi dir="ltr" className="min-w-0 wrap-anywhere">{name}</bdi>
          {preview !== undefined && <span className="tag min-w-0"><Trans>Preview of <bdi className="mono cut">{preview}</bdi></Trans></span>}
        </span>
      }
      actions={
        <>
          {preview === undefined && <Button acts look="quiet" onClick={() => ask({ kind: 'run_command', project: project.id, services: running, service: name })}><Trans>Run a command…</Trans></Button>}
          <Button acts onClick={() => ask({ kind: 'scale_service', project: project.id, service })}><Trans>Scale…</Trans></Button>
          <Button acts icon="again" disabled={!service.replicas} onClick={() => ask({ kind: 'restart_service', project: project.id, service })}><Trans>Restart…</Trans></Button>
        </>
      }
    >
      <div className="grid grid-cols-[minmax(0,1fr)] gap-4">
        <Trouble service={service} />
        <ServiceFacts service={service} />
        <ReplicasPanel project={project.id} service={service} />
        <Log key={`${project.id} ${name} ${preview}`} project={project.id} service={service} />
        <EnvironmentPanel project={project.name} variables={service.variables} />
      </div>
      <Announcer service={service} />
    </Page>
  )
}

function Log({ project, service: { name, replicas, instances, environment, deploymentId } }: { project: number; service: Service }) {
  const { q = '', stream, replica } = useSearch({ from: '/inside/projects/$project/services/$service' })
  const navigate = useNavigate({ from: '/projects/$project/services/$service' })
  return (
    <TailViewer
      project={project}
      service={name}
      preview={environment === 'preview' ? deploymentId : undefined}
      replicas={Math.max(replicas ?? 1, ...instances.map(({ number }) => number))}
      filter={{ query: q, stream, replica }}
      onFilter={({ query, stream, replica }) => void navigate({ search: ({ preview }) => ({ preview, q: query || undefined, stream, replica }), replace: true, resetScroll: false })}
    />
  )
}
