/** What lies over the page by a key: the palette, its list of projects, the list of keys. One at a time. */

import { useSyncExternalStore } from 'react'

export type Overlay = 'palette' | 'projects' | 'keys'

let overlay: Overlay | null = null
const listeners = new Set<() => void>()

export function openOverlay(next: Overlay | null): void {
  overlay = next
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function useOverlay(): Overlay | null {
  return useSyncExternalStore(subscribe, () => overlay)
}
