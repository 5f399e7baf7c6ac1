/** What is built, or no longer. Whoever starts a build is led to its log. */

import { Trans } from '@lingui/react/macro'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'

import type { Build } from '~/actions/ask'
import { useChanged } from '~/actions/changed'
import type { DialogProps } from '~/actions/dialogs'
import { Hash, Host, subject } from '~/actions/names'
import { Unanswered } from '~/actions/unanswered'
import { api, body } from '~/api/client'
import { keys } from '~/api/keys'
import { projectQuery } from '~/api/queries'
import { Confirm, type Consequence } from '~/ui/dialog'
import { sendToasts } from '~/ui/toast'

type Props = DialogProps & { build: Build }

/** Starts a build of what the page shows: what was changed there and still waits for its undo is sent first. */
async function started<T>(post: () => Promise<{ data?: T }>): Promise<NonNullable<T>> {
  await sendToasts()
  return body(post())
}

export function Rebuild({ build, ...dialog }: Props) {
  const { data: project } = useQuery(projectQuery(build.projectId))
  const open = useOpened()
  if (!project) return <Unanswered {...dialog} about={build.projectId} />
  const { commit, branch } = build
  const what = commit ? <Hash of={commit.hash} /> : <Trans>the newest commit of <bdi className="mono">{branch}</bdi></Trans>
  return (
    <Confirm
      {...dialog}
      title={<Trans>Build {what} again?</Trans>}
      action={<Trans>Build it again</Trans>}
      consequences={[
        build.environment === 'preview'
          ? ['up', <Trans>If it passes, it takes the place of what the preview of <bdi>{branch}</bdi> shows.</Trans>]
          : ['up', <Trans>If it passes, it goes live at <Host url={project.url} />, whatever is live then.</Trans>],
        ['check', <Trans>Until then, and if it fails, visitors see what they see now.</Trans>],
        ['forward', <Trans>It is built with the settings and variables of today. Its log opens now.</Trans>],
      ]}
      act={async () => open(await started(() => api.POST('/api/v1/builds/{id}/rebuild', { params: { path: { id: build.id } } })))}
    >
      {commit ? <Trans>“<bdi>{subject(commit.message)}</bdi>” by <bdi>{commit.author}</bdi>.</Trans> : <Trans>No commit is known of that build yet.</Trans>}
    </Confirm>
  )
}

export function BuildNewest({ project: id, ...dialog }: DialogProps & { project: number }) {
  const { data: project } = useQuery(projectQuery(id))
  const open = useOpened()
  if (!project) return <Unanswered {...dialog} about={id} />
  const branch = <bdi className="mono">{project.branch}</bdi>
  return (
    <Confirm
      {...dialog}
      title={<Trans>Build the newest commit of {branch}?</Trans>}
      action={<Trans>Build it</Trans>}
      consequences={[
        ['up', <Trans>If it passes, it goes live at <Host url={project.url} />.</Trans>],
        ['check', <Trans>Until then, and if it fails, visitors see what they see now.</Trans>],
        ['forward', <Trans>Its log opens now.</Trans>],
      ]}
      act={async () => open(await started(() => api.POST('/api/v1/projects/{id}/builds', { params: { path: { id } } })))}
    >
      <Trans>Berth fetches {branch} as it is now, whether or not a push told of it.</Trans>
    </Confirm>
  )
}

/** A stranger's code runs only after somebody has said so. */
export function Approve({ build, ...dialog }: Props) {
  const open = useOpened()
  const { pullRequest, commit } = build
  const from = pullRequest?.fork ? <bdi className="mono">{pullRequest.fork}</bdi> : <Trans>another repository</Trans>
  const consequences: Consequence[] = [
    ['up', <Trans>Its install and build commands run on this machine, in a container, with access to the internet. What it builds is shown to everybody at an address of its own.</Trans>],
    ['lock', <Trans>It gets none of the project’s secrets and none of its caches. Plain variables for previews it does get.</Trans>],
    ['forward', <Trans>Each further commit asks again.</Trans>],
  ]
  return (
    <Confirm
      {...dialog}
      title={<Trans>Build the code of {from}?</Trans>}
      action={<Trans>Approve and build</Trans>}
      consequences={consequences}
      act={async () => open(await started(() => api.POST('/api/v1/builds/{id}/approve', { params: { path: { id: build.id } } })))}
    >
      {pullRequest && commit
        ? <Trans>Pull request #{pullRequest.number}, “<bdi>{subject(commit.message)}</bdi>” by <bdi>{commit.author}</bdi>, comes from somebody who may not be one of you. Look at its changes first.</Trans>
        : <Trans>It comes from somebody who may not be one of you. Look at its changes first.</Trans>}
    </Confirm>
  )
}

/** Shown where a build that was to be canceled was not. */
export function Cancel({ build, problem, ...dialog }: Props & { problem: string }) {
  const changed = useChanged()
  return (
    <Confirm
      {...dialog}
      title={<Trans>Build {build.id} was not canceled</Trans>}
      action={<Trans>Cancel it again</Trans>}
      consequences={[
        ['slashed', <Trans>It stops within seconds.</Trans>],
        ['check', <Trans>What visitors see stays as it is.</Trans>],
        ['forward', <Trans>Its commit is not built until it is pushed or built again.</Trans>],
      ]}
      act={async () => {
        await api.POST('/api/v1/builds/{id}/cancel', { params: { path: { id: build.id } } })
        await changed(build.projectId)
      }}
    >
      <bdi>{problem}</bdi>
    </Confirm>
  )
}

/** Leads to the log of a build that was just started. */
function useOpened(): (build: Build) => Promise<void> {
  const queries = useQueryClient()
  const changed = useChanged()
  const navigate = useNavigate()
  return async (build) => {
    queries.setQueryData(keys.build(build.id), build)
    void changed(build.projectId)
    await navigate({ to: '/builds/$build', params: { build: String(build.id) } })
  }
}
