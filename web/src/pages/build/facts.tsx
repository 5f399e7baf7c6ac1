/** Who caused a build, of what, when, and how long it took. */

import { Trans, useLingui } from '@lingui/react/macro'

import { Hash } from '~/actions/names'
import type { Schema } from '~/api/client'
import { Avatar } from '~/ui/avatar'
import { useFormat } from '~/ui/format'
import { Icon } from '~/ui/icons'
import { Ago, Elapsed } from '~/ui/time'

type Build = Schema['BuildBody']

export function Facts({ build }: { build: Build }) {
  const { t } = useLingui()
  const format = useFormat()
  const { commit, branch, pullRequest, startedAt, finishedAt } = build
  return (
    <ul aria-label={t`About this build`} className="flex flex-wrap items-center gap-x-3.5 gap-y-1 text-sm text-muted">
      {commit && <li className="flex items-center gap-1.5"><Avatar small name={commit.author} /><bdi>{commit.author}</bdi></li>}
      <li><Occasion build={build} /></li>
      {build.trigger !== 'folder' && <li className="flex items-center gap-1.5"><Icon name="branch" /><bdi dir="ltr" className="mono wrap-anywhere">{branch}</bdi></li>}
      {commit && <li><Hash of={commit.hash} /></li>}
      {pullRequest && <li><Trans>pull request #{pullRequest.number}</Trans>{pullRequest.fork && <> <Trans>from <bdi dir="ltr" className="mono">{pullRequest.fork}</bdi></Trans></>}</li>}
      {build.environment === 'preview' && <li className="tag"><Trans>Preview</Trans></li>}
      <li><Ago at={build.createdAt} /></li>
      {startedAt && (finishedAt
        ? <li><Trans>took {format.duration(Date.parse(finishedAt) - Date.parse(startedAt))}</Trans></li>
        : <li><Trans>since <Elapsed since={startedAt} /></Trans></li>)}
      <li><Trans>build {build.id}</Trans></li>
    </ul>
  )
}

/** Why it is there. */
function Occasion({ build }: { build: Build }) {
  switch (build.trigger) {
    case 'created': return <Trans>the first build</Trans>
    case 'push': return <Trans>pushed</Trans>
    case 'rebuild': return <Trans>built again</Trans>
    case 'reconcile': return <Trans>found by looking at the branch</Trans>
    case 'pull_request': return <Trans>opened a pull request</Trans>
    case 'deploy_hook': return <Trans>asked for by a deploy hook</Trans>
    case 'poll': return <Trans>found by looking at the branch</Trans>
    case 'promote': return <Trans>for production, from a preview</Trans>
    case 'folder': return <Trans>files as they were sent</Trans>
  }
}
