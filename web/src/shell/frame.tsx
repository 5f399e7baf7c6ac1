/** The frame around pages: the bar, the state of the connection, the page. */

import { useQueryClient } from '@tanstack/react-query'
import { Outlet } from '@tanstack/react-router'
import { lazy, Suspense, useEffect } from 'react'

import { Asked, dialogs } from '~/actions/asked'
import { goLive, goQuiet } from '~/api/live'
import { accountMenu, Bar } from '~/shell/bar'
import { ConnectionBar } from '~/shell/connection'
import { useShortcuts } from '~/shell/keys'
import { keepFocus } from '~/shell/lost-focus'
import { useOverlay } from '~/shell/overlay'
import { piece } from '~/shell/piece'
import { Skip } from '~/shell/skip'
import { useMarks } from '~/shell/marks'
import { menuParts } from '~/ui/menu'
import { Toasts } from '~/ui/toast'

const palette = () => piece(() => import('~/shell/palette'))
const keysHelp = () => piece(() => import('~/shell/keys-help'))
const Palette = lazy(() => palette().then(({ Palette }) => ({ default: Palette })))
const Keys = lazy(() => keysHelp().then(({ KeysHelp }) => ({ default: KeysHelp })))

/** How long after the first page what is likely next is fetched: it then opens at once, and also while there is no connection. */
const LATER_MS = 2_000

export function Frame() {
  const queries = useQueryClient()
  useEffect(() => {
    void goLive(queries)
    return goQuiet
  }, [queries])
  useEffect(() => {
    const timer = setTimeout(() => void Promise.allSettled([menuParts(), accountMenu(), dialogs(), palette(), keysHelp()]), LATER_MS)
    return () => clearTimeout(timer)
  }, [])
  useEffect(keepFocus, [])
  useMarks()
  useShortcuts()
  const overlay = useOverlay()
  return (
    <>
      <Skip />
      <Bar />
      <ConnectionBar />
      <main id="main" className="mx-auto max-w-[1328px] px-3 pt-4 pb-12 sm:px-6 sm:pt-6 sm:pb-16 lg:max-w-[1616px]">
        <Outlet />
      </main>
      <Toasts />
      <Asked />
      {overlay && <Suspense fallback={null}>{overlay === 'keys' ? <Keys /> : <Palette projectsOnly={overlay === 'projects'} />}</Suspense>}
    </>
  )
}
