/** How this build was done and why: what was decided, each with its reason. */

import { Trans, useLingui } from '@lingui/react/macro'

import { type Decision, isCode, LABELS, partsOf, type Plan, warningsOf } from '~/plan/decisions'
import { Why } from '~/reasons/why'
import { frameworkName } from '~/ui/framework'
import { Notice } from '~/ui/panel'

/** What the owner should know is not folded away. */
export function Warnings({ plan }: { plan: Plan | null }) {
  const warnings = plan ? warningsOf(plan) : []
  if (warnings.length === 0) return null
  return (
    <Notice tone="busy" title={<Trans>It works, and there is something to know.</Trans>}>
      <ul className="mt-1 grid gap-1">{warnings.map((warning) => <li key={warning.reason}><Why of={warning} /></li>)}</ul>
    </Notice>
  )
}

export function Decisions({ plan }: { plan: Plan | null }) {
  if (!plan) return null
  return (
    <details className="panel">
      <summary className="min-h-11 px-4 py-3 font-semibold"><Trans>How it is built, and why</Trans></summary>
      {partsOf(plan).map(({ name, decisions }, index) => (
        <section key={index} className="border-t border-line p-4">
          {name !== undefined && <h3 className="pb-3"><bdi dir="ltr" className="mono">{name}</bdi></h3>}
          <Rows of={decisions} />
        </section>
      ))}
    </details>
  )
}

function Rows({ of: decisions }: { of: readonly Decision[] }) {
  const { i18n } = useLingui()
  return (
    <dl className="grid gap-x-6 gap-y-3 sm:grid-cols-[minmax(120px,max-content)_minmax(0,1fr)]">
      {decisions.map(({ name, value, ...why }, index) => (
        <div key={index} className="grid gap-x-6 gap-y-1 sm:col-span-2 sm:grid-cols-subgrid">
          <dt className="text-muted">{i18n._(LABELS[name])}</dt>
          <dd className="min-w-0">
            {value === undefined
              ? <Trans>nothing</Trans>
              : isCode(name) ? <code dir="ltr" className="chip inline-block max-w-full whitespace-normal wrap-anywhere">{value}</code> : <bdi>{name === 'framework' ? frameworkName(value) : value}</bdi>}{' '}
            {why.reason !== '' && <span className="text-sm text-dim"><Why of={why} /></span>}
          </dd>
        </div>
      ))}
    </dl>
  )
}
