/**
 * Whether the server answers, and when it is tried next. The live connection decides; a request that does not arrive reports it
 * too. While there is no connection, tries follow each other at growing distances and the page says when the next one is.
 */

import { useLingui } from '@lingui/react/macro'
import { useSyncExternalStore } from 'react'

type Connection = {
  online: boolean
  /** Since when it is as it is: what is shown is from then, if it was lost. */
  since: Date
  /** `null`: being tried just now. */
  nextTry: Date | null
}

/** Seconds between tries; the last goes on. */
const DISTANCES = [1, 2, 4, 8, 15] as const

let connection: Connection = { online: true, since: new Date(), nextTry: null }
let tries = 0
let timer: ReturnType<typeof setTimeout> | undefined
let attempt: () => void = () => void ask()
const listeners = new Set<() => void>()

function change(next: Connection): void {
  connection = next
  for (const listener of listeners) listener()
}

/** How the connection is tried again; without the live connection, by asking whether the server is well. */
export function tryBy(way: () => void): void {
  attempt = way
}

/** Something did not arrive, or the live connection ended. */
export function connectionLost(): void {
  if (timer !== undefined) return
  const seconds = DISTANCES[Math.min(tries, DISTANCES.length - 1)]!
  tries += 1
  timer = setTimeout(tryNow, seconds * 1_000)
  change({ online: false, since: connection.online ? new Date() : connection.since, nextTry: new Date(Date.now() + seconds * 1_000) })
}

/** The server answers again. */
export function connectionFound(): void {
  clearTimeout(timer)
  timer = undefined
  tries = 0
  if (!connection.online) change({ online: true, since: new Date(), nextTry: null })
}

/** Tries at once instead of waiting for the next turn. */
export function tryNow(): void {
  clearTimeout(timer)
  timer = undefined
  if (connection.online) return
  change({ ...connection, nextTry: null })
  attempt()
}

/** Asks whether the server is there at all. */
export async function ask(): Promise<void> {
  const well = await fetch('/health', { cache: 'no-store' }).then(({ ok }) => ok, () => false)
  if (well) connectionFound()
  else connectionLost()
}

export function isOnline(): boolean {
  return connection.online
}

export function onConnection(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function useConnection(): Connection {
  return useSyncExternalStore(onConnection, () => connection)
}

export function useOnline(): { online: boolean; reason: string } {
  const { t } = useLingui()
  return { online: useConnection().online, reason: t`Not connected: this works again once the server answers.` }
}
