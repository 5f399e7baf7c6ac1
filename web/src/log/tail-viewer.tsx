/**
 * The log of a service, live from its end: a bar, and one focusable region whose rows are painted outside React (view.ts). What is
 * searched for the server searches. What happens is told to screen readers in one polite status, never line by line.
 */

import { Plural, Trans, useLingui } from '@lingui/react/macro'
import { useEffect, useEffectEvent, useRef, useState } from 'react'

import { messageOf } from '~/api/errors'
import { plain } from '~/log/ansi'
import { type Commands, heedKey } from '~/log/keys'
import { TailBar } from '~/log/tail-bar'
import type { Filter, TailOf } from '~/log/tail-sources'
import { keepWrap } from '~/log/use-log'
import { useTail } from '~/log/use-tail'
import { singleKeys } from '~/shell/keys'
import { Button } from '~/ui/button'
import { useFormat } from '~/ui/format'
import { Icon } from '~/ui/icons'

import './log.css'

type TailViewerProps = TailOf & {
  filter: Filter
  onFilter: (filter: Filter) => void
  replicas: number
}

export function TailViewer({ project, service, preview, filter, onFilter, replicas }: TailViewerProps) {
  const { t } = useLingui()
  const format = useFormat()
  const [said, setSaid] = useState('')
  const field = useRef<HTMLInputElement>(null)
  const more = (characters: number) => t`Show the whole line (${format.number(characters)} characters)`
  const { tail, state, told, region } = useTail({ project, service, preview, filter, more })
  const { view, store, feed } = tail ?? {}

  const sayRow = () => {
    const current = view?.current
    if (!current || !('line' in current)) return
    const line = store?.line(current.line)
    if (line) setSaid(t`${format.dateTime(line.at)}: ${plain(line.text)}`)
  }
  const wrap = () => {
    view?.setWrap(!state.wrap)
    keepWrap(!state.wrap)
  }
  const commands: Commands = { follow: () => view?.setFollow(!state.follow), wrap, toSearch: () => field.current?.select(), say: sayRow }
  const heed = useEffectEvent((event: KeyboardEvent) => {
    if (view) heedKey(event, region.current!, view, commands, { searching: false, singleKeys: singleKeys() })
  })
  useEffect(() => {
    const listener = (event: KeyboardEvent) => heed(event)
    document.addEventListener('keydown', listener, { capture: true })
    return () => document.removeEventListener('keydown', listener, { capture: true })
  }, [])

  const isFiltered = filter.query !== '' || filter.stream !== undefined || filter.replica !== undefined
  // What the view says of its lines comes a moment later: what has lines is never hidden, for that would end the following.
  const isEmpty = told.loaded && state.lines === 0 && store?.count === 0
  return (
    <section className="log" aria-label={t`Log`}>
      <TailBar view={view} state={state} filter={filter} onFilter={onFilter} replicas={replicas} field={field} toRegion={() => region.current?.focus()} onWrap={wrap} />
      {told.problem !== undefined && <p className="border-b border-line bg-surface px-4 py-2 text-sm text-fail" role="alert"><Trans>The log could not be loaded further; it is tried again by itself.</Trans> {messageOf(told.problem)}</p>}
      {told.older !== 'none' && (
        <div className="flex justify-center border-b border-line bg-surface p-1">
          <Button look="quiet" icon="up" pending={told.older === 'coming'} onClick={() => {
            view?.setFollow(false)
            void feed?.goBack()
          }}>
            {isFiltered ? <Trans>Search further back</Trans> : <Trans>Show older lines</Trans>}
          </Button>
        </div>
      )}
      <div className="relative" hidden={isEmpty}>
        {/* The lines are read with the arrow keys: each is said in the status below. */}
        <div ref={region} className="log-scroll" role="group" data-keys aria-label={t`What ${service} writes. The arrow keys go from line to line.`} />
        {state.fresh > 0 && !state.follow && (
          <button type="button" className="button primary log-new" onClick={() => view?.setFollow(true)}>
            <Plural value={state.fresh} one="# new line" other="# new lines" />
            <Icon name="down" />
          </button>
        )}
      </div>
      {isEmpty && (
        <p className="px-4 py-8 text-center text-muted">
          {isFiltered ? <Trans>No line of the log matches. New ones that do appear here.</Trans> : <Trans>It has written nothing yet. Its lines appear here as soon as it does.</Trans>}
        </p>
      )}
      <p className="sr-only" role="status">{said}</p>
    </section>
  )
}
