/** How a service is reached and started. */

import { Plural, Trans } from '@lingui/react/macro'

import { Routes } from '~/services/parts'
import type { Service } from '~/services/types'
import { type Fact, Facts } from '~/ui/facts'

export function ServiceFacts({ service }: { service: Service }) {
  const { port, healthPath, startCommand, restarts, volumes, deploymentId } = service
  const facts: Fact[] = [
    [<Trans>Routes</Trans>, <Routes of={service} />],
    port !== null && [<Trans>Port</Trans>, <bdi dir="ltr">{port}</bdi>],
    healthPath !== null && [<Trans>Health</Trans>, <bdi dir="ltr" className="mono">{healthPath}</bdi>],
    [<Trans>Start</Trans>, startCommand === null ? <Trans>the image’s own command</Trans> : <bdi dir="ltr" className="mono">{startCommand}</bdi>],
    volumes.length > 0 && [<Trans>Volumes</Trans>, <Mounts of={volumes} />],
    [<Trans>Restarts</Trans>, <Plural value={restarts} _0="none" one="#" other="#" />],
    [<Trans>Deployment</Trans>, deploymentId],
  ]
  return <Facts of={facts} />
}

function Mounts({ of: volumes }: { of: Service['volumes'] }) {
  return volumes.map(({ name, path }) => <span key={path} className="block"><Trans><bdi dir="ltr" className="mono">{name}</bdi> at <bdi dir="ltr" className="mono">{path}</bdi></Trans></span>)
}
