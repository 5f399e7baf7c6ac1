/** What a build may use. The operator sets it for all projects, so it is told here and changed elsewhere. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useSuspenseQuery } from '@tanstack/react-query'

import { systemQuery } from '~/pages/settings/queries'
import { useLimits } from '~/pages/system/limits'
import { Panel } from '~/ui/panel'

export default function LimitsSection() {
  const { t } = useLingui()
  const limits = useLimits(useSuspenseQuery(systemQuery).data.limits)
  return (
    <Panel title={t`What a build may use`}>
      <p className="max-w-prose px-4 pt-3 text-muted">
        <Trans>A build that goes over one of these is stopped and says so; what is live stays. The operator of this machine sets them, for all projects.</Trans>
      </p>
      <dl className="px-4 py-2">
        {limits.map(({ name, word, value }) => (
          <div key={word} id={name} tabIndex={-1} className="flex flex-wrap items-baseline gap-x-4 border-line py-2 not-first:border-t">
            <dt className="min-w-48 text-muted">{word}</dt>
            <dd className="font-medium">{value}</dd>
            {name && <dd className="ms-auto text-sm text-dim"><code dir="ltr">{name}</code></dd>}
          </div>
        ))}
      </dl>
    </Panel>
  )
}
