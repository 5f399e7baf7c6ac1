/** What one has to know first: that the last push did not go live, that pushes may not be heard of, that somebody's code waits. */

import { Trans } from '@lingui/react/macro'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'

import { ask, type Build } from '~/actions/ask'
import { Hash, subject } from '~/actions/names'
import type { Schema } from '~/api/client'
import { sentence } from '~/api/errors'
import { useFailureWords } from '~/failure/words'
import { isBehind } from '~/pages/projects/standing'
import { Trouble } from '~/services/trouble'
import type { Service } from '~/services/types'
import { Button, LinkButton } from '~/ui/button'
import { English } from '~/ui/english'
import { Notice } from '~/ui/panel'
import { heldQuery } from './queries'
import { mayBeUnheard, Unheard } from './unheard'

type Project = Schema['ProjectBody']

/** `troubled`: the services of what is live that do not work. */
export function Notices({ project, troubled }: { project: Project; troubled: readonly Service[] }) {
  const { latestBuild: latest, webhookProblem } = project
  const { data: held = [] } = useQuery(heldQuery(project.id))
  const failed = isBehind(project) ? latest : undefined
  return (
    <div className="mb-4 grid gap-3 empty:hidden">
      {troubled.map((service) => (
        <Trouble
          key={service.name}
          named
          service={service}
          actions={<LinkButton to="/projects/$project/services/$service" params={{ project: project.name, service: service.name }}><Trans>Open its log</Trans></LinkButton>}
        />
      ))}
      {failed && <Failed build={failed} live={project.liveDeployment} />}
      {webhookProblem && (
        <Notice
          tone="fail"
          title={<Trans>GitHub may not tell of pushes.</Trans>}
          actions={<LinkButton to="/projects/$project/settings/{-$section}" params={{ project: project.name, section: 'webhook' }}><Trans>Look at the webhook</Trans></LinkButton>}
        >
          <English>{sentence(webhookProblem)}</English>
        </Notice>
      )}
      {held.map((build) => <Held key={build.id} build={build} />)}
      {mayBeUnheard(project) && <Unheard project={project} />}
    </div>
  )
}

/** Why the last push is not live, and what is. */
function Failed({ build, live }: { build: Build; live: Schema['DeploymentBody'] | null }) {
  const { failure, deployment } = build
  const wordsOf = useFailureWords()
  return (
    <Notice
      tone="fail"
      title={build.trigger === 'push' ? <Trans>The last push did not go live.</Trans> : <Trans>The last build did not go live.</Trans>}
      actions={
        <LinkButton to="/builds/$build" params={{ build: String(build.id) }}>
          {failure ? <Trans>Open the log</Trans> : <Trans>Look at it</Trans>}
        </LinkButton>
      }
    >
      {live ? (live.commit ? <Trans>Visitors still see <Hash of={live.commit.hash} />.</Trans> : <Trans>Visitors still see deployment {live.id}.</Trans>) : <Trans>Nothing is live yet.</Trans>}{' '}
      {failure && <bdi>{wordsOf(failure).title}</bdi>}
      {deployment?.problem && <English>{firstLine(deployment.problem)}</English>}
    </Notice>
  )
}

/** The lines of a log that may follow are on the build's page. */
function firstLine(problem: string): string {
  return problem.split('\n', 1)[0] ?? problem
}

/** A stranger's code runs only after somebody has said so. */
function Held({ build }: { build: Build }) {
  const { pullRequest, commit } = build
  return (
    <Notice
      tone="busy"
      title={pullRequest?.fork ? <Trans>Code from <bdi className="mono">{pullRequest.fork}</bdi> waits for you.</Trans> : <Trans>A build waits for you.</Trans>}
      actions={
        <>
          <LinkButton look="quiet" to="/builds/$build" params={{ build: String(build.id) }}><Trans>Look at it</Trans></LinkButton>
          <Button acts look="primary" onClick={() => ask({ kind: 'approve', build })}><Trans>Approve and build…</Trans></Button>
        </>
      }
    >
      {pullRequest && <Trans>Pull request #{pullRequest.number}.</Trans>}{' '}
      {commit && <Link to="/builds/$build" params={{ build: String(build.id) }} className="hover:underline"><bdi>{subject(commit.message)}</bdi></Link>}
    </Notice>
  )
}
