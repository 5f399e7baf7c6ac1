/**
 * Changes that visitors or a machine notice are asked about first. Whoever offers one calls `ask`; the dialog (dialogs.tsx, loaded
 * when it is needed) names what follows, does it, and says there what went wrong. No page holds a dialog of its own for them.
 */

import { useSyncExternalStore } from 'react'

import type { Schema } from '~/api/client'
import type { Run, Service, Volume } from '~/services/types'

export type Build = Schema['BuildSummaryBody']
export type Deployment = Schema['DeploymentBody']

export type Question =
  /** Production shows a kept deployment of its own again: an earlier one, or one that was rolled back from. */
  | { kind: 'activate'; deployment: Deployment }
  /** Production shows what a preview's build made. */
  | { kind: 'promote'; deployment: Deployment }
  /** … and because production's builds get other values of these `keys`, its commit is built again for production. */
  | { kind: 'promote_by_build'; deployment: Deployment; keys: readonly string[] }
  | { kind: 'rebuild'; build: Build }
  | { kind: 'build_newest'; project: number }
  /** Code of somebody else's repository waits for a person to look at it. */
  | { kind: 'approve'; build: Build }
  /** Canceling needs no question (cancel.ts); it becomes one where the server did not do it. */
  | { kind: 'cancel'; build: Build; problem: string }
  | { kind: 'remove_preview'; preview: Schema['PreviewBody'] }
  | { kind: 'restart_service'; project: number; service: Service }
  | { kind: 'scale_service'; project: number; service: Service }
  /** `services`: those that run. `line`: what was run before. */
  | { kind: 'run_command'; project: number; services: readonly string[]; service?: string; line?: string }
  /** Stopping needs no question (stop.ts); it becomes one where the server did not do it. */
  | { kind: 'stop_run'; run: Run; problem: string }
  | { kind: 'remove_volume'; project: number; volume: Volume }

export type Asked = { question: Question; open: boolean; number: number }

let asked: Asked | undefined
const listeners = new Set<() => void>()

function become(next: Asked): void {
  asked = next
  for (const listener of listeners) listener()
}

export function ask(question: Question): void {
  become({ question, open: true, number: (asked?.number ?? 0) + 1 })
}

/** Ends the question of that number; a later one, which its answer may have led to, stays. */
export function close(number: number): void {
  if (asked?.number === number) become({ ...asked, open: false })
}

export function useAsked(): Asked | undefined {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => asked,
  )
}
