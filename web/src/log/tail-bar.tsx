/** The bar above a service's log: what the server is asked for, and how it is shown. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useEffect, useRef, useState } from 'react'

import type { Filter } from '~/log/tail-sources'
import type { LogView, ViewState } from '~/log/view'
import type { LogStream } from '~/services/types'
import { Button } from '~/ui/button'
import { useFormat } from '~/ui/format'
import { Icon } from '~/ui/icons'

type TailBarProps = {
  view: LogView | undefined
  state: ViewState
  filter: Filter
  onFilter: (filter: Filter) => void
  /** How many replicas there may be lines of. */
  replicas: number
  field: React.RefObject<HTMLInputElement | null>
  toRegion: () => void
  onWrap: () => void
}

/** The server is not asked at every letter. */
const SETTLED = 400

export function TailBar({ view, state, filter, onFilter, replicas, field, toRegion, onWrap }: TailBarProps) {
  const { t } = useLingui()
  const format = useFormat()
  const [text, setText] = useState(filter.query)
  const settling = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => () => clearTimeout(settling.current), [])

  const search = (next: string, wait: number) => {
    setText(next)
    clearTimeout(settling.current)
    settling.current = setTimeout(() => onFilter({ ...filter, query: next }), wait)
  }
  /** With what was typed just before. */
  const choose = (choice: Partial<Filter>) => {
    clearTimeout(settling.current)
    onFilter({ ...filter, query: text, ...choice })
  }
  const onKey = (event: React.KeyboardEvent) => {
    if (event.key === 'Enter') search(text, 0)
    else if (event.key === 'Escape') {
      search('', 0)
      toRegion()
    } else return
    event.preventDefault()
  }
  const numbers = Array.from({ length: Math.max(replicas, filter.replica ?? 0) }, (_, index) => index + 1)
  return (
    <div className="log-bar">
      <div role="search" className="flex min-w-0 flex-1 flex-wrap items-center gap-2 max-sm:basis-full">
        <label className="input max-sm:basis-full sm:max-w-md sm:flex-1">
          <Icon name="search" className="text-dim" />
          <span className="sr-only"><Trans>Search the log</Trans></span>
          <input ref={field} data-filter value={text} placeholder={t`Search the log`} onChange={(event) => search(event.target.value, SETTLED)} onKeyDown={onKey} autoComplete="off" autoCapitalize="off" spellCheck={false} enterKeyHint="search" />
          <span className="text-xs whitespace-nowrap text-muted" role="status">{filter.query !== '' && state.lines > 0 && <Trans>{format.number(state.lines)} found</Trans>}</span>
        </label>
        <select className="input w-auto max-sm:flex-1" aria-label={t`Which output`} value={filter.stream ?? ''} onChange={(event) => choose({ stream: (event.target.value || undefined) as LogStream | undefined })}>
          <option value="">{t`All output`}</option>
          <option value="stdout">{t`Standard output`}</option>
          <option value="stderr">{t`Standard error`}</option>
        </select>
        {numbers.length > 1 && (
          <select className="input w-auto max-sm:flex-1" aria-label={t`Of which replica`} value={filter.replica ?? ''} onChange={(event) => choose({ replica: Number(event.target.value) || undefined })}>
            <option value="">{t`All replicas`}</option>
            {numbers.map((number) => <option key={number} value={number}>{t`Replica ${number}`}</option>)}
          </select>
        )}
      </div>
      <div className="ms-auto flex flex-wrap items-center gap-1">
        <Button look="quiet" aria-pressed={state.follow} disabled={state.lines === 0} onClick={() => view?.setFollow(!state.follow)}><Trans>Follow</Trans></Button>
        <Button look="quiet" icon="wrap" aria-label={t`Wrap lines`} title={t`Wrap lines`} aria-pressed={state.wrap} onClick={onWrap} />
      </div>
    </div>
  )
}
