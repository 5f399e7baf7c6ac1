/** Who tells Berth of pushes, what came of it, and what GitHub is told in return. */

import { useSuspenseQuery } from '@tanstack/react-query'

import type { Schema } from '~/api/client'
import { ReportsPanel } from '~/pages/project/reports-panel'
import { hookQuery } from '~/pages/settings/queries'
import { DeployHooks } from '~/pages/settings/webhook/deploy-hooks'
import { GithubHook } from '~/pages/settings/webhook/github-hook'
import { Inbox } from '~/pages/settings/webhook/inbox'
import { OwnHook } from '~/pages/settings/webhook/own-hook'

export default function WebhookSection({ project }: { project: Schema['ProjectBody'] }) {
  const hook = useSuspenseQuery(hookQuery(project.id)).data
  return (
    <>
      {hook.github && <GithubHook project={project} github={hook.github} canTest={!hook.own.enabled} />}
      <OwnHook project={project} own={hook.own} />
      <DeployHooks project={project} />
      <Inbox project={project} />
      <ReportsPanel project={project.id} />
    </>
  )
}
