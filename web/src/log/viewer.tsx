/**
 * The log viewer: a bar, and one focusable region whose rows are painted outside React (view.ts). What happens is told to screen
 * readers in one polite status, never line by line.
 */

import { Plural, Trans, useLingui } from '@lingui/react/macro'
import { useEffect, useEffectEvent, useRef, useState } from 'react'

import { messageOf } from '~/api/errors'
import { plain } from '~/log/ansi'
import { Bar } from '~/log/bar'
import { Headings, type Notes } from '~/log/headings'
import { type Commands, heedKey } from '~/log/keys'
import { hashOf } from '~/log/link'
import { keepWrap, type Opening, useLog } from '~/log/use-log'
import { useStepName } from '~/log/words'
import { singleKeys } from '~/shell/keys'
import { useFormat } from '~/ui/format'
import { Icon } from '~/ui/icons'
import { toast } from '~/ui/toast'

import './log.css'

type ViewerProps = Omit<Opening, 'more'> & {
  /** What the region of its lines is called. */
  label: string
  /** Where all of it can be had as text, whatever the page has loaded. */
  download?: string
  /** What stands beside the names of the steps. */
  notes: Notes
  onQuery: (query: string) => void
  /** What a log without lines says. */
  empty: React.ReactNode
}

export function Viewer({ label, download, notes, onQuery, empty, ...opening }: ViewerProps) {
  const { t, i18n } = useLingui()
  const format = useFormat()
  const nameOf = useStepName()
  const [said, setSaid] = useState('')
  const field = useRef<HTMLInputElement>(null)
  const { steps, query } = opening
  const more = (characters: number) => t`Show the whole line (${format.number(characters)} characters)`
  const { store, view, state, problem, region, headings } = useLog({ ...opening, more })

  const sayRow = () => {
    const current = view?.current
    if (!current) return
    if ('line' in current) setSaid(t`Line ${format.number(current.line)}: ${plain(store.text(current.line))}`)
    else setSaid(nameOf(steps[current.section]!.name))
  }
  const wrap = () => {
    view?.setWrap(!state.wrap)
    keepWrap(!state.wrap)
  }
  const copyLink = () => {
    if (!view) return
    const address = new URL(location.href)
    address.hash = hashOf(view.linkable)
    void copied(address.href).then((done) => toast(done
      ? <Trans>The link to <bdi dir="ltr" className="mono">{address.hash}</bdi> is copied.</Trans>
      : <Trans>This browser lets no page copy without TLS. The link is <bdi dir="ltr" className="mono wrap-anywhere">{address.href}</bdi></Trans>))
  }
  const commands: Commands = {
    follow: () => view?.setFollow(!state.follow && !state.complete),
    wrap,
    copyLink,
    toSearch: () => field.current?.select(),
    say: sayRow,
  }
  const heed = useEffectEvent((event: KeyboardEvent) => {
    if (view) heedKey(event, region.current!, view, commands, { searching: state.search !== null, singleKeys: singleKeys() })
  })
  useEffect(() => {
    const listener = (event: KeyboardEvent) => heed(event)
    document.addEventListener('keydown', listener, { capture: true })
    return () => document.removeEventListener('keydown', listener, { capture: true })
  }, [])

  return (
    <section className="log" aria-label={t`Log`}>
      <Bar view={view} state={state} query={query} onQuery={onQuery} field={field} toRegion={() => region.current?.focus()} onWrap={wrap} onCopyLink={copyLink} onDownload={download === undefined ? undefined : () => save(download)} />
      {problem !== undefined && <p className="border-b border-line bg-surface px-4 py-2 text-sm text-fail" role="alert"><Trans>The log could not be loaded further; it is tried again by itself.</Trans> {messageOf(problem)}</p>}
      <div className="relative" hidden={state.lines === 0 && steps.length === 0}>
        {/* The lines are read with the arrow keys: each is said in the status below. */}
        <div ref={region} className="log-scroll" role="group" data-keys aria-label={label} />
        {state.fresh > 0 && !state.follow && (
          <button type="button" className="button primary log-new" onClick={() => (state.complete ? view?.end() : view?.setFollow(true))}>
            <Plural value={state.fresh} one="# new line" other="# new lines" />
            <Icon name="down" />
          </button>
        )}
      </div>
      {state.lines === 0 && steps.length === 0 && <p className="px-4 py-8 text-center text-muted">{empty}</p>}
      <Headings key={i18n.locale} steps={steps} notes={notes} box={headings} />
      <p className="sr-only" role="status">{said}</p>
    </section>
  )
}

/** Whether it is in the clipboard now. Pages without TLS have none. */
async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return false
  }
}

function save(address: string): void {
  const link = document.createElement('a')
  link.href = address
  // The server names the file.
  link.download = ''
  link.click()
}
