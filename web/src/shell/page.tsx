/** A page: its title in the tab and as the one h1, which takes the focus when somebody navigated here. */

import { useRouterState } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'

import { type TabMark, useTab } from '~/shell/tab'

type PageProps = {
  /** In the tab, and as the heading unless `heading` is given. */
  title: string
  heading?: React.ReactNode
  /** Beside the heading. */
  actions?: React.ReactNode
  /** What the tab shows for this page alone, instead of what is known of the project or of all of them. */
  mark?: TabMark
  children: React.ReactNode
}

let first = true

export function Page({ title, heading, actions, mark, children }: PageProps) {
  const h1 = useRef<HTMLHeadingElement>(null)
  const path = useRouterState({ select: (state) => state.location.pathname })
  useTab(title, mark)
  useEffect(() => {
    // The browser puts the focus itself when the page was loaded.
    if (!first && !h1.current?.closest('main')?.contains(document.activeElement)) h1.current?.focus({ preventScroll: true })
    first = false
  }, [path])
  return (
    <>
      <div className="mb-4 flex flex-wrap items-center gap-3">
        <h1 ref={h1} tabIndex={-1} className="min-w-0 flex-1 basis-52">{heading ?? title}</h1>
        {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
      </div>
      {children}
    </>
  )
}
