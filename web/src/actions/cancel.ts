/**
 * Canceling a build: nothing that visitors see changes, so it is done without a question, and the build says "Canceling" at once
 * and until the server says how it ended.
 */

import { useLingui } from '@lingui/react/macro'
import { useQueryClient } from '@tanstack/react-query'

import { api } from '~/api/client'
import { messageOf, Refusal } from '~/api/errors'
import { keys } from '~/api/keys'
import { ask, type Build } from '~/actions/ask'
import { Asking, useAsking } from '~/ui/asking'

type Stated = Pick<Build, 'id' | 'status' | 'cancelRequested' | 'deployment'>

const canceling = new Asking()

export function isUnderWay({ status }: Pick<Build, 'status'>): boolean {
  return status === 'queued' || status === 'running'
}

/** What it published did not go live: its services did not start, or a release command failed. */
export function isRefused({ status, deployment }: Pick<Build, 'status' | 'deployment'>): boolean {
  return status === 'passed' && deployment?.status === 'failed'
}

/** The state to show for a build: its status, `canceling`, or where what it published has come to on its way to visitors. */
export function useStateOf(): (build: Stated) => string {
  const pending = useAsking(canceling)
  return (build) => {
    if (isUnderWay(build) && (build.cancelRequested || pending.has(build.id))) return 'canceling'
    if (isRefused(build)) return 'refused'
    return build.status === 'passed' && build.deployment?.status === 'ready' ? 'ready' : build.status
  }
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
  return (build) => canceling.during(build.id, async () => {
    try {
      await api.POST('/api/v1/builds/{id}/cancel', { params: { path: { id: build.id } } })
    } catch (error) {
      // One that ended meanwhile needs no word: the page shows how.
      if (!(error instanceof Refusal && error.code === 'already_finished')) ask({ kind: 'cancel', build, problem: messageOf(error) })
    }
    await Promise.all([keys.build(build.id), keys.project(build.projectId), keys.projects].map((queryKey) => queries.invalidateQueries({ queryKey })))
  })
}
