/** The one bar: where one is, what builds, the way to everything else. On small screens a project's tabs are a line of their own. */

import { Plural, Trans, useLingui } from '@lingui/react/macro'
import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { lazy } from 'react'

import { projectsQuery, useMe } from '~/api/queries'
import { COMMAND } from '~/shell/keys'
import { openOverlay } from '~/shell/overlay'
import { piece } from '~/shell/piece'
import { useWhere } from '~/shell/where'
import { Avatar } from '~/ui/avatar'
import { Icon } from '~/ui/icons'
import { Mark } from '~/ui/mark'
import { Menu } from '~/ui/menu'
import { isUnderWay } from '~/actions/cancel'

export const accountMenu = () => piece(() => import('~/shell/account-menu'))
const AccountMenu = lazy(() => accountMenu().then(({ AccountMenu }) => ({ default: AccountMenu })))

export function Bar() {
  const { t } = useLingui()
  const me = useMe()
  const { name } = useWhere()
  return (
    <header className="bar">
      <Link to="/" aria-label={t`Berth: all projects`} className="flex min-h-8 min-w-6 items-center gap-2 text-[calc(15rem/14)] font-bold"><Mark />{name === undefined && <span>Berth</span>}</Link>
      {name !== undefined && <ProjectPart name={name} />}
      <span className="flex-1" />
      <Building />
      <PaletteButton />
      {me.githubRefused && <a className="link text-sm text-fail" href="/api/auth/github?redirect=/account"><Trans>Reconnect GitHub</Trans></a>}
      <Menu label={t`Account of ${me.username}`} trigger={<button className="button quiet square rounded-full"><Avatar name={me.username} picture={me.avatar} /></button>}>
        {() => <AccountMenu />}
      </Menu>
    </header>
  )
}

function ProjectPart({ name }: { name: string }) {
  const { t } = useLingui()
  const { build } = useWhere()
  const { service, run } = useParams({ strict: false })
  const isPart = service !== undefined || run !== undefined
  const params = { project: name }
  return (
    <>
      <span className="text-control" aria-hidden="true">/</span>
      <button type="button" className="flex min-h-8 min-w-0 items-center gap-1 rounded-sm px-1.5 font-semibold hover:bg-hover" aria-haspopup="dialog" aria-label={t`${name}: go to another project`} onClick={() => openOverlay('projects')}>
        <bdi className="cut">{name}</bdi>
        <Icon name="down" />
      </button>
      <nav className="tabs" aria-label={t`Project`}>
        <Link to="/projects/$project" params={params} activeOptions={{ exact: true }} {...(isPart && { 'aria-current': 'true' as const })}><Trans>Overview</Trans></Link>
        <Link to="/projects/$project/builds" params={params} {...(build && { 'aria-current': 'true' as const })}><Trans>Builds</Trans></Link>
        <Link to="/projects/$project/settings/{-$section}" params={params}><Trans>Settings</Trans></Link>
      </nav>
    </>
  )
}

/** What builds now; one build is led to at once. */
function Building() {
  const { data: builds = [] } = useQuery({
    ...projectsQuery,
    select: (projects) => projects.flatMap(({ latestBuild }) => (latestBuild && isUnderWay(latestBuild) ? [latestBuild.id] : [])),
  })
  const [first] = builds
  if (first === undefined) return null
  const words = <><Icon name="ring" /><span className="max-sm:sr-only"><Plural value={builds.length} one="# building" other="# building" /></span></>
  const look = 'state tone-busy min-h-8 font-medium'
  return builds.length === 1 ? <Link to="/builds/$build" params={{ build: String(first) }} className={look}>{words}</Link> : <Link to="/" className={look}>{words}</Link>
}

function PaletteButton() {
  const { t } = useLingui()
  return (
    <button type="button" className="button justify-start font-normal text-dim max-md:aspect-square max-md:justify-center max-md:p-0 md:min-w-48" aria-label={t`Find or do`} aria-haspopup="dialog" aria-keyshortcuts="Control+K Meta+K" onClick={() => openOverlay('palette')}>
      <Icon name="search" />
      <span className="flex-1 text-start max-md:hidden"><Trans>Find or do</Trans></span>
      <kbd dir="ltr" className="max-md:hidden">{COMMAND}</kbd>
    </button>
  )
}
