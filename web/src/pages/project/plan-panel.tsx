/** How what is live was built, in short; the reasons unfold. */

import { Trans, useLingui } from '@lingui/react/macro'
import { plural } from '@lingui/core/macro'
import { useQuery } from '@tanstack/react-query'

import type { Schema } from '~/api/client'
import { type Decision, isCode, LABELS, partsOf, warningsOf } from '~/plan/decisions'
import { Why } from '~/reasons/why'
import { LinkButton } from '~/ui/button'
import { frameworkName } from '~/ui/framework'
import { Icon } from '~/ui/icons'
import { Panel } from '~/ui/panel'
import { variablesQuery } from './queries'

export function PlanPanel({ project }: { project: Schema['ProjectBody'] }) {
  const { i18n } = useLingui()
  const { data: variables } = useQuery(variablesQuery(project.id))
  const { plan } = project
  if (!plan) return null
  const parts = partsOf(plan).map(({ name, decisions }) => ({
    name,
    rows: decisions.filter((row) => row.value !== undefined && !(row.name === 'rootDirectory' && row.value === '.')),
  }))
  const warnings = warningsOf(plan)
  return (
    <Panel
      title={<Trans>How it is built</Trans>}
      aside={<LinkButton look="quiet" to="/projects/$project/settings/{-$section}" params={{ project: project.name, section: 'build' }}><Trans>Settings</Trans></LinkButton>}
    >
      {warnings.map((warning) => (
        <p key={warning.reason} className="flex items-start gap-2 border-b border-line px-4 py-2.5 text-sm text-busy"><Icon name="failed" className="mt-px" /><span className="min-w-0"><Why of={warning} /></span></p>
      ))}
      {parts.map(({ name, rows }, index) => (
        <div key={index} className={`px-4 py-3 text-sm ${index > 0 ? 'border-t border-line' : ''}`}>
          {name !== undefined && <h3 className="pb-1.5"><bdi dir="ltr" className="mono">{name}</bdi></h3>}
          <dl className={GRID}>
            {rows.map((row, index) => <Row key={index} label={i18n._(LABELS[row.name])} row={row} />)}
            {variables && parts.length === 1 && <VariablesRow of={variables} />}
          </dl>
        </div>
      ))}
      {variables && parts.length > 1 && <dl className={`${GRID} border-t border-line px-4 py-3 text-sm`}><VariablesRow of={variables} /></dl>}
      <details className="border-t border-line px-4 py-2.5 text-sm">
        <summary className="py-0.5 text-muted"><Trans>Why it is built like this</Trans></summary>
        <dl className="grid gap-2 pt-2">
          {parts.flatMap(({ name, rows }) => rows.filter(({ reason }) => reason !== '').map((row) => (
            <div key={`${name} ${row.name} ${row.value}`}>
              <dt className="text-xs text-dim">{name !== undefined && <><bdi dir="ltr" className="mono">{name}</bdi> · </>}{i18n._(LABELS[row.name])}</dt>
              <dd><Why of={row} /></dd>
            </div>
          )))}
        </dl>
      </details>
    </Panel>
  )
}

const GRID = 'grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1.5'

function VariablesRow({ of: variables }: { of: readonly Schema['VariableBody'][] }) {
  return (
    <>
      <dt className="text-dim"><Trans>Variables</Trans></dt>
      <dd className="text-end"><Variables of={variables} /></dd>
    </>
  )
}

function Row({ label, row }: { label: string; row: Decision }) {
  return (
    <>
      <dt className="text-dim">{label}</dt>
      <dd className="min-w-0 text-end wrap-anywhere"><Value of={row} /></dd>
    </>
  )
}

function Value({ of: { name, value } }: { of: Decision }) {
  if (isCode(name)) return <bdi dir="ltr" className="mono">{value}</bdi>
  return <bdi>{name === 'framework' ? frameworkName(value!) : value}</bdi>
}

function Variables({ of: variables }: { of: readonly Schema['VariableBody'][] }) {
  const { t } = useLingui()
  const secrets = variables.filter(({ kind }) => kind === 'secret').length
  const plain = variables.length - secrets
  if (variables.length === 0) return <Trans>none</Trans>
  if (plain === 0) return t`${plural(secrets, { one: '# secret', other: '# secrets' })}`
  if (secrets === 0) return t`${plural(plain, { one: '# public value', other: '# public values' })}`
  return t`${plural(secrets, { one: '# secret', other: '# secrets' })}, ${plural(plain, { one: '# public value', other: '# public values' })}`
}
