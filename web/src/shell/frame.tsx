/** The frame around pages: the bar, the state of the connection, the page. */

import { Trans } from '@lingui/react/macro'
import { useQueryClient } from '@tanstack/react-query'
import { Outlet } from '@tanstack/react-router'
import { useEffect } from 'react'

import { Asked } from '~/actions/asked'
import { goLive } from '~/api/live'
import { Bar } from '~/shell/bar'
import { Toasts } from '~/ui/toast'

export function Frame() {
  const queries = useQueryClient()
  useEffect(() => void goLive(queries), [queries])
  return (
    <>
      <Skip />
      <Bar />
      <main id="main" className="mx-auto max-w-[1328px] px-3 pt-4 pb-12 sm:px-6 sm:pt-6 sm:pb-16 lg:max-w-[1616px]">
        <Outlet />
      </main>
      <Toasts />
      <Asked />
    </>
  )
}

/** For whoever is not signed in. */
export function Outside() {
  return (
    <>
      <Skip />
      <main id="main" className="mx-auto grid max-w-[420px] gap-4 px-3 py-16">
        <Outlet />
      </main>
    </>
  )
}

function Skip() {
  return <a className="skip" href="#main"><Trans>Skip to the content</Trans></a>
}
