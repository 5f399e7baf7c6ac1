/** The last builds as a row of bars: height is duration, shape is outcome. */

import { useLingui } from '@lingui/react/macro'
import { plural } from '@lingui/core/macro'

export type TideBuild = { id: number; status: string; tookMs: number | null }

export function Tide({ builds }: { builds: readonly TideBuild[] }) {
  const { t } = useLingui()
  if (builds.length === 0) return null
  const longest = Math.max(1, ...builds.map((build) => build.tookMs ?? 0))
  const failed = builds.filter((build) => build.status === 'failed').length
  const label = t`Last ${plural(builds.length, { one: '# build', other: '# builds' })}: ${plural(failed, { 0: 'none failed', one: '# failed', other: '# failed' })}`
  return (
    <span className="tide" role="img" aria-label={label}>
      {builds.map((build) => (
        <i key={build.id} className={shape(build.status)} style={{ blockSize: `${Math.max(24, ((build.tookMs ?? 0) / longest) * 100)}%` }} />
      ))}
    </span>
  )
}

function shape(status: string): string {
  if (status === 'failed') return 'failed'
  if (status === 'passed') return ''
  return status === 'running' || status === 'queued' ? 'running' : 'canceled'
}
