/** How projects stand, from what the list says of them. */

import type { Schema } from '~/api/client'
import { isRefused, isUnderWay } from '~/actions/cancel'

export type Project = Schema['ProjectSummaryBody']
type Build = Schema['BuildSummaryBody']

/** The groups of the list, in the order of what wants attention. */
export const GROUPS = ['needs', 'building', 'live', 'none'] as const
export type Group = (typeof GROUPS)[number]

type Standing = Pick<Project, 'latestBuild' | 'liveDeployment' | 'troubles'>

export function groupOf(project: Standing): Group {
  const { latestBuild, liveDeployment, troubles } = project
  if (latestBuild && isUnderWay(latestBuild)) return 'building'
  if (isBehind(project) || troubles.length > 0 || latestBuild?.status === 'held') return 'needs'
  return liveDeployment ? 'live' : 'none'
}

/** Whether the last push did not go live: it could not be built, or what was built did not start. */
export function isBehind({ latestBuild }: Pick<Project, 'latestBuild'>): boolean {
  return latestBuild?.status === 'failed' || (latestBuild !== null && isRefused(latestBuild))
}

/** Whether visitors see an earlier version than the newest that was built: somebody rolled back. */
export function isRolledBack({ latestBuild, liveDeployment: live }: Project): boolean {
  return latestBuild?.status === 'passed' && latestBuild.deployment?.status !== 'failed' && latestBuild.deployment?.status !== 'ready' && live !== null && live.promotedFrom === null && live.buildId < latestBuild.id
}

/** The one state to show for a project: what happens, what is wrong with what visitors see, or with the last push, or that it is live. */
export function stateOf(project: Project, buildState: (build: Build) => string): string {
  const { latestBuild, liveDeployment, troubles: [trouble] } = project
  const group = groupOf(project)
  if (trouble && group === 'needs') return trouble.state
  if (latestBuild && (group === 'building' || group === 'needs' || latestBuild.deployment?.status === 'ready')) return buildState(latestBuild)
  if (isRolledBack(project)) return 'rolled_back'
  return liveDeployment ? 'live' : 'none'
}

export const SORTS = ['deployed', 'name', 'created'] as const
export type Sort = (typeof SORTS)[number]

/** When visitors or builds last saw something happen. */
function lastMoved({ latestBuild, liveDeployment, createdAt }: Project): string {
  return [latestBuild?.createdAt, liveDeployment?.activatedAt, createdAt].reduce<string>((last, at) => (at && at > last ? at : last), '')
}

export function sorted(projects: readonly Project[], sort: Sort, locale: string): Project[] {
  const names = new Intl.Collator(locale, { numeric: true })
  const orders: Record<Sort, (one: Project, other: Project) => number> = {
    name: (one, other) => names.compare(one.name, other.name),
    deployed: (one, other) => lastMoved(other).localeCompare(lastMoved(one)),
    created: (one, other) => other.createdAt.localeCompare(one.createdAt),
  }
  return projects.toSorted(orders[sort])
}

/** What a search looks through besides the name. */
export function wordsOf({ url, repoUrl, latestBuild, framework }: Project): string {
  return [url, repoUrl, latestBuild?.commit?.message, latestBuild?.commit?.author, framework].filter(Boolean).join(' ')
}
