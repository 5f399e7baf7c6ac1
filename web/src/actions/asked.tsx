/** Where questions appear: once, in the frame. The dialogs come when the first is asked. */

import { lazy, Suspense } from 'react'

import { useAsked } from '~/actions/ask'

const Dialogs = lazy(() => import('~/actions/dialogs'))

export function Asked() {
  const asked = useAsked()
  if (!asked) return null
  return <Suspense><Dialogs key={asked.number} {...asked} /></Suspense>
}
