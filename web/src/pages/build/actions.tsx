/** What can be done about a build; each says what follows from it before it happens. What is rarer is in the menu. */

import { Trans } from '@lingui/react/macro'
import { useQuery } from '@tanstack/react-query'

import { ask } from '~/actions/ask'
import { isRefused, isUnderWay, useCancel, useCancelWords, useStateOf } from '~/actions/cancel'
import type { Schema } from '~/api/client'
import { HistoryMenu } from '~/pages/project/history-menu'
import { deploymentsQuery } from '~/pages/project/queries'
import { Button, OutButton } from '~/ui/button'

export function BuildActions({ build, project }: { build: Schema['BuildBody']; project: Schema['ProjectBody'] }) {
  const { data: deployments } = useQuery(deploymentsQuery(project.id, build.environment))
  const deployment = deployments?.find(({ buildId, promotedFrom }) => buildId === build.id && promotedFrom === null)
  return (
    <>
      <Foremost build={build} project={project} />
      <HistoryMenu entry={{ key: String(build.id), at: build.createdAt, build, deployment }} project={project} />
    </>
  )
}

function Foremost({ build, project }: { build: Schema['BuildBody']; project: Schema['ProjectBody'] }) {
  const cancel = useCancel()
  const cancelWords = useCancelWords()
  const state = useStateOf()(build)
  if (isUnderWay(build)) return <Button acts pending={state === 'canceling'} onClick={() => void cancel(build)}>{state === 'canceling' ? <Trans>Canceling</Trans> : cancelWords(build, project.liveDeployment !== null)}</Button>
  if (build.status === 'held') return <Button acts look="primary" onClick={() => ask({ kind: 'approve', build })}><Trans>Approve and build…</Trans></Button>
  if (project.liveDeployment?.buildId === build.id) return <OutButton href={project.url} look="primary"><Trans>Visit</Trans></OutButton>
  if ((build.status === 'failed' || isRefused(build)) && build.trigger !== 'folder') return <Button acts onClick={() => ask({ kind: 'rebuild', build })}><Trans>Rebuild…</Trans></Button>
  return null
}
