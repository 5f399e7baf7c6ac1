/** What visitors get now: a picture, the address, what it was built from, and the ways to change it. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'

import { ask, type Deployment } from '~/actions/ask'
import { isUnderWay } from '~/actions/cancel'
import { hostOf, short, subject } from '~/actions/names'
import type { Schema } from '~/api/client'
import { buildQuery } from '~/api/queries'
import { Avatar } from '~/ui/avatar'
import { Button, OutButton } from '~/ui/button'
import { type Fact, Facts } from '~/ui/facts'
import { useFormat } from '~/ui/format'
import { State } from '~/ui/state'
import { Tide } from '~/ui/tide'
import { Ago } from '~/ui/time'
import { rollBackTarget } from './history'
import { Drawn, Miniature } from './miniature'
import { deploymentsQuery } from './queries'

type Project = Schema['ProjectBody']

/** `trouble`: the state of a service of it that does not work. */
export function LiveCard({ project, live, trouble }: { project: Project; live: Deployment; trouble: string | undefined }) {
  const { t } = useLingui()
  const { data: build } = useQuery(buildQuery(live.buildId))
  const { data: deployments = [] } = useQuery(deploymentsQuery(project.id, 'production'))
  const target = rollBackTarget(live, deployments)
  // Previews are shown to everybody where only they are protected.
  const isProtected = project.protection !== null && project.protection.scope !== 'previews'
  return (
    <section aria-label={t`Production`} className="panel grid overflow-clip sm:grid-cols-[min(312px,38%)_minmax(0,1fr)]">
      {isProtected ? <Drawn icon="lock" /> : trouble ? <Drawn icon="failed" /> : <Miniature url={project.url} version={live.id} />}
      <div className="flex min-w-0 flex-col gap-3 p-4 sm:px-5">
        <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <State state={trouble ?? 'live'} />
          <span className="tag"><Trans>Production</Trans></span>
          {isProtected && <span className="tag"><Trans>Asks for a password</Trans></span>}
          <span className="flex-1" />
          <Tide builds={[...project.recentBuilds].reverse()} />
        </div>
        <div className="grid min-w-0 gap-0.5">
          <a href={project.url} target="_blank" rel="noreferrer" dir="ltr" className="cut justify-self-start text-[calc(17rem/14)] leading-[1.4] font-semibold hover:underline sm:text-xl">{hostOf(project.url)}</a>
          <Source live={live} />
        </div>
        <LiveFacts live={live} />
        <div className="mt-auto flex flex-wrap gap-2">
          <OutButton href={project.url} look="primary" className="max-sm:flex-1"><Trans>Visit</Trans></OutButton>
          {target && (
            <Button acts icon="back" className="max-sm:flex-1" onClick={() => ask({ kind: 'activate', deployment: target })}>
              <RollBackTo target={target} live={live} />
            </Button>
          )}
          {build && build.trigger !== 'folder' && !isUnderWay(build) && (
            <Button acts look="quiet" onClick={() => ask({ kind: 'rebuild', build })}><Trans>Rebuild…</Trans></Button>
          )}
        </div>
      </div>
    </section>
  )
}

/** Of a commit that is live already, from another build of it, the number tells. */
function RollBackTo({ target, live }: { target: Deployment; live: Deployment }) {
  if (!target.commit || target.commit.hash === live.commit?.hash) return <Trans>Roll back to deployment {target.id}…</Trans>
  return <Trans>Roll back to <bdi dir="ltr" className="mono">{short(target.commit.hash)}</bdi>…</Trans>
}

/** The commit, who wrote it and where; of files that were sent, that they were. */
function Source({ live }: { live: Deployment }) {
  const { commit, branch, buildId } = live
  if (!commit) {
    return <p className="text-muted"><Trans>Files as they were sent, <Link to="/builds/$build" params={{ build: String(buildId) }} className="link">build {buildId}</Link></Trans></p>
  }
  return (
    <>
      <Link to="/builds/$build" params={{ build: String(buildId) }} dir="auto" className="cut py-0.5 hover:underline">{subject(commit.message)}</Link>
      <p className="flex min-w-0 items-center gap-2 text-xs text-dim">
        <Avatar small name={commit.author} />
        <span className="cut"><bdi>{commit.author}</bdi> · <bdi className="mono">{branch}</bdi> · <bdi dir="ltr" className="mono">{short(commit.hash)}</bdi></span>
      </p>
    </>
  )
}

function LiveFacts({ live }: { live: Deployment }) {
  const format = useFormat()
  const facts: Fact[] = [
    [<Trans>Live since</Trans>, <Ago at={live.activatedAt ?? live.createdAt} />],
    live.tookMs !== null && [<Trans>Built in</Trans>, format.duration(live.tookMs)],
    // Of what runs alone there are none.
    live.files > 0 && [<Trans>Size</Trans>, format.size(live.bytes)],
    live.files > 0 && [<Trans>Files</Trans>, format.number(live.files)],
  ]
  return <Facts wide of={facts} />
}
