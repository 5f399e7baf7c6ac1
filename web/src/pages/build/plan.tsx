/** How a project is built and why: what was decided, each with its reason. */

import { msg } from '@lingui/core/macro'
import type { MessageDescriptor } from '@lingui/core'
import { Trans, useLingui } from '@lingui/react/macro'

import type { Schema } from '~/api/client'
import { Notice } from '~/ui/panel'

type Plan = Schema['Plan'] | null
type Decision = { name: MessageDescriptor; value: string; reason: string }

/** What the owner should know is not folded away. */
export function Warnings({ plan }: { plan: Plan }) {
  const warnings = plan?.services.flatMap((service) => service.warnings ?? []) ?? []
  if (warnings.length === 0) return null
  return (
    <Notice tone="busy" title={<Trans>It works, and there is something to know.</Trans>}>
      <ul className="mt-1 grid gap-1">{warnings.map((warning) => <li key={warning}><bdi>{warning}</bdi></li>)}</ul>
    </Notice>
  )
}

export function Decisions({ plan }: { plan: Plan }) {
  const { i18n } = useLingui()
  const decisions = plan?.services.flatMap(decisionsOf) ?? []
  if (decisions.length === 0) return null
  return (
    <details className="panel">
      <summary className="min-h-11 px-4 py-3 font-semibold"><Trans>How it is built, and why</Trans></summary>
      <dl className="grid gap-x-6 gap-y-3 border-t border-line p-4 sm:grid-cols-[minmax(120px,max-content)_minmax(0,1fr)]">
        {decisions.map(({ name, value, reason }, index) => (
          <div key={index} className="grid gap-x-6 gap-y-1 sm:col-span-2 sm:grid-cols-subgrid">
            <dt className="text-muted">{i18n._(name)}</dt>
            <dd className="min-w-0"><code dir="ltr" className="chip inline-block max-w-full whitespace-normal wrap-anywhere">{value}</code> <bdi className="text-sm text-dim">{reason}</bdi></dd>
          </div>
        ))}
      </dl>
    </details>
  )
}

/** In the order in which a build meets them. */
function decisionsOf(service: Schema['PlanService']): Decision[] {
  const { toolchain } = service
  const of = (name: MessageDescriptor, decision: { value: string; reason: string } | null | undefined): Decision[] =>
    decision ? [{ name, value: decision.value === '' ? '.' : decision.value, reason: decision.reason }] : []
  return [
    ...of(msg`Root directory`, service.rootDirectory),
    ...of(msg`Framework`, service.framework),
    ...of(msg`Dockerfile`, service.dockerfile),
    ...of(msg`Image`, toolchain?.image),
    ...of(msg`Package manager`, toolchain?.packageManager),
    ...(toolchain?.tools ?? []).flatMap(({ value, reason }) => of(msg`Tool`, { value: [value.name, value.version].filter(Boolean).join(' '), reason })),
    ...of(msg`Install command`, service.installCommand),
    ...of(msg`Build command`, service.buildCommand),
    ...(service.kind === 'static' ? of(msg`Output directory`, service.outputDirectory) : of(msg`Start command`, service.startCommand)),
  ]
}
