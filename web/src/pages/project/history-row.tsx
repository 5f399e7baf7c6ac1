/** A build, with what became of it; or a promotion. */

import { Trans, useLingui } from '@lingui/react/macro'
import { Link } from '@tanstack/react-router'

import type { Build, Deployment } from '~/actions/ask'
import { isUnderWay, useStateOf } from '~/actions/cancel'
import { short, subject } from '~/actions/names'
import type { Schema } from '~/api/client'
import { Avatar } from '~/ui/avatar'
import { useFormat } from '~/ui/format'
import { State } from '~/ui/state'
import { Ago, Elapsed } from '~/ui/time'
import { type Entry, type Knot, knotOf } from './history'
import { HistoryMenu } from './history-menu'

const GRID =
  'relative grid items-center gap-x-2.5 gap-y-0.5 border-line py-2.5 ps-3 pe-1 not-first:border-t hover:bg-hover ' +
  'grid-cols-[16px_minmax(0,1fr)_auto] sm:min-h-14 sm:grid-cols-[20px_calc(116rem/14)_minmax(0,1fr)_calc(128rem/14)_calc(64rem/14)_calc(88rem/14)_32px] sm:gap-x-3 sm:py-0 sm:ps-4 sm:pe-2'

/** How the mooring line passes a row: as the way visitors came, not yet reached, or not at all. */
export type Line = 'through' | 'ahead' | 'none'

type HistoryRowProps = {
  entry: Entry
  project: Schema['ProjectBody']
  line: Line
  /** Rows of all branches are in one list: each says which one it is of. */
  withBranch?: boolean
}

export function HistoryRow({ entry, project, line, withBranch = false }: HistoryRowProps) {
  const { build, deployment } = entry
  const stateOf = useStateOf()
  const knot = knotOf(entry)
  const commit = build?.commit ?? deployment?.commit
  const state = stateFor(build, deployment, stateOf)
  return (
    <li data-row className={`${GRID} ${knot === 'live' ? 'bg-[color-mix(in_oklab,var(--live-soft)_55%,var(--surface))]' : ''}`}>
      <Mooring knot={knot} line={line} />
      <span className="flex min-w-0 max-sm:col-start-2"><State state={state} /></span>
      <span className="flex min-w-0 items-center gap-2 max-sm:col-span-2 max-sm:col-start-2 max-sm:row-start-2">
        {withBranch && build && <Branch build={build} />}
        <Link to="/builds/$build" params={{ build: String(build?.id ?? deployment!.buildId) }} dir="auto" className="cut block flex-1 py-1 hover:underline">
          <Title build={build} deployment={deployment} isTold={withBranch} />
        </Link>
      </span>
      <span className="flex min-w-0 items-center gap-2 text-xs text-dim max-sm:col-start-2 max-sm:row-start-3">
        {commit && <Avatar small name={commit.author} />}
        {commit
          ? (
            <span className="flex min-w-0 gap-2 sm:grid sm:gap-0">
              <bdi className="cut" title={commit.author}>{commit.author}</bdi>
              <bdi dir="ltr" className="mono shrink-0 sm:justify-self-start">{short(commit.hash)}</bdi>
            </span>
          )
          : <span className="cut"><Occasion build={build} /></span>}
      </span>
      <span className="text-end text-sm text-dim max-sm:hidden"><Took build={build} /></span>
      <span className="pe-2 text-end text-sm text-dim max-sm:col-start-3 max-sm:row-start-3 max-sm:text-xs sm:pe-0"><span className="after:content-['_·_'] empty:hidden sm:hidden"><Took build={build} /></span><Ago at={entry.at} /></span>
      <span className="max-sm:col-start-3 max-sm:row-start-1 max-sm:-my-1.5 max-sm:justify-self-end"><HistoryMenu entry={entry} project={project} /></span>
    </li>
  )
}

/** What a passed build published says more than that it passed. */
function stateFor(build: Build | undefined, deployment: Deployment | undefined, stateOf: (build: Build) => string): string {
  if (!build) return deployment!.status === 'failed' ? 'refused' : deployment!.status
  const state = stateOf(build)
  return state === 'passed' ? (deployment?.status ?? build.deployment?.status ?? state) : state
}

/** A folder is of no branch. */
function Branch({ build: { branch, environment, trigger } }: { build: Build }) {
  return (
    <>
      {trigger !== 'folder' && <span className="tag min-w-0 max-w-40"><bdi className="cut mono">{branch}</bdi></span>}
      {environment === 'preview' && <span className="tag"><Trans>Preview</Trans></span>}
    </>
  )
}

/** `isTold`: the branch is said before it. */
function Title({ build, deployment, isTold }: { build: Build | undefined; deployment: Deployment | undefined; isTold: boolean }) {
  const commit = build?.commit ?? deployment?.commit
  if (!build) return <Trans>Promoted from <bdi className="mono">{deployment!.branch}</bdi>: <bdi>{commit ? subject(commit.message) : `#${deployment!.id}`}</bdi></Trans>
  if (commit) return build.environment === 'preview' && !isTold ? <Trans><bdi className="mono">{build.branch}</bdi>: <bdi>{subject(commit.message)}</bdi></Trans> : subject(commit.message)
  if (build.trigger === 'folder') return <Trans>Files as they were sent</Trans>
  return <Trans>Newest commit of <bdi className="mono">{build.branch}</bdi></Trans>
}

/** Why a build without a known commit is there. */
function Occasion({ build }: { build: Build | undefined }) {
  switch (build?.trigger) {
    case 'folder': return <Trans>a folder</Trans>
    case 'created': return <Trans>the first build</Trans>
    case 'deploy_hook': return <Trans>a deploy hook</Trans>
    default: return null
  }
}

function Took({ build }: { build: Build | undefined }) {
  const format = useFormat()
  if (!build?.startedAt) return null
  if (isUnderWay(build)) return <Elapsed since={build.startedAt} />
  return build.finishedAt && format.duration(Date.parse(build.finishedAt) - Date.parse(build.startedAt))
}

/** The live one is the largest, what was seen a ring, what never was a tick beside the line. */
function Mark({ knot }: { knot: Knot }) {
  switch (knot) {
    case 'live': return <i className="z-1 size-3.5 rounded-full border-4 border-live bg-surface forced-colors:border-[Highlight]" />
    case 'seen': return <i className="z-1 size-[9px] rounded-full border-2 border-control bg-surface" />
    case 'under_way': return <i className="z-1 size-[9px] rounded-full border-2 border-busy-fill bg-busy-fill" />
    case 'failed': return <i className="z-1 ms-2.5 w-2.5 border-t-2 border-fail" />
    case 'unseen': return <i className="z-1 ms-2.5 w-2 border-t-2 border-control" />
  }
}

/** The line is information for the eye; the same is said in words for the ear. */
function Mooring({ knot, line }: { knot: Knot; line: Line }) {
  const { t } = useLingui()
  const said: Record<Knot, string> = {
    live: t`Visitors see this now`,
    seen: t`Visitors saw this`,
    under_way: t`Visitors do not see this yet`,
    failed: t`Visitors never saw this`,
    unseen: t`Visitors never saw this`,
  }
  const through = line === 'through' ? 'border-solid' : 'border-dotted'
  return (
    <span className="relative grid place-items-center self-stretch max-sm:row-span-3 max-sm:-my-2.5" title={said[knot]}>
      <span aria-hidden="true" className="contents">
        {line !== 'none' && <i className={`absolute inset-y-0 start-[calc(50%-1px)] border-s-2 border-line ${through} [li:first-child_&]:top-1/2 [li:last-child_&]:bottom-1/2`} />}
        <Mark knot={knot} />
      </span>
      <span className="sr-only">{said[knot]}</span>
    </span>
  )
}
