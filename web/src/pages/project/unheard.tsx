/** Nobody tells Berth of this project's pushes: said before somebody pushes and nothing happens, with both ways to change it. */

import { Trans } from '@lingui/react/macro'
import { useMutation, useQuery } from '@tanstack/react-query'

import type { Schema } from '~/api/client'
import { messageOf } from '~/api/errors'
import { deliveriesQuery, deployHooksQuery, hookQuery, useChangeProject } from '~/pages/settings/queries'
import { Button, LinkButton } from '~/ui/button'
import { Notice } from '~/ui/panel'

type Project = Schema['ProjectBody']

/** Soon enough to wait for, and nothing to a git host; the button says it, too. */
const LOOK_EVERY_MINUTES = 5

/** For projects that GitHub tells nothing of and that are not looked after by Berth itself. */
export function mayBeUnheard({ repoUrl, webhookId, webhookProblem, pollEvery }: Project): boolean {
  return repoUrl !== null && webhookId === null && webhookProblem === null && pollEvery === null
}

export function Unheard({ project }: { project: Project }) {
  const { data: hook } = useQuery(hookQuery(project.id))
  const { data: deployHooks } = useQuery(deployHooksQuery(project.id))
  const { data: deliveries } = useQuery(deliveriesQuery(project.id))
  const change = useChangeProject(project)
  const look = useMutation({ mutationFn: () => change({ pollEvery: LOOK_EVERY_MINUTES * 60 }) })
  // A delivery may come by a webhook that the operator knows of, and a schedule may call a deploy hook.
  const isHeard = hook?.own.enabled || deployHooks?.length !== 0 || deliveries?.length !== 0
  if (!hook || isHeard) return null
  return (
    <Notice
      tone="busy"
      title={<Trans>Nobody tells Berth of pushes to this repository.</Trans>}
      actions={
        <>
          <Button acts pending={look.isPending} onClick={() => look.mutate()}><Trans>Look every 5 minutes</Trans></Button>
          <LinkButton to="/projects/$project/settings/{-$section}" params={{ project: project.name, section: 'webhook' }}><Trans>Set up the webhook</Trans></LinkButton>
        </>
      }
    >
      {look.error
        ? <span className="text-fail" role="alert">{messageOf(look.error)}</span>
        : <Trans>Until a webhook does, or Berth looks by itself, a commit goes live only when it is built here.</Trans>}
    </Notice>
  )
}
