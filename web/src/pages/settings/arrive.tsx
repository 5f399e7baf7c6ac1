/** Whoever comes with a setting's name in the address finds its field in front of them, with the focus. */

import { useRouterState } from '@tanstack/react-router'
import { useEffect } from 'react'

/** Stands at the end of what holds the fields, so that they are there when it looks for one. */
export function Arrive() {
  const hash = useRouterState({ select: (state) => state.location.hash })
  useEffect(() => {
    if (!hash) return
    const field = document.querySelector<HTMLElement>(`main [name="${CSS.escape(hash)}"]`) ?? document.getElementById(hash)
    field?.scrollIntoView({ block: 'center' })
    field?.focus({ preventScroll: true })
  }, [hash])
  return null
}
