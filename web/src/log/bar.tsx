/** The bar above the log: search with its matches counted, what is shown, and what can be taken away. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useEffect, useRef, useState } from 'react'

import type { LogView, ViewState } from '~/log/view'
import { Button } from '~/ui/button'
import { useFormat } from '~/ui/format'
import { Icon } from '~/ui/icons'

type BarProps = {
  view: LogView | undefined
  state: ViewState
  query: string
  onQuery: (query: string) => void
  field: React.RefObject<HTMLInputElement | null>
  toRegion: () => void
  onWrap: () => void
  onCopyLink: () => void
  onDownload: (() => void) | undefined
}

/** The address is not rewritten at every letter. */
const SETTLED = 400

export function Bar({ view, state, query, onQuery, field, toRegion, onWrap, onCopyLink, onDownload }: BarProps) {
  const { t } = useLingui()
  const format = useFormat()
  const [text, setText] = useState(query)
  const settling = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => () => clearTimeout(settling.current), [])

  const search = (next: string) => {
    setText(next)
    view?.search(next)
    clearTimeout(settling.current)
    settling.current = setTimeout(() => onQuery(next), SETTLED)
  }
  const onKey = (event: React.KeyboardEvent) => {
    if (event.key === 'Enter') view?.nextMatch(event.shiftKey ? -1 : 1)
    else if (event.key === 'Escape') {
      search('')
      toRegion()
    } else return
    event.preventDefault()
  }
  const matches = state.search?.count ?? 0
  return (
    <div className="log-bar">
      <div role="search" className="flex min-w-0 flex-1 items-center gap-1 max-sm:basis-full sm:max-w-md">
        <label className="input">
          <Icon name="search" className="text-dim" />
          <span className="sr-only"><Trans>Search the log</Trans></span>
          <input ref={field} data-filter value={text} placeholder={t`Search the log`} onChange={(event) => search(event.target.value)} onKeyDown={onKey} autoComplete="off" autoCapitalize="off" spellCheck={false} enterKeyHint="search" />
          <span className="text-xs whitespace-nowrap text-muted">{state.search && <Matches {...state.search} />}</span>
        </label>
        {matches > 0 && <Button look="quiet" icon="up" aria-label={t`Previous match`} onClick={() => view?.nextMatch(-1)} />}
        {matches > 0 && <Button look="quiet" icon="down" aria-label={t`Next match`} onClick={() => view?.nextMatch(1)} />}
      </div>
      <div className="ms-auto flex flex-wrap items-center gap-1">
        {!state.complete && state.lines > 0 && <Button look="quiet" aria-pressed={state.follow} onClick={() => view?.setFollow(!state.follow)}><Trans>Follow</Trans></Button>}
        {state.problems > 0 && (
          <Button look="quiet" aria-pressed={state.onlyProblems} onClick={() => view?.setOnlyProblems(!state.onlyProblems)}>
            <Trans>Problems</Trans> <span className="text-dim">{format.number(state.problems)}</span>
          </Button>
        )}
        <Button look="quiet" icon="wrap" aria-label={t`Wrap lines`} title={t`Wrap lines`} aria-pressed={state.wrap} onClick={onWrap} />
        <Button look="quiet" icon="copy" aria-label={t`Copy a link to the line`} title={t`Copy a link to the line`} disabled={state.lines === 0} onClick={onCopyLink} />
        {onDownload && <Button look="quiet" icon="download" aria-label={t`Download the log`} title={t`Download the log`} acts disabled={state.lines === 0} onClick={onDownload} />}
      </div>
    </div>
  )
}

function Matches({ count, current, done }: NonNullable<ViewState['search']>) {
  const format = useFormat()
  if (count === 0) return done ? <Trans>No match</Trans> : null
  if (current < 0) return <Trans>{format.number(count)} found</Trans>
  return <Trans>{format.number(current + 1)} of {format.number(count)}</Trans>
}
