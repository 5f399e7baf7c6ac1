/** The services of what is live: where each stands, what it answers, what it uses. */

import { Plural, Trans, useLingui } from '@lingui/react/macro'
import { Link } from '@tanstack/react-router'
import { useRef } from 'react'

import type { Schema } from '~/api/client'
import { Cpus, Memory, Routes, ServiceItems } from '~/services/parts'
import { useServices } from '~/services/queries'
import type { Service } from '~/services/types'
import { usageOf } from '~/services/usage'
import { isInTrouble, stateOfService, useEndWords, useReplicasWord } from '~/services/words'
import { type Fact, Facts } from '~/ui/facts'
import { Menu } from '~/ui/menu'
import { Panel } from '~/ui/panel'
import { State } from '~/ui/state'

export function ServicesPanel({ project }: { project: Schema['ProjectBody'] }) {
  const part = useRef<HTMLDivElement>(null)
  const { data: services = [] } = useServices(project.id, part)
  return (
    <div ref={part} className="min-w-0">
      <Panel title={<Trans>Services</Trans>}>
        <ul>{services.map((service) => <Row key={service.name} service={service} services={services} project={project} />)}</ul>
      </Panel>
    </div>
  )
}

function Row({ service, services, project }: { service: Service; services: readonly Service[]; project: Schema['ProjectBody'] }) {
  const { t } = useLingui()
  const { name, kind } = service
  const isRunning = kind === 'running'
  return (
    <li data-row={isRunning || undefined} className="grid gap-1.5 border-line py-3 ps-4 pe-2 not-first:border-t">
      <div className="flex min-w-0 items-center gap-x-3 gap-y-1 max-sm:flex-wrap">
        {isRunning
          ? <Link to="/projects/$project/services/$service" params={{ project: project.name, service: name }} dir="ltr" className="cut py-0.5 font-semibold hover:underline">{name}</Link>
          : <span dir="ltr" className="cut py-0.5 font-semibold">{name}</span>}
        <State state={stateOfService(service)} />
        <span className="min-w-0 flex-1 text-sm max-sm:order-1 max-sm:basis-full"><Routes of={service} /></span>
        {isRunning && (
          <span className="max-sm:ms-auto">
            <Menu label={t`What to do about ${name}`}><ServiceItems project={project.id} service={service} services={services} /></Menu>
          </span>
        )}
      </div>
      {isRunning && <Figures service={service} />}
    </li>
  )
}

function Figures({ service }: { service: Service }) {
  const replicasWord = useReplicasWord()
  const endWords = useEndWords()
  const usage = usageOf(service.instances)
  const { cpuLimit, lastEnd, restarts, port } = service
  const facts: Fact[] = [
    [<Trans>Replicas</Trans>, replicasWord(service)],
    port !== null && [<Trans>Port</Trans>, <bdi dir="ltr">{port}</bdi>],
    usage !== undefined && [<Trans>Processors</Trans>, <Cpus used={usage.cpus} limit={cpuLimit === null ? null : cpuLimit * usage.measured} />],
    usage !== undefined && [<Trans>Memory</Trans>, <Memory of={usage} />],
    restarts > 0 && [<Trans>Restarts</Trans>, <Plural value={restarts} one="started again once" other="started again # times" />],
  ]
  return (
    <>
      {isInTrouble(service) && lastEnd && <p className="pe-2 text-sm text-fail">{endWords(lastEnd)}</p>}
      <Facts wide of={facts} />
    </>
  )
}
