/**
 * Stopping a one-off command: it was started by a person and nobody sees it, so it is done without a question. It says "Stopping"
 * at once, and until the server says how it ended.
 */

import { useQueryClient } from '@tanstack/react-query'

import { ask } from '~/actions/ask'
import { api } from '~/api/client'
import { messageOf, Refusal } from '~/api/errors'
import { keys } from '~/api/keys'
import type { Run } from '~/services/types'
import { isUnderWay, stateOfRun } from '~/services/words'
import { Asking, useAsking } from '~/ui/asking'

const stopping = new Asking()

/** The key of the state to show for a command. */
export function useStateOfRun(): (run: Run) => string {
  const pending = useAsking(stopping)
  return (run) => (isUnderWay(run) && pending.has(run.id) ? 'stopping' : stateOfRun(run))
}

/** Asks the server to stop a command. Where it does not, a dialog says why and offers it again. */
export function useStop(): (run: Run) => Promise<void> {
  const queries = useQueryClient()
  return (run) => stopping.during(run.id, async () => {
    try {
      await api.POST('/api/v1/runs/{id}/stop', { params: { path: { id: run.id } } })
    } catch (error) {
      // One that ended meanwhile needs no word: the page shows how.
      if (!(error instanceof Refusal && error.status === 409)) ask({ kind: 'stop_run', run, problem: messageOf(error) })
    }
    await queries.invalidateQueries({ queryKey: keys.runs(run.projectId) })
  })
}
