/** What the browser's tab shows besides the page's title: that something builds, or that the last push failed. */

import { useLingui } from '@lingui/react/macro'
import { useEffect, useSyncExternalStore } from 'react'

export type TabMark = 'building' | 'failed' | null

let mark: TabMark = null
const listeners = new Set<() => void>()

/** Set by the frame, from the projects. */
export function markTab(next: TabMark): void {
  if (next === mark) return
  mark = next
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

const ICONS = { building: '/icon-building.svg', failed: '/icon-failed.svg' } as const

/** Title and icon of the tab; `own` wins over what the frame knows. */
export function useTab(title: string, own?: TabMark): void {
  const { t } = useLingui()
  const general = useSyncExternalStore(subscribe, () => mark)
  const shown = own === undefined ? general : own
  const word = shown === 'building' ? `◔ ${t`Building`}` : shown === 'failed' ? `✕ ${t`Failed`}` : null
  useEffect(() => {
    document.title = [word, title, 'Berth'].filter(Boolean).join(' · ')
    document.querySelector<HTMLLinkElement>('link[rel="icon"]')!.href = shown ? ICONS[shown] : '/icon.svg'
  }, [title, word, shown])
}
