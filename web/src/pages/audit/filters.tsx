/** Which part of the audit log is shown. All of it is in the address. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useNavigate } from '@tanstack/react-router'

import { Button } from '~/ui/button'
import { type Filter, MEANS } from './filter'
import { MEANS_WORDS } from './words'

/** `names`: what the user and the project that are filtered by are called. */
export function Filters({ filter, names }: { filter: Filter; names: { by?: string | undefined; project?: string | undefined } }) {
  const { t, i18n } = useLingui()
  const navigate = useNavigate({ from: '/audit' })
  const change = (next: Filter) => void navigate({ search: (before) => ({ ...before, ...next }), replace: true, resetScroll: false })
  const by = names.by ?? `#${filter.by}`
  const project = names.project ?? `#${filter.project}`
  return (
    <div role="search" aria-label={t`Find entries`} className="mb-4 flex flex-wrap items-end gap-2">
      <label className="grid gap-1 max-sm:basis-full">
        <span className="text-sm text-muted"><Trans>How</Trans></span>
        <select className="input" value={filter.means ?? ''} onChange={(event) => change({ means: MEANS.find((one) => one === event.target.value) })}>
          <option value="">{t`By any means`}</option>
          {MEANS.map((means) => <option key={means} value={means}>{i18n._(MEANS_WORDS[means])}</option>)}
        </select>
      </label>
      <Day label={t`From`} value={filter.from} onChange={(from) => change({ from })} />
      <Day label={t`Until`} value={filter.until} onChange={(until) => change({ until })} />
      {filter.by !== undefined && <Button icon="close" onClick={() => change({ by: undefined })}><Trans>Only by <bdi>{by}</bdi></Trans></Button>}
      {filter.project !== undefined && <Button icon="close" onClick={() => change({ project: undefined })}><Trans>Only about <bdi>{project}</bdi></Trans></Button>}
    </div>
  )
}

function Day({ label, value, onChange }: { label: string; value: string | undefined; onChange: (day: string | undefined) => void }) {
  return (
    <label className="grid gap-1 max-sm:flex-1">
      <span className="text-sm text-muted">{label}</span>
      <input type="date" className="input" defaultValue={value} onChange={(event) => onChange(event.target.value || undefined)} />
    </label>
  )
}
