/** Why what was built did not go live: what its services did instead, with the end of their log. */

import { Trans, useLingui } from '@lingui/react/macro'

import type { Schema } from '~/api/client'
import { Original } from '~/failure/original'
import { Icon } from '~/ui/icons'
import { ForVisitors } from './failure'

type Props = { build: Schema['BuildBody']; project: Schema['ProjectBody'] }

export function NotLive({ build, project }: Props) {
  const { t } = useLingui()
  if (build.deployment?.status !== 'failed' || !build.deployment.problem) return null
  return (
    <section aria-label={t`Why it did not go live`} className="notice fail items-start">
      <div className="grid min-w-0 flex-1 basis-80 gap-2">
        <h2 className="flex gap-2 text-lg"><Icon name="failed" className="mt-1 text-fail" /><Trans>It was built, but it did not go live.</Trans></h2>
        <Original words={build.deployment.problem} />
        <p className="max-w-[72ch] text-muted"><ForVisitors build={build} project={project} /></p>
      </div>
    </section>
  )
}
