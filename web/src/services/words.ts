/** Where services and commands stand, in words. */

import { plural } from '@lingui/core/macro'
import { useLingui } from '@lingui/react/macro'

import type { ReplicaEnd, Run, Service } from '~/services/types'
import { useAmount } from '~/ui/format'

/** How a replica ended: `Out of memory: it used more than its 512 MiB.` */
export function useEndWords(): (end: ReplicaEnd) => string {
  const { t } = useLingui()
  const amount = useAmount()
  return ({ exitCode, outOfMemory }) => {
    if (outOfMemory !== undefined) return t`Out of memory: it used more than its ${amount(outOfMemory)}.`
    const signal = signalOf(exitCode)
    return signal ? t`A signal ended it: ${signal}.` : t`It ended by itself with exit code ${exitCode}.`
  }
}

/** Signals that programs end by, as shells count them: 128 and the signal. */
const SIGNALS: Readonly<Record<number, string>> = { 129: 'SIGHUP', 130: 'SIGINT', 131: 'SIGQUIT', 132: 'SIGILL', 134: 'SIGABRT', 135: 'SIGBUS', 136: 'SIGFPE', 137: 'SIGKILL', 139: 'SIGSEGV', 141: 'SIGPIPE', 143: 'SIGTERM' }

export function signalOf(exitCode: number): string | undefined {
  return SIGNALS[exitCode]
}

/** The key of a service's state (ui/state.tsx). */
export function stateOfService({ kind, state }: Pick<Service, 'kind' | 'state'>): string {
  return kind === 'static' ? 'files' : (state ?? 'stopped')
}

/** Whether something is wrong that its last end explains. */
export function isInTrouble({ state }: Pick<Service, 'state'>): boolean {
  return needsSomebody({ state }) || state === 'restarting'
}

/** Whether time alone will hardly mend it. */
export function needsSomebody({ state }: Pick<Service, 'state'>): boolean {
  return state === 'unhealthy' || state === 'crash_loop'
}

/** The key of a command's state: one that ended by itself succeeded or did not. */
export function stateOfRun({ status, exitCode, stopAskedAt }: Pick<Run, 'status' | 'exitCode' | 'stopAskedAt'>): string {
  switch (status) {
    case 'queued': return stopAskedAt ? 'stopping' : 'queued'
    case 'running': return stopAskedAt ? 'stopping' : 'at_work'
    case 'ended': return exitCode === 0 ? 'succeeded' : 'failed'
    case 'failed': return 'failed'
    case 'stopped': return 'stopped'
  }
}

export function isUnderWay({ status }: Pick<Run, 'status'>): boolean {
  return status === 'queued' || status === 'running'
}

/** `2 of 3 replicas healthy` */
export function useReplicasWord(): (service: Pick<Service, 'replicas' | 'instances'>) => string {
  const { t } = useLingui()
  return ({ replicas, instances }) => {
    const healthy = instances.filter(({ state }) => state === 'healthy').length
    return t`${healthy} of ${plural(replicas ?? 0, { one: '# replica', other: '# replicas' })} healthy`
  }
}
