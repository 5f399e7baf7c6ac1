/**
 * Canceling a build: nothing that visitors see changes, so it is done without a question, and the build says "Canceling" at once
 * and until the server says how it ended.
 */

import { useLingui } from '@lingui/react/macro'
import { useQueryClient } from '@tanstack/react-query'
import { useSyncExternalStore } from 'react'

import { api } from '~/api/client'
import { messageOf, Refusal } from '~/api/errors'
import { keys } from '~/api/keys'
import { ask, type Build } from '~/actions/ask'

type Cancelable = Pick<Build, 'id' | 'status' | 'cancelRequested'>

/** What was asked of the server and not answered yet. Replaced, never changed, so that React sees it change. */
let asking: ReadonlySet<number> = new Set()
const listeners = new Set<() => void>()

function become(next: ReadonlySet<number>): void {
  asking = next
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function isUnderWay({ status }: Pick<Build, 'status'>): boolean {
  return status === 'queued' || status === 'running'
}

/** The state to show for a build: its status, or `canceling`. */
export function useStateOf(): (build: Cancelable) => string {
  const pending = useSyncExternalStore(subscribe, () => asking)
  return (build) => (isUnderWay(build) && (build.cancelRequested || pending.has(build.id)) ? 'canceling' : build.status)
}

/**
 * What canceling is called, with what follows from it. `hasLive`: visitors of the site see something now. Of a
 * preview that is not known everywhere: nothing is said of it.
 */
export function useCancelWords(): (build: Pick<Build, 'status' | 'environment'>, hasLive: boolean) => string {
  const { t } = useLingui()
  return ({ status, environment }, hasLive) => {
    if (status === 'held') return t`Dismiss: it is not built`
    if (environment === 'preview') return t`Cancel this build`
    return hasLive ? t`Cancel: what is live stays` : t`Cancel: nothing goes live`
  }
}

/** Asks the server to stop a build. Where it does not, a dialog says why and offers it again. */
export function useCancel(): (build: Build) => Promise<void> {
  const queries = useQueryClient()
  return async (build) => {
    become(new Set(asking).add(build.id))
    try {
      await api.POST('/api/v1/builds/{id}/cancel', { params: { path: { id: build.id } } })
    } catch (error) {
      // One that ended meanwhile needs no word: the page shows how.
      if (!(error instanceof Refusal && error.code === 'already_finished')) ask({ kind: 'cancel', build, problem: messageOf(error) })
    }
    await Promise.all([keys.build(build.id), keys.project(build.projectId), keys.projects].map((queryKey) => queries.invalidateQueries({ queryKey })))
    become(new Set([...asking].filter((id) => id !== build.id)))
  }
}
