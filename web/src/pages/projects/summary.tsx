/** All projects in one sentence or three: what is up, what builds, what did not go live. */

import { Plural, Trans } from '@lingui/react/macro'
import { Link } from '@tanstack/react-router'

import { groupOf, isBehind, type Project } from '~/pages/projects/standing'

export function Summary({ projects }: { projects: readonly Project[] }) {
  const troubled = projects.filter(({ troubles }) => troubles.length > 0)
  const up = projects.filter(({ liveDeployment, troubles }) => liveDeployment && troubles.length === 0).length
  const total = projects.length
  const building = projects.filter((project) => groupOf(project) === 'building').length
  const failed = projects.filter(isBehind)
  const held = projects.filter(({ latestBuild }) => latestBuild?.status === 'held')
  return (
    <p className="mb-5 text-muted">
      <strong className="font-semibold text-text">
        {troubled.length > 0 ? <Troubled projects={troubled} /> : up === total ? <Plural value={total} one="The site is up." other="All # sites are up." /> : <Plural value={total} one="Nothing is up yet." other={`${up} of # sites are up.`} />}
      </strong>
      {building > 0 && <> <Plural value={building} one="One build is running." other="# builds are running." /></>}
      {failed.length > 0 && <> <Failed projects={failed} /></>}
      {held.length > 0 && <> <Plural value={held.length} one="One build waits for your approval." other="# builds wait for your approval." /></>}
    </p>
  )
}

/** What visitors may notice comes before what they do not. */
function Troubled({ projects: [first, ...more] }: { projects: readonly Project[] }) {
  if (!first) return null
  if (more.length > 0) return <Plural value={more.length + 1} one="# project has a service that does not work." other="# projects have services that do not work." />
  return <Trans>A service of <Link to="/projects/$project" params={{ project: first.name }} className="link"><bdi>{first.name}</bdi></Link> does not work.</Trans>
}

function Failed({ projects: [first, second, ...more] }: { projects: readonly Project[] }) {
  if (!first) return null
  if (!second) return <Trans>The last push to <ToBuild project={first} /> did not go live.</Trans>
  if (more.length === 0) return <Trans>The last pushes to <ToBuild project={first} /> and <ToBuild project={second} /> did not go live.</Trans>
  const others = more.length + 1
  return <Trans>The last pushes to <ToBuild project={first} /> and <Plural value={others} one="# other project" other="# other projects" /> did not go live.</Trans>
}

function ToBuild({ project: { name, latestBuild } }: { project: Project }) {
  return <Link to="/builds/$build" params={{ build: String(latestBuild?.id) }} className="link"><bdi>{name}</bdi></Link>
}
