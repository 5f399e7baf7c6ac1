/** What visitors get instead of what they get now: an earlier release again, or what a preview shows. */

import { Trans } from '@lingui/react/macro'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'

import { ask, type Deployment } from '~/actions/ask'
import { useChanged } from '~/actions/changed'
import type { DialogProps } from '~/actions/dialogs'
import { Host, Keys, subject, Version } from '~/actions/names'
import { Unanswered } from '~/actions/unanswered'
import { api, body, type Schema } from '~/api/client'
import { Refusal } from '~/api/errors'
import { buildQuery, projectQuery } from '~/api/queries'
import { Confirm, type Consequence } from '~/ui/dialog'
import { Ago } from '~/ui/time'
import { sendToasts, toast } from '~/ui/toast'

type Props = DialogProps & { deployment: Deployment }

export function Activate({ deployment, ...dialog }: Props) {
  const { project, build, live, named, liveNamed } = useConcerned(deployment)
  const changed = useChanged()
  if (!project) return <Unanswered {...dialog} about={deployment.projectId} />
  const isBack = live !== null && live !== undefined && live.id > deployment.id
  const version = <Version deployment={deployment} build={named} />
  return (
    <Confirm
      {...dialog}
      title={isBack ? <Trans>Roll back to {version}?</Trans> : <Trans>Put {version} live?</Trans>}
      action={isBack ? <Trans>Roll back</Trans> : <Trans>Put it live</Trans>}
      consequences={[
        ['back', <Shown deployment={deployment} build={build} />],
        stays(live, liveNamed),
        next(project),
      ]}
      act={async () => {
        await api.POST('/api/v1/deployments/{id}/activate', { params: { path: { id: deployment.id } } })
        await changed(deployment.projectId)
        toast(<LiveAt url={project.url} />)
      }}
    >
      <Trans>Visitors of <Host url={project.url} /> see it within a second, or as soon as its services have started. Nothing is built.</Trans>
    </Confirm>
  )
}

export function Promote({ deployment, ...dialog }: Props) {
  const { project, build, live, liveBuild } = useConcerned(deployment)
  const changed = useChanged()
  if (!project) return <Unanswered {...dialog} about={deployment.projectId} />
  const act = async () => {
    try {
      await api.POST('/api/v1/deployments/{id}/promote', { params: { path: { id: deployment.id } }, body: { rebuild: false } })
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== 'promotion_needs_rebuild') throw error
      return ask({ kind: 'promote_by_build', deployment, keys: error.keys })
    }
    await changed(deployment.projectId)
    toast(<LiveAt url={project.url} />)
  }
  return (
    <Confirm
      {...dialog}
      title={<Trans>Promote the preview of <bdi>{deployment.branch}</bdi>?</Trans>}
      action={<Trans>Promote it</Trans>}
      consequences={[
        ['up', <Shown deployment={deployment} build={build} />],
        stays(live, liveBuild),
        ['branch', <Trans>The preview stays where it is. The next push to <bdi className="mono">{project.branch}</bdi> goes live as always.</Trans>],
      ]}
      act={act}
    >
      <Trans>Visitors of <Host url={project.url} /> see what the preview shows, within a second or as soon as its services have started. Nothing is built.</Trans>
    </Confirm>
  )
}

export function PromoteByBuild({ deployment, keys, ...dialog }: Props & { keys: readonly string[] }) {
  const { project, build, live } = useConcerned(deployment)
  const changed = useChanged()
  const navigate = useNavigate()
  if (!project) return <Unanswered {...dialog} about={deployment.projectId} />
  const version = <Version deployment={deployment} build={build} />
  const act = async () => {
    await sendToasts()
    const made = await body(api.POST('/api/v1/deployments/{id}/promote', { params: { path: { id: deployment.id } }, body: { rebuild: true } }))
    await changed(deployment.projectId)
    // Asked for a rebuild, the server answers with the build.
    await navigate({ to: '/builds/$build', params: { build: String(made.id) } })
  }
  return (
    <Confirm
      {...dialog}
      title={<Trans>Build {version} for production?</Trans>}
      action={<Trans>Build it for production</Trans>}
      consequences={[
        ['up', <Trans>{version} is built again with production’s variables, and goes live at <Host url={project.url} /> when it has passed.</Trans>],
        live ? ['check', <Trans>Until then, and if it fails, visitors see what they see now.</Trans>] : ['check', <Trans>Until then nothing is live.</Trans>],
        ['forward', <Trans>Its log opens now.</Trans>],
      ]}
      act={act}
    >
      <Trans>The preview’s files cannot go live as they are: production’s builds get other values of <Keys of={keys} />.</Trans>
    </Confirm>
  )
}

function LiveAt({ url }: { url: string }) {
  return <Trans>Live at <Host url={url} /></Trans>
}

/** What the words of a dialog are about. */
function useConcerned(deployment: Deployment) {
  const { data: project } = useQuery(projectQuery(deployment.projectId))
  const { data: build } = useQuery(buildQuery(deployment.buildId))
  const live = project?.liveDeployment
  const { data: liveBuild } = useQuery({ ...buildQuery(live?.buildId ?? 0), enabled: Boolean(live) })
  // Two builds of one commit are told apart by their deployments' numbers.
  const isSame = build?.commit != null && build.commit.hash === liveBuild?.commit?.hash
  return { project, build, live, liveBuild, named: isSame ? undefined : build, liveNamed: isSame ? undefined : liveBuild }
}

/** What will be seen: `Move the archive, by Mara Visser, built yesterday`. */
function Shown({ deployment, build }: { deployment: Deployment; build: Schema['BuildBody'] | undefined }) {
  const since = <Ago at={deployment.createdAt} />
  if (!build?.commit) return <Trans>What visitors will see was published {since}.</Trans>
  const { author, message } = build.commit
  return <Trans>Visitors will see “<bdi>{subject(message)}</bdi>” by <bdi>{author}</bdi>, published {since}.</Trans>
}

function stays(live: Deployment | null | undefined, build: Schema['BuildBody'] | undefined): Consequence {
  if (!live) return ['check', <Trans>Nothing is live now, so nothing is replaced.</Trans>]
  const version = <Version deployment={live} build={build} />
  return ['check', <Trans>{version}, which is live now, is kept: you can go back to it as quickly.</Trans>]
}

function next({ repoUrl, branch }: Schema['ProjectBody']): Consequence {
  if (!repoUrl) return ['forward', <Trans>The next folder that is deployed goes live as always.</Trans>]
  return ['forward', <Trans>The next push to <bdi className="mono">{branch}</bdi> goes live as always.</Trans>]
}
