/** What Berth found in the repository, why, and what of it can be changed: in place, and then it looks again. */

import { Trans, useLingui } from '@lingui/react/macro'
import type { UseQueryResult } from '@tanstack/react-query'
import { useState } from 'react'

import { Hash } from '~/actions/names'
import type { Schema } from '~/api/client'
import { fieldOf, Refusal } from '~/api/errors'
import { Original } from '~/failure/original'
import { useFailureWords } from '~/failure/words'
import { type Decision, decisionsOf, isCode, isSetting, LABELS, partsOf, type Setting, SETTINGS, warningsOf } from '~/plan/decisions'
import { Why } from '~/reasons/why'
import { Button } from '~/ui/button'
import { frameworkName } from '~/ui/framework'
import { Icon } from '~/ui/icons'
import { Loading } from '~/ui/loading'
import { Notice } from '~/ui/panel'
import { SettingEditor } from './editor'
import { Problem } from './problem'
import type { Changes } from './source'
import { Step } from './step'

type Detection = Schema['DetectionBody']

type FoundProps = {
  looked: UseQueryResult<Detection>
  branch: string
  changes: Changes
  onChange: (name: Setting, value: string | undefined) => void
  /** What the server said when it was to be deployed. */
  error: unknown
}

export function FoundStep({ looked, branch, changes, onChange, error }: FoundProps) {
  const { data, error: refusal, isFetching } = looked
  const commit = data && !refusal && <span className="pe-2 text-sm text-muted"><Trans>commit <Hash of={data.commit.hash} /></Trans></span>
  return (
    <Step number={2} title={<Trans>What Berth found</Trans>} aside={isFetching ? <span className="state tone-busy"><Icon name="ring" /><Trans>Looking</Trans></span> : commit}>
      <p role="status" className="sr-only">{isFetching ? <Trans>Looking at <bdi>{branch}</bdi></Trans> : data && <Trans>Looked at <bdi>{branch}</bdi></Trans>}</p>
      {refusal && <div className="border-b border-line px-4 py-3"><Problem error={refusal} />{isAboutAccess(refusal) && <p className="text-sm text-muted"><Trans>Choose it again with “It is private” and an access token.</Trans></p>}</div>}
      {!refusal && data?.refusal && <Refused failure={data.refusal} />}
      {!refusal && data && warningsOf(data.plan).map((warning) => (
        <p key={warning.reason} className="flex items-start gap-2 border-b border-line px-4 py-2.5 text-sm text-busy"><Icon name="failed" className="mt-px" /><span className="min-w-0"><Why of={warning} /></span></p>
      ))}
      {!data && isFetching
        ? <div className="-m-px"><Loading rows={6} height={44} /></div>
        : data && data.plan.services.length > 1 ? <Parts of={data} isBusy={isFetching} /> : (
          <dl aria-busy={isFetching} className={isFetching ? 'opacity-60' : ''}>
            {rowsOf(data, changes).map((row, index) => (
              <Row key={`${row.name}-${index}`} row={row} changes={changes} onChange={onChange} error={isSetting(row.name) ? (fieldOf(refusal, row.name) ?? fieldOf(error, row.name)) : undefined} />
            ))}
          </dl>
        )}
    </Step>
  )
}

/** Several services: what is built of each is said in the repository, and changed there. */
function Parts({ of: { plan }, isBusy }: { of: Detection; isBusy: boolean }) {
  return (
    <div aria-busy={isBusy} className={isBusy ? 'opacity-60' : ''}>
      {partsOf(plan).map(({ name, decisions }) => (
        <section key={name} className="border-line not-first:border-t">
          <h3 className="px-4 pt-3 pb-1"><bdi dir="ltr" className="mono">{name}</bdi></h3>
          <dl>{decisions.map((row, index) => <Fixed key={index} row={row} />)}</dl>
        </section>
      ))}
    </div>
  )
}

function Fixed({ row }: { row: Decision }) {
  const { i18n } = useLingui()
  return (
    <div className={GRID}>
      <dt className="text-muted max-sm:col-start-1 max-sm:text-xs">{i18n._(LABELS[row.name])}</dt>
      <dd className="min-w-0 font-medium wrap-anywhere max-sm:col-start-1"><Value row={row} changed={undefined} /></dd>
      <dd className="min-w-0 text-sm text-muted max-sm:col-start-1">{row.reason !== '' && <Why of={row} />}</dd>
    </div>
  )
}

/** Every setting has its row, found or not: that is where it is changed. */
function rowsOf(data: Detection | undefined, changes: Changes): Decision[] {
  const found = data ? decisionsOf(data.plan) : []
  const missing = SETTINGS.filter((name) => !found.some((row) => row.name === name))
  return [...found, ...missing.filter((name) => name !== 'nodeVersion' || changes.nodeVersion !== undefined || !data).map((name): Decision => ({ name, value: undefined, reason: '' }))]
}

function isAboutAccess(error: unknown): boolean {
  return error instanceof Refusal && (error.code === 'repository_access' || error.code === 'repository_not_found')
}

function Refused({ failure }: { failure: NonNullable<Detection['refusal']> }) {
  const { title, detail, original } = useFailureWords()(failure)
  return (
    <div className="grid gap-2 border-b border-line p-3">
      <Notice tone="fail" title={<bdi>{title}</bdi>}><bdi>{detail}</bdi></Notice>
      <Original words={original} />
    </div>
  )
}

const GRID = 'grid items-center gap-x-4 border-line py-2 ps-4 pe-2 not-first:border-t sm:min-h-11 sm:grid-cols-[120px_minmax(0,1fr)_minmax(0,1.3fr)_76px] max-sm:grid-cols-[minmax(0,1fr)_auto]'

type RowProps = { row: Decision; changes: Changes; onChange: FoundProps['onChange']; error: string | undefined }

function Row({ row, changes, onChange, error }: RowProps) {
  const { i18n, t } = useLingui()
  const [isOpen, setOpen] = useState(false)
  const { name, value } = row
  const label = i18n._(LABELS[name])
  const changed = isSetting(name) ? changes[name] : undefined
  if (isSetting(name) && (isOpen || error)) {
    return (
      <div className="border-line px-4 py-3 not-first:border-t">
        <SettingEditor name={name} label={label} detected={changed === undefined ? value : undefined} value={changed} error={error} onDone={(next) => {
          setOpen(false)
          if (next !== changed) onChange(name, next)
        }} onCancel={() => setOpen(false)} />
      </div>
    )
  }
  return (
    <div className={GRID}>
      <dt className="text-muted max-sm:col-start-1 max-sm:text-xs">{label}</dt>
      <dd className="min-w-0 font-medium wrap-anywhere max-sm:col-start-1"><Value row={row} changed={changed} /></dd>
      <dd className="min-w-0 text-sm text-muted max-sm:col-start-1">{changed === undefined ? <Why of={row} /> : <Trans>You set this.</Trans>}</dd>
      <dd className="justify-self-end max-sm:col-start-2 max-sm:row-span-3 max-sm:row-start-1">
        {isSetting(name) && <Button look="quiet" aria-label={t`Change: ${label}`} onClick={() => setOpen(true)}><Trans>Change</Trans></Button>}
      </dd>
    </div>
  )
}

function Value({ row: { name, value }, changed }: { row: Decision; changed: string | undefined }) {
  const shown = changed ?? value
  if (name === 'buildCommand' && shown === '') return <span className="text-muted"><Trans>Nothing is built</Trans></span>
  if (!shown) return <span className="text-muted"><Trans>None</Trans></span>
  if (isCode(name)) return <bdi dir="ltr" className="mono">{shown}</bdi>
  return <bdi>{name === 'framework' ? frameworkName(shown) : shown}</bdi>
}
