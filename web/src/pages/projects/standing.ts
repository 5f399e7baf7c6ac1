/** How a project stands, from what the list says of it. */

import type { Schema } from '~/api/client'
import { isUnderWay } from '~/actions/cancel'

export type Project = Schema['ProjectBody']

/** The groups of the list, in the order of what wants attention. */
export const GROUPS = ['needs', 'building', 'live', 'none'] as const
export type Group = (typeof GROUPS)[number]

export function groupOf({ latestBuild, liveDeployment }: Project): Group {
  if (latestBuild && isUnderWay(latestBuild)) return 'building'
  if (latestBuild?.status === 'failed' || latestBuild?.status === 'held') return 'needs'
  return liveDeployment ? 'live' : 'none'
}

/** The one state to show for a project: what happens, what went wrong, or that it is live. */
export function stateOf(project: Project, buildState: (build: Schema['BuildBody']) => string): string {
  const { latestBuild, liveDeployment } = project
  const group = groupOf(project)
  if (latestBuild && (group === 'building' || group === 'needs')) return buildState(latestBuild)
  return liveDeployment ? 'live' : 'none'
}
