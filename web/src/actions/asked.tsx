/** Where questions appear: once, in the frame. The dialogs come when the first is asked. */

import { lazy, Suspense } from 'react'

import { useAsked } from '~/actions/ask'
import { piece } from '~/shell/piece'

export const dialogs = () => piece(() => import('~/actions/dialogs'))
const Dialogs = lazy(dialogs)

export function Asked() {
  const asked = useAsked()
  if (!asked) return null
  return <Suspense><Dialogs key={asked.number} {...asked} /></Suspense>
}
