/** Which variables a service sees, and where each comes from. Their values are nobody's to read here. */

import { Trans } from '@lingui/react/macro'
import { Link } from '@tanstack/react-router'

import type { ServiceVariable } from '~/services/types'
import { Panel } from '~/ui/panel'

export function EnvironmentPanel({ project, variables }: { project: string; variables: readonly ServiceVariable[] }) {
  return (
    <Panel title={<Trans>Environment</Trans>} aside={<Link to="/projects/$project/settings/{-$section}" params={{ project, section: 'secrets' }} className="button quiet"><Trans>Variables</Trans></Link>}>
      <p className="px-4 py-3 text-sm text-muted"><Trans>What it sees when it is started the next time. A variable of the project goes before one of the repository with the same name.</Trans></p>
      <ul className="border-t border-line">
        {variables.map(({ key, source, kind }) => (
          <li key={key} className="grid gap-x-6 border-line px-4 py-2 text-sm not-first:border-t sm:grid-cols-[minmax(0,1fr)_minmax(0,1fr)]">
            <bdi dir="ltr" className="mono wrap-anywhere">{key}</bdi>
            <span className="text-muted"><Source source={source} isSecret={kind === 'secret'} /></span>
          </li>
        ))}
      </ul>
    </Panel>
  )
}

function Source({ source, isSecret }: { source: ServiceVariable['source']; isSecret: boolean }) {
  switch (source) {
    case 'plan': return <Trans>the repository</Trans>
    case 'project': return isSecret ? <Trans>the project’s secrets</Trans> : <Trans>the project’s variables</Trans>
    case 'berth': return <Trans>Berth itself</Trans>
  }
}
