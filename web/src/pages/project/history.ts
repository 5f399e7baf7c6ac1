/**
 * Builds and what they published, as one list. A promoted preview is a deployment without a build of its own in production: it
 * stands where it happened.
 */

import type { Build, Deployment } from '~/actions/ask'

export type Entry = {
  key: string
  /** When it came about: its place in the list. */
  at: string
  /** What was built; `undefined` for a promotion. */
  build: Build | undefined
  /** What was published of it. */
  deployment: Deployment | undefined
}

/**
 * Newest first. `more`: older builds are not loaded yet, so nothing older than the oldest of `builds` is told, lest it move when
 * they come.
 */
export function historyOf(builds: readonly Build[], deployments: readonly Deployment[], more: boolean): Entry[] {
  const known = new Map(deployments.map((deployment) => [deployment.id, deployment]))
  const built = builds.map((build): Entry => ({
    key: `build-${build.id}`,
    at: build.createdAt,
    build,
    deployment: build.deployment ? known.get(build.deployment.id) : undefined,
  }))
  const oldest = more ? timeOf(builds.at(-1)?.createdAt) : 0
  const promoted = deployments
    .filter((deployment) => deployment.promotedFrom !== null && timeOf(deployment.createdAt) >= oldest)
    .map((deployment): Entry => ({ key: `deployment-${deployment.id}`, at: deployment.createdAt, build: undefined, deployment }))
  return [...built, ...promoted].sort((a, b) => timeOf(b.at) - timeOf(a.at))
}

function timeOf(moment: string | undefined): number {
  return moment === undefined ? 0 : Date.parse(moment)
}

/** How an entry stands beside the line: what is live, what visitors saw once, what they never saw, and what is on its way. */
export type Knot = 'live' | 'seen' | 'under_way' | 'failed' | 'unseen'

export function knotOf({ build, deployment }: Entry): Knot {
  if (deployment?.status === 'live') return 'live'
  if (deployment?.activatedAt) return 'seen'
  if (build?.status === 'failed' || deployment?.status === 'failed') return 'failed'
  if (build?.status === 'running' || build?.status === 'queued' || deployment?.status === 'ready') return 'under_way'
  return 'unseen'
}

/** What "Roll back" leads to: the newest release before the live one that nobody went back from and whose files are there. */
export function rollBackTarget(live: Deployment | null, deployments: readonly Deployment[]): Deployment | undefined {
  if (!live) return undefined
  return deployments
    .filter((deployment) => deployment.environment === 'production' && deployment.kept && deployment.status === 'retired' && deployment.id < live.id)
    .sort((a, b) => b.id - a.id)[0]
}

/** Whether visitors of production can get a deployment at once. */
export function canGoLive({ kept, status, environment }: Deployment): boolean {
  return kept && (environment === 'preview' ? status !== 'failed' : status === 'retired' || status === 'rolled_back')
}
