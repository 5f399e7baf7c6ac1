/** What a build may use. The operator sets it for all projects, so it is told here and changed elsewhere. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useSuspenseQuery } from '@tanstack/react-query'

import { useLimits } from '~/pages/system/limits'
import { limitsQuery } from '~/pages/system/queries'
import { Rows } from '~/pages/system/rows'
import { Panel } from '~/ui/panel'

export default function LimitsSection() {
  const { t } = useLingui()
  const limits = useLimits(useSuspenseQuery(limitsQuery).data)
  return (
    <Panel title={t`What a build may use`}>
      <p className="max-w-prose px-4 py-3 text-muted">
        <Trans>A build that goes over one of these is stopped and says so; what is live stays. The operator of this machine sets them, for all projects.</Trans>
      </p>
      <Rows facts={limits} />
    </Panel>
  )
}
