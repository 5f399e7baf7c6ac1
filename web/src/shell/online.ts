/** Whether the server answers. The live connection decides; requests that fail to arrive report it too. */

import { useLingui } from '@lingui/react/macro'
import { useSyncExternalStore } from 'react'

type Connection = { online: boolean; since: Date; nextTry: Date | null }

let connection: Connection = { online: true, since: new Date(), nextTry: null }
const listeners = new Set<() => void>()

export function connectionChanged(online: boolean, nextTry: Date | null = null): void {
  if (online && connection.online) return
  connection = { online, since: online === connection.online ? connection.since : new Date(), nextTry }
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function useConnection(): Connection {
  return useSyncExternalStore(subscribe, () => connection)
}

export function useOnline(): { online: boolean; reason: string } {
  const { t } = useLingui()
  return { online: useConnection().online, reason: t`Not connected: this works again once the server answers.` }
}
