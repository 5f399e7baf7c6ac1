/** Ties the parts of a log together for as long as its build, or its command, is on the page: store, feed and view live outside React. */

import { useEffect, useEffectEvent, useRef, useState } from 'react'

import { LogFeed, type Sources } from '~/log/feed'
import type { Step } from '~/log/fold'
import type { Range } from '~/log/link'
import { LogStore } from '~/log/store'
import { LogView, type ViewState } from '~/log/view'

export const INITIAL: ViewState = { follow: false, fresh: 0, lines: 0, problems: 0, onlyProblems: false, wrap: false, complete: false, search: null }
const WRAP = 'log-wrap'

/** On narrow screens lines are wrapped unless somebody chose otherwise. */
export function wraps(): boolean {
  const chosen = localStorage.getItem(WRAP)
  return chosen === null ? matchMedia('(max-width: 40rem)').matches : chosen === 'on'
}

export function keepWrap(wrap: boolean): void {
  localStorage.setItem(WRAP, wrap ? 'on' : 'off')
}

export type Opening = {
  /** Where its lines come from; those of the first time stay. */
  sources: Sources
  steps: readonly Step[]
  ended: boolean
  /** Where it opens unless the address names lines. */
  at: { line: number } | { step: string } | 'start' | 'end' | 'follow'
  /** The lines that the address names. */
  range: Range | null
  query: string
  /** Another number each time that the page asks to go where the address says, which it may have said before. */
  asked: number
  onRange: (range: Range) => void
  more: (characters: number) => string
}

export function useLog({ sources, steps, ended, at, range, query, asked, onRange, more }: Opening) {
  const [store] = useState(() => new LogStore())
  const [view, setView] = useState<LogView>()
  const [state, setState] = useState(INITIAL)
  const [problem, setProblem] = useState<unknown>()
  const region = useRef<HTMLDivElement>(null)
  const headings = useRef<HTMLDivElement>(null)
  const feed = useRef<LogFeed>(undefined)
  const picked = useRef(range)

  const viewOf = useEffectEvent((scroller: HTMLElement) => new LogView(scroller, store, {
    more,
    changed: setState,
    wrap: wraps(),
    follow: at === 'follow' && range === null,
    picked(next) {
      picked.current = next
      onRange(next)
    },
  }))
  const feedOf = useEffectEvent(() => new LogFeed(store, sources, ended, setProblem))
  const open = useEffectEvent((view: LogView) => {
    if (range) view.goTo(range)
    else if (at === 'end') view.goToEnd()
    else if (typeof at === 'object' && 'line' in at) view.goTo({ from: at.line, to: at.line }, { mark: false })
    else if (typeof at === 'object') view.goToStep(at.step)
    if (query !== '') view.search(query)
  })

  useEffect(() => {
    const view = viewOf(region.current!)
    setView(view)
    return () => view.destroy()
  }, [])
  useEffect(() => {
    const started = feedOf()
    feed.current = started
    started.start()
    return () => started.stop()
  }, [])
  useEffect(() => {
    if (ended) feed.current?.ended()
  }, [ended])
  useEffect(() => view?.setSteps(steps), [view, steps])
  // After every change: of a step, its note, or the language.
  useEffect(() => view?.setHeadings([...(headings.current?.children ?? [])] as HTMLElement[]))
  useEffect(() => {
    if (view) open(view)
  }, [view])
  useEffect(() => {
    if (!view || !range || (picked.current?.from === range.from && picked.current.to === range.to)) return
    picked.current = range
    view.goTo(range)
  }, [view, range])

  // A step that is chosen later, in the bar above.
  const step = typeof at === 'object' && 'step' in at ? at.step : undefined
  const shown = useRef(step)
  useEffect(() => {
    if (!view || step === undefined || shown.current === step) return
    shown.current = step
    view.goToStep(step)
  }, [view, step])

  const goAgain = useEffectEvent((view: LogView) => {
    if (range) view.goTo(range)
    else if (step !== undefined) view.goToStep(step)
  })
  const heeded = useRef(asked)
  useEffect(() => {
    if (!view || heeded.current === asked) return
    heeded.current = asked
    goAgain(view)
  }, [view, asked])

  return { store, view, state, problem, region, headings }
}
