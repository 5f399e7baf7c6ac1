/** What Berth decided about a build and why, as rows in the order in which a build meets them. */

import { msg } from '@lingui/core/macro'
import type { MessageDescriptor } from '@lingui/core'

import type { Schema } from '~/api/client'
import type { Told } from '~/reasons/why'

export type Plan = Schema['Plan']
type Service = Schema['PlanService']

/** The settings that change a build, by their names in the API. */
export const SETTINGS = ['rootDirectory', 'nodeVersion', 'installCommand', 'buildCommand', 'outputDirectory'] as const
export type Setting = (typeof SETTINGS)[number]

export function isSetting(name: string | undefined): name is Setting {
  return SETTINGS.some((setting) => setting === name)
}

/** How a service runs and is reached, as its origins are named. */
type RunSetting = 'routes' | 'environment' | 'releaseCommand' | 'port' | 'protocol' | 'healthPath' | 'healthTimeout' | 'memory' | 'cpus' | 'replicas' | 'volumes'

export type DecisionName = 'framework' | 'packageManager' | 'tools' | 'image' | 'dockerfile' | 'startCommand' | RunSetting | Setting

export const LABELS: Record<DecisionName, MessageDescriptor> = {
  framework: msg`Framework`,
  rootDirectory: msg`Root directory`,
  dockerfile: msg`Dockerfile`,
  image: msg`Image`,
  nodeVersion: msg`Node`,
  packageManager: msg`Package manager`,
  tools: msg`Tool`,
  installCommand: msg`Install`,
  buildCommand: msg`Build`,
  outputDirectory: msg`Output`,
  startCommand: msg`Start`,
  releaseCommand: msg`Before it goes live`,
  routes: msg`Routes`,
  port: msg`Port`,
  protocol: msg`Protocol`,
  healthPath: msg`Health`,
  healthTimeout: msg`Seconds to become healthy`,
  memory: msg`Memory`,
  cpus: msg`Processors`,
  replicas: msg`Replicas`,
  volumes: msg`Volumes`,
  environment: msg`Environment`,
}

/** `value` is absent where nothing is needed or found: no install, no build. */
export type Decision = { name: DecisionName; value: string | undefined } & Told

/** Values that are typed into a shell or name a path; the others are words. */
export function isCode(name: DecisionName): boolean {
  return name !== 'framework' && name !== 'packageManager' && name !== 'tools' && name !== 'nodeVersion'
}

export function decisionsOf(plan: Plan): Decision[] {
  return partsOf(plan).flatMap(({ decisions }) => decisions)
}

/** What was decided about each service. `name` is absent where there is one alone: nobody has to tell it from others. */
export function partsOf({ services }: Plan): { name: string | undefined; decisions: Decision[] }[] {
  const isOneOfSeveral = services.length > 1
  return services.map((service) => ({
    name: isOneOfSeveral ? service.name : undefined,
    decisions: [...decisionsOfService(service), ...runDecisionsOf(service, isOneOfSeveral)],
  }))
}

export function warningsOf(plan: Plan): Told[] {
  return plan.services.flatMap(({ warnings = [], notes = [] }) => warnings.map((reason, index) => ({ reason, because: notes.slice(index, index + 1) })))
}

function decisionsOfService(service: Service): Decision[] {
  const { framework, rootDirectory, dockerfile, toolchain, installCommand, buildCommand } = service
  const rows: (Decision | false | null | undefined)[] = [
    { name: 'framework', ...framework },
    { ...rootDirectory, name: 'rootDirectory', value: rootDirectory.value || '.' },
    dockerfile && { name: 'dockerfile', ...dockerfile },
    toolchain && image(toolchain.image),
    toolchain?.packageManager && { ...toolchain.packageManager, name: 'packageManager', value: [packageManager(toolchain.packageManager.value), toolchain.packageManagerVersion].filter(Boolean).join(' ') },
    ...(toolchain?.tools ?? []).map(({ value, ...why }): Decision => ({ ...why, name: 'tools', value: [value.name, value.version].filter(Boolean).join(' ') })),
    { reason: '', ...installCommand, name: 'installCommand', value: installCommand?.value },
    { reason: '', ...buildCommand, name: 'buildCommand', value: buildCommand?.value },
    service.kind === 'static' && { ...service.outputDirectory, name: 'outputDirectory', value: service.outputDirectory.value || '.' },
    service.kind === 'running' && service.startCommand && { name: 'startCommand', ...service.startCommand },
  ]
  return rows.filter((row): row is Decision => Boolean(row))
}

/** How it runs, as far as the repository says; what it leaves to Berth is not told. */
function runDecisionsOf(service: Service, isOneOfSeveral: boolean): Decision[] {
  const { routes, environment = {}, origins = {} } = service
  const row = (name: RunSetting, value: string | number | undefined): Decision | false =>
    value !== undefined && value !== '' && { reason: '', ...origins[name], name, value: String(value) }
  const rows: (Decision | false)[] = [
    // The whole address is what the only service answers.
    (isOneOfSeveral || routes?.some(({ path }) => path !== '/')) && { ...origins.routes, reason: origins.routes?.reason ?? '', name: 'routes' as const, value: routes.map(({ path }) => path).join(', ') || undefined },
    ...(service.kind === 'running'
      ? [
          row('releaseCommand', service.releaseCommand),
          row('port', service.port),
          row('protocol', service.protocol),
          row('healthPath', service.healthPath),
          row('healthTimeout', service.healthTimeout),
          row('replicas', service.replicas),
          row('memory', service.memory && asWritten(service.memory)),
          row('cpus', service.cpus),
          row('volumes', service.volumes?.map(({ name, path }) => `${path} (${name})`).join(', ')),
        ]
      : []),
    row('environment', Object.keys(environment).join(', ')),
  ]
  return rows.filter((row): row is Decision => Boolean(row))
}

/** As berth.toml says it. */
function asWritten(bytes: number): string {
  return bytes % 2 ** 30 === 0 ? `${bytes / 2 ** 30} GiB` : `${Math.round(bytes / 2 ** 20)} MiB`
}

/** An image of Node is its version, which a setting changes; any other is told as it is. */
function image({ value, ...why }: Schema['Decision_String']): Decision {
  const version = /^node:([\d.]+)/.exec(value)?.[1]
  return version ? { ...why, name: 'nodeVersion', value: version } : { ...why, name: 'image', value }
}

function packageManager(value: Schema['Decision_PackageManager']['value']): string {
  return value === 'yarn_berry' ? 'yarn' : value
}
