/** What a build may use. The operator sets it for all projects; the figures are told to administrators. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useSuspenseQuery } from '@tanstack/react-query'

import { useMe } from '~/api/queries'
import { useLimits } from '~/pages/system/limits'
import { systemQuery } from '~/pages/system/queries'
import { Rows } from '~/pages/system/rows'
import { Panel } from '~/ui/panel'

export default function LimitsSection() {
  const { t } = useLingui()
  const { role } = useMe()
  return (
    <Panel title={t`What a build may use`}>
      <p className="max-w-prose px-4 py-3 text-muted">
        <Trans>A build that goes over a limit of memory, time or size is stopped and says so; what is live stays. The operator of this machine sets the limits, for all projects.</Trans>
      </p>
      {role === 'admin' && <Figures />}
    </Panel>
  )
}

function Figures() {
  return <Rows facts={useLimits(useSuspenseQuery(systemQuery).data.limits)} />
}
