/** What Berth decided for a project by itself: the newest plan that a build made, or one that was asked for just now. */

import { useQuery } from '@tanstack/react-query'

import type { Schema } from '~/api/client'
import { buildQuery } from '~/api/queries'
import type { Told } from '~/reasons/why'

export type Detected = { value: string } & Told
export type Detectable = 'rootDirectory' | 'installCommand' | 'buildCommand' | 'outputDirectory' | 'nodeVersion'

/** The newest build's plan; a build that ended before there was one leaves the word to what is live. */
export function usePlan(project: Schema['ProjectBody']): Schema['Plan'] | undefined {
  const newest = useQuery({ ...buildQuery(project.latestBuild?.id ?? 0), enabled: project.latestBuild !== null })
  const live = useQuery({ ...buildQuery(project.liveDeployment?.buildId ?? 0), enabled: project.liveDeployment !== null && newest.data?.plan === null })
  return newest.data?.plan ?? live.data?.plan ?? undefined
}

/** What was detected for a setting. What a plan took from the settings themselves says nothing of what would be detected. */
export function detectedOf(plan: Schema['Plan'] | undefined, setting: Detectable): Detected | undefined {
  // With several services berth.toml says it of each: the settings of the project hold for none of them.
  const service = plan?.services.length === 1 ? plan.services[0] : undefined
  if (!service) return undefined
  const decision = decisionOf(service, setting)
  if (!decision || decision.source === 'settings') return undefined
  return { value: setting === 'nodeVersion' ? versionOf(decision.value) : decision.value || '.', reason: decision.reason, because: decision.because }
}

function decisionOf(service: Schema['PlanService'], setting: Detectable): Schema['Decision_String'] | null | undefined {
  if (setting === 'nodeVersion') {
    const image = service.toolchain?.image
    return image?.value.startsWith('node:') ? image : undefined
  }
  if (setting === 'outputDirectory') return service.kind === 'static' ? service.outputDirectory : undefined
  return service[setting]
}

/** `node:20-slim` is 20. */
function versionOf(image: string): string {
  return /^node:([\d.]+)/.exec(image)?.[1] ?? image
}
