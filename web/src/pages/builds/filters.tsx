/** What the list of builds shows. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'

import type { Schema } from '~/api/client'
import { previewsQuery } from '~/pages/project/queries'
import { Icon } from '~/ui/icons'
import { useStateWord } from '~/ui/state'
import { type Filter, STATUSES } from './queries'

/** The server is not asked at every letter. */
const SETTLED = 300

export function Filters({ filter, project }: { filter: Filter; project: Schema['ProjectBody'] }) {
  const { t } = useLingui()
  const word = useStateWord()
  const navigate = useNavigate({ from: '/projects/$project/builds' })
  const { data: previews = [] } = useQuery(previewsQuery(project.id))
  const branches = new Set([project.branch, ...previews.map(({ branch }) => branch)])
  const field = useRef<HTMLInputElement>(null)
  const settling = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => () => clearTimeout(settling.current), [])
  const change = (next: Filter) => void navigate({ search: (before) => ({ ...before, ...next }), replace: true, resetScroll: false })
  const onBranch = (branch: string) => {
    clearTimeout(settling.current)
    settling.current = setTimeout(() => change({ branch: branch.trim() || undefined }), SETTLED)
  }
  // Somebody went back, or chose all: what the address says is in the field.
  useEffect(() => {
    if (field.current && field.current !== document.activeElement) field.current.value = filter.branch ?? ''
  }, [filter.branch])
  return (
    <div role="search" aria-label={t`Find a build`} className="mb-4 flex flex-wrap gap-2">
      <label className="input min-w-0 flex-1 sm:max-w-xs">
        <Icon name="branch" className="text-dim" />
        <span className="sr-only"><Trans>Branch</Trans></span>
        <input ref={field} data-filter list="branches" dir="auto" defaultValue={filter.branch} placeholder={t`Branch`} onChange={(event) => onBranch(event.target.value)} autoComplete="off" autoCapitalize="off" spellCheck={false} />
      </label>
      <datalist id="branches">{[...branches].map((branch) => <option key={branch} value={branch} />)}</datalist>
      <select className="input max-sm:flex-1 sm:w-48" aria-label={t`State`} value={filter.status ?? ''} onChange={(event) => change({ status: event.target.value || undefined })}>
        <option value="">{t`Every state`}</option>
        {STATUSES.map((status) => <option key={status} value={status}>{word(status)}</option>)}
      </select>
    </div>
  )
}
