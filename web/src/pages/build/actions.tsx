/** What can be done about a build; each says what follows from it before it happens. */

import { Trans } from '@lingui/react/macro'

import { ask } from '~/actions/ask'
import { isUnderWay, useCancel, useStateOf } from '~/actions/cancel'
import type { Schema } from '~/api/client'
import { Button, OutButton } from '~/ui/button'

export function BuildActions({ build, project }: { build: Schema['BuildBody']; project: Schema['ProjectBody'] }) {
  const cancel = useCancel()
  const state = useStateOf()(build)
  if (isUnderWay(build)) return <Button acts pending={state === 'canceling'} onClick={() => void cancel(build)}>{state === 'canceling' ? <Trans>Canceling</Trans> : <Trans>Cancel</Trans>}</Button>
  return (
    <>
      {build.status === 'held' && <Button acts look="primary" onClick={() => ask({ kind: 'approve', build })}><Trans>Approve and build…</Trans></Button>}
      {project.liveDeployment?.buildId === build.id && <OutButton href={project.url} look="primary"><Trans>Visit</Trans></OutButton>}
      {canBeBuiltAgain(build) && <Button acts onClick={() => ask({ kind: 'rebuild', build })}><Trans>Rebuild…</Trans></Button>}
    </>
  )
}

/** Nothing is kept of a folder to build again: it is sent again. */
function canBeBuiltAgain({ status, trigger, commit }: Schema['BuildBody']): boolean {
  return status !== 'held' && trigger !== 'folder' && (commit !== null || status !== 'skipped')
}
