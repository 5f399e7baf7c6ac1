/** What services keep beyond their deployments: volumes with their sizes. They go only when somebody says so. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useQuery } from '@tanstack/react-query'

import { ask } from '~/actions/ask'
import { volumesQuery } from '~/services/queries'
import type { Volume } from '~/services/types'
import { useAmount } from '~/ui/format'
import { Button } from '~/ui/button'
import { Panel } from '~/ui/panel'

export function VolumesPanel({ project }: { project: number }) {
  const { data: volumes = [] } = useQuery(volumesQuery(project))
  if (volumes.length === 0) return null
  return (
    <Panel title={<Trans>Volumes</Trans>}>
      <ul>{volumes.map((volume) => <Row key={`${volume.environment} ${volume.name}`} volume={volume} project={project} />)}</ul>
    </Panel>
  )
}

function Row({ volume, project }: { volume: Volume; project: number }) {
  const { t } = useLingui()
  const amount = useAmount()
  const { name, environment, bytes, services } = volume
  return (
    <li className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-3 border-line py-2 ps-4 pe-2 not-first:border-t">
      <span className="flex min-w-0 flex-wrap items-center gap-x-2">
        <bdi dir="ltr" className="mono cut">{name}</bdi>
        {environment === 'preview' && <span className="tag"><Trans>Previews</Trans></span>}
      </span>
      <Button acts look="quiet" aria-label={t`Remove the volume ${name}…`} disabled={services.length > 0} onClick={() => ask({ kind: 'remove_volume', project, volume })}><Trans>Remove…</Trans></Button>
      <span className="col-span-2 text-xs text-dim">
        {bytes === null ? <Trans>size not known yet</Trans> : amount(bytes)}
        {' · '}
        {services.length > 0 ? <Trans>used by <bdi dir="ltr" className="mono">{services.join(', ')}</bdi>, so it stays</Trans> : <Trans>used by nothing that is live</Trans>}
      </span>
    </li>
  )
}
