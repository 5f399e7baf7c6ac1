/** What the tab shows besides the page's title: that something builds, or that the last push failed. */

import { useSyncExternalStore } from 'react'

let mark = ''
const listeners = new Set<() => void>()

/** `◔ Building`, `✕ Failed`, or nothing. Set by the frame, from the projects. */
export function markTab(next: string): void {
  if (next === mark) return
  mark = next
  for (const listener of listeners) listener()
}

export function useTabState(): string {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => mark,
  )
}
