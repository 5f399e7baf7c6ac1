/**
 * Secrets that were removed or renamed and can still be taken back: the pages show them as they are going to be, wherever somebody
 * goes meanwhile, and the server hears of it when the time is over (ui/toast.tsx).
 */

import { useQueryClient } from '@tanstack/react-query'
import { useSyncExternalStore } from 'react'

import type { Schema } from '~/api/client'
import { messageOf } from '~/api/errors'
import { keys } from '~/api/keys'
import { toastWithUndo } from '~/ui/toast'

type Variable = Schema['VariableBody']

/** `null`: it goes. */
type Change = Partial<Variable> | null

let waiting: ReadonlyMap<number, Change> = new Map()
/** Why the server did not take a change, beside the secret it was about. */
let refused: ReadonlyMap<number, string> = new Map()
const listeners = new Set<() => void>()

function put<T>(map: ReadonlyMap<number, T>, id: number, value: T | undefined): ReadonlyMap<number, T> {
  const next = new Map(map)
  if (value === undefined) next.delete(id)
  else next.set(id, value)
  return next
}

function tell(id: number, change: Change | undefined, problem?: string): void {
  waiting = put(waiting, id, change)
  refused = put(refused, id, problem)
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** What the server has, as it is going to be. */
export function useWithWaiting(variables: readonly Variable[]): Variable[] {
  const changes = useSyncExternalStore(subscribe, () => waiting)
  return variables.flatMap((variable) => {
    const change = changes.get(variable.id)
    return change === null ? [] : [{ ...variable, ...change }]
  })
}

export function useRefused(id: number): string | undefined {
  return useSyncExternalStore(subscribe, () => refused).get(id)
}

type Later = { words: React.ReactNode; send: (options: { keepalive: boolean }) => Promise<unknown> }

/** Shows a change at once and sends it when it can no longer be taken back. */
export function useLater(project: number) {
  const queries = useQueryClient()
  const refresh = () => queries.invalidateQueries({ queryKey: keys.variables(project) })
  return (id: number, change: Change, { words, send }: Later) => {
    tell(id, change)
    toastWithUndo({
      words,
      async send(options) {
        await send(options)
        await refresh()
        tell(id, undefined)
      },
      undo: () => tell(id, undefined),
      refused: (error) => tell(id, undefined, messageOf(error)),
    })
  }
}
