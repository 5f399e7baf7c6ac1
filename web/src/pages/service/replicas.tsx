/** The replicas of a service: where each stands, since when, and what it uses now. */

import { Plural, Trans } from '@lingui/react/macro'
import { useRef } from 'react'

import { Cpus, Memory } from '~/services/parts'
import { useServices } from '~/services/queries'
import type { Replica, Service } from '~/services/types'
import { useEndWords, useReplicasWord } from '~/services/words'
import { Panel } from '~/ui/panel'
import { State } from '~/ui/state'
import { Span } from '~/ui/time'

const GRID = 'grid items-start gap-x-6 gap-y-2 border-line px-4 py-2.5 not-first:border-t max-sm:grid-cols-2 sm:grid-cols-[calc(96rem/14)_minmax(0,1.4fr)_minmax(0,1fr)_minmax(0,1.2fr)_minmax(0,1fr)]'

export function ReplicasPanel({ project, service: { environment, instances, replicas, cpuLimit, deploymentId: live } }: { project: number; service: Service }) {
  const part = useRef<HTMLDivElement>(null)
  // What the page shows is brought up to date with what they use.
  useServices(project, part, environment)
  const replicasWord = useReplicasWord()
  return (
    <div ref={part} className="min-w-0">
      <Panel title={<Trans>Replicas</Trans>} aside={<span className="pe-2 text-sm text-dim">{replicasWord({ replicas, instances })}</span>}>
        {instances.length === 0
          ? <p className="p-4 text-sm text-muted"><Trans>None is there now.</Trans></p>
          : <ul>{instances.map((replica) => <Row key={`${replica.deploymentId} ${replica.number}`} replica={replica} cpuLimit={cpuLimit} live={live} />)}</ul>}
      </Panel>
    </div>
  )
}

function Row({ replica, cpuLimit, live }: { replica: Replica; cpuLimit: number | null; live: number }) {
  const endWords = useEndWords()
  const { number, deploymentId, state, since, restarts, lastEnd, usage, memoryLimit } = replica
  return (
    <li className={GRID}>
      <span className="font-medium"><Trans>Replica {number}</Trans></span>
      <span className="grid min-w-0 gap-0.5">
        <State state={state} />
        <span className="text-xs text-dim"><Trans>for <Span since={since} /></Trans></span>
        {deploymentId !== live && <span className="text-xs text-dim"><Trans>of deployment {deploymentId}</Trans></span>}
      </span>
      <Figure name={<Trans>Processors</Trans>}>{usage ? <Cpus used={usage.cpus} limit={cpuLimit} /> : <Unknown />}</Figure>
      <Figure name={<Trans>Memory</Trans>}>{usage ? <Memory of={{ memory: usage.memory, memoryLimit }} /> : <Unknown />}</Figure>
      <Figure name={<Trans>Restarts</Trans>}><Plural value={restarts} _0="none" one="#" other="#" /></Figure>
      {lastEnd && <p className="col-span-full text-sm text-muted"><Trans>Before that: {endWords(lastEnd)}</Trans></p>}
    </li>
  )
}

function Figure({ name, children }: { name: React.ReactNode; children: React.ReactNode }) {
  return (
    <span className="grid min-w-0 gap-0.5 text-sm">
      <span className="text-xs text-dim">{name}</span>
      <span>{children}</span>
    </span>
  )
}

function Unknown() {
  return <span className="text-dim"><Trans>not measured yet</Trans></span>
}
