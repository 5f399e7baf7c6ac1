/** A project in the list: how it stands, what was pushed last, and what can be done about it. */

import { Trans, useLingui } from '@lingui/react/macro'
import { Link } from '@tanstack/react-router'
import { memo } from 'react'

import { ask } from '~/actions/ask'
import { isUnderWay, useCancel, useCancelWords, useStateOf } from '~/actions/cancel'
import { Hash, hostOf, subject } from '~/actions/names'
import { groupOf, type Project, stateOf } from '~/pages/projects/standing'
import { useFormat } from '~/ui/format'
import { frameworkName } from '~/ui/framework'
import { Menu, MenuItem, MenuLine } from '~/ui/menu'
import { State, useStateWord } from '~/ui/state'
import { Tide } from '~/ui/tide'
import { Ago, Elapsed, Span } from '~/ui/time'

const EDGE = { needs: 'border-s-fail', building: 'border-s-busy-fill', live: 'border-s-transparent', none: 'border-s-transparent' } as const

export const ProjectRow = memo(function ProjectRow({ project }: { project: Project }) {
  const { name, url, liveDeployment, recentBuilds } = project
  const host = <bdi dir="ltr">{hostOf(url)}</bdi>
  return (
    <li data-row className={`project-row ${EDGE[groupOf(project)]}`}>
      <div className="grid min-w-0 justify-items-start">
        <Link to="/projects/$project" params={{ project: name }} className="cut max-w-full text-[calc(15rem/14)] leading-[1.6] font-semibold after:absolute after:inset-0"><bdi>{name}</bdi></Link>
        {liveDeployment
          ? <a href={url} target="_blank" rel="noreferrer" className="cut relative max-w-full text-sm leading-[calc(24rem/14)] text-muted hover:underline">{host}</a>
          : <span className="cut max-w-full text-sm leading-[calc(24rem/14)] text-dim">{host}</span>}
      </div>
      <Standing project={project} />
      <Pushed project={project} />
      <span className="max-md:hidden"><Tide builds={recentBuilds.toReversed()} /></span>
      <span className="max-md:hidden"><Kind project={project} look="tag" /></span>
      <span className="relative max-sm:col-start-3 max-sm:row-start-1 max-sm:self-start"><Actions project={project} /></span>
    </li>
  )
})

function Standing({ project }: { project: Project }) {
  const buildState = useStateOf()
  const state = stateOf(project, buildState)
  return (
    <div className="grid content-center justify-items-start max-sm:col-start-2 max-sm:row-start-1 max-sm:justify-items-end max-sm:text-end">
      <span className="flex h-6 items-center"><State state={state} /></span>
      <span className="text-xs leading-[calc(24rem/14)] text-dim"><Standfirst state={state} project={project} /></span>
    </div>
  )
}

/** What the state means for visitors, or since when it is. */
function Standfirst({ state, project: { latestBuild: latest, liveDeployment: live, medianMs, troubles } }: { state: string; project: Project }) {
  const format = useFormat()
  if (state === 'crash_loop' || state === 'unhealthy') return <bdi dir="ltr">{troubles.map(({ service }) => service).join(', ')}</bdi>
  if (state === 'failed' || state === 'refused' || state === 'held') return live ? <Trans>old version still up</Trans> : <Trans>nothing is up</Trans>
  if (state === 'queued') return <Trans>waits for its turn</Trans>
  if (latest && isUnderWay(latest)) {
    const elapsed = <Elapsed since={latest.startedAt ?? latest.createdAt} />
    return medianMs === null ? elapsed : <Trans>{elapsed} of about {format.duration(medianMs)}</Trans>
  }
  if (state === 'rolled_back') return live?.commit ? <Trans>to <Hash of={live.commit.hash} /></Trans> : <Trans>to an earlier version</Trans>
  if (live) return <Trans>for <Span since={live.activatedAt ?? live.createdAt} /></Trans>
  return latest ? <Trans>nothing is up</Trans> : <Trans>no build yet</Trans>
}

function Pushed({ project }: { project: Project }) {
  const word = useStateWord()
  const { latestBuild, liveDeployment, repoUrl } = project
  if (!latestBuild) return <div className="min-w-0 text-dim max-sm:col-span-full">{repoUrl === null ? <Trans>Waits for its first folder</Trans> : <Trans>Waits for its first push</Trans>}</div>
  const { id, commit, branch, status, createdAt } = latestBuild
  const aside = liveDeployment !== null && liveDeployment.buildId !== id && ['canceled', 'superseded', 'skipped'].includes(status)
  return (
    <div className="min-w-0 max-sm:col-span-full max-sm:pe-2">
      <div className="cut leading-[1.7]" dir="auto">{commit ? subject(commit.message) : repoUrl === null ? <Trans>Files sent from a folder</Trans> : <Trans>The newest commit of <bdi className="mono">{branch}</bdi></Trans>}</div>
      <div className="cut text-xs leading-[calc(20rem/14)] text-dim">
        <Kind project={project} look="after:content-['_·_'] md:hidden" />
        {aside && <>{word(status)} · </>}
        {commit && <><bdi>{commit.author}</bdi> · <bdi className="mono">{branch}</bdi> · <Hash of={commit.hash} /> · </>}
        <Ago at={createdAt} />
      </div>
    </div>
  )
}

/** What it is made with; where there is no room for a column of it, it goes before what was pushed. */
function Kind({ project: { framework, repoUrl }, look }: { project: Project; look: string }) {
  if (!framework && repoUrl !== null) return null
  return <span className={look}>{framework ? frameworkName(framework) : <Trans>Folder</Trans>}</span>
}

function Actions({ project }: { project: Project }) {
  const { t } = useLingui()
  const cancel = useCancel()
  const cancelWords = useCancelWords()
  const { id, name, url, repoUrl, latestBuild: build, liveDeployment } = project
  return (
    <Menu label={t`More for ${name}`}>
      {() => (
        <>
          {liveDeployment && <MenuItem icon="out" href={url}><Trans>Open the site</Trans></MenuItem>}
          {build && <MenuItem icon="forward" to="/builds/$build" params={{ build: String(build.id) }}><Trans>Latest log</Trans></MenuItem>}
          {build?.status === 'held' && <MenuItem icon="lock" acts onClick={() => ask({ kind: 'approve', build })}><Trans>Let it run…</Trans></MenuItem>}
          {build && isUnderWay(build) && <MenuItem icon="slashed" acts onClick={() => void cancel(build)}>{cancelWords(build, liveDeployment !== null)}</MenuItem>}
          {repoUrl !== null && <MenuItem icon="again" acts onClick={() => ask({ kind: 'build_newest', project: id })}><Trans>Build the newest commit…</Trans></MenuItem>}
          <MenuLine />
          <MenuItem icon="forward" to="/projects/$project/settings/{-$section}" params={{ project: name }}><Trans>Settings</Trans></MenuItem>
          <MenuItem danger to="/projects/$project/settings/{-$section}" params={{ project: name, section: 'delete' }}><Trans>Delete…</Trans></MenuItem>
        </>
      )}
    </Menu>
  )
}
