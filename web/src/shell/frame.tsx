/** The frame around pages: the bar, the state of the connection, the page. */

import { useQueryClient } from '@tanstack/react-query'
import { Outlet } from '@tanstack/react-router'
import { lazy, Suspense, useEffect } from 'react'

import { Asked } from '~/actions/asked'
import { goLive, goQuiet } from '~/api/live'
import { Bar } from '~/shell/bar'
import { ConnectionBar } from '~/shell/connection'
import { useShortcuts } from '~/shell/keys'
import { useOverlay } from '~/shell/overlay'
import { Skip } from '~/shell/skip'
import { useMarks } from '~/shell/marks'
import { Toasts } from '~/ui/toast'

const Palette = lazy(() => import('~/shell/palette').then(({ Palette }) => ({ default: Palette })))
const Keys = lazy(() => import('~/shell/keys-help').then(({ KeysHelp }) => ({ default: KeysHelp })))

export function Frame() {
  const queries = useQueryClient()
  useEffect(() => {
    void goLive(queries)
    return goQuiet
  }, [queries])
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
