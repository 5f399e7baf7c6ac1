/** How a service is reached and started. */

import { Plural, Trans } from '@lingui/react/macro'

import { Routes } from '~/services/parts'
import type { Service } from '~/services/types'

export function Facts({ service }: { service: Service }) {
  const { port, healthPath, startCommand, restarts, volumes, deploymentId } = service
  const facts = [
    [<Trans>Routes</Trans>, <Routes of={service} />],
    port !== null && [<Trans>Port</Trans>, <bdi dir="ltr">{port}</bdi>],
    healthPath !== null && [<Trans>Health</Trans>, <bdi dir="ltr" className="mono">{healthPath}</bdi>],
    [<Trans>Start</Trans>, startCommand === null ? <Trans>the image’s own command</Trans> : <bdi dir="ltr" className="mono">{startCommand}</bdi>],
    volumes.length > 0 && [<Trans>Volumes</Trans>, <Mounts of={volumes} />],
    [<Trans>Restarts</Trans>, <Plural value={restarts} _0="none" one="#" other="#" />],
    [<Trans>Deployment</Trans>, deploymentId],
  ] as const
  return (
    <dl className="flex flex-wrap gap-x-7 gap-y-2">
      {facts.map((fact, index) => fact && (
        <div key={index} className="min-w-0">
          <dt className="text-xs text-dim">{fact[0]}</dt>
          <dd className="text-sm wrap-anywhere">{fact[1]}</dd>
        </div>
      ))}
    </dl>
  )
}

function Mounts({ of: volumes }: { of: Service['volumes'] }) {
  return volumes.map(({ name, path }) => <span key={path} className="block"><Trans><bdi dir="ltr" className="mono">{name}</bdi> at <bdi dir="ltr" className="mono">{path}</bdi></Trans></span>)
}
