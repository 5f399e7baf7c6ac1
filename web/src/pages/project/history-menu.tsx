/** What can be done about a build or what it published. Each says what follows from it before it happens. */

import { Trans, useLingui } from '@lingui/react/macro'

import { ask, type Build } from '~/actions/ask'
import { isUnderWay, useCancel, useCancelWords } from '~/actions/cancel'
import type { Schema } from '~/api/client'
import { Menu, MenuItem } from '~/ui/menu'
import { canGoLive, type Entry } from './history'

export function HistoryMenu({ entry: { build, deployment }, project }: { entry: Entry; project: Schema['ProjectBody'] }) {
  const { t } = useLingui()
  const cancel = useCancel()
  const cancelWords = useCancelWords()
  const live = project.liveDeployment
  const items = [
    deployment?.kept && <MenuItem key="visit" icon="out" href={deployment.url}><Trans>Visit this version</Trans></MenuItem>,
    deployment && deployment.environment === 'production' && canGoLive(deployment) && (
      <MenuItem key="activate" acts icon="back" onClick={() => ask({ kind: 'activate', deployment })}>
        {live && live.id > deployment.id ? <Trans>Roll back to this…</Trans> : <Trans>Put this live…</Trans>}
      </MenuItem>
    ),
    deployment && deployment.environment === 'preview' && canGoLive(deployment) && (
      <MenuItem key="promote" acts icon="up" onClick={() => ask({ kind: 'promote', deployment })}><Trans>Promote…</Trans></MenuItem>
    ),
    build?.status === 'held' && <MenuItem key="approve" acts icon="check" onClick={() => ask({ kind: 'approve', build })}><Trans>Approve and build…</Trans></MenuItem>,
    build && canBeBuiltAgain(build) && <MenuItem key="rebuild" acts icon="again" onClick={() => ask({ kind: 'rebuild', build })}><Trans>Rebuild…</Trans></MenuItem>,
    build && (isUnderWay(build) || build.status === 'held') && (
      <MenuItem key="cancel" acts icon="slashed" disabled={build.cancelRequested} onClick={() => void cancel(build)}>
        {cancelWords(build, live !== null)}
      </MenuItem>
    ),
  ].filter(Boolean)
  if (items.length === 0) return null
  return <Menu label={build ? t`What to do about build ${build.id}` : t`What to do about deployment ${deployment!.id}`}>{items}</Menu>
}

/** Nothing is kept of a folder to build again: it is sent again. */
function canBeBuiltAgain(build: Build): boolean {
  if (isUnderWay(build) || build.status === 'held' || build.trigger === 'folder') return false
  return build.commit !== null || build.status !== 'skipped'
}
