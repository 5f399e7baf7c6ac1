/** What replicas use together, and what they may. */

import type { Replica } from '~/services/types'

export type Usage = { cpus: number; memory: number; memoryLimit: number; measured: number }

/** `undefined`: none of them was measured yet. */
export function usageOf(replicas: readonly Pick<Replica, 'usage' | 'memoryLimit'>[]): Usage | undefined {
  const measured = replicas.filter(({ usage }) => usage !== null)
  if (measured.length === 0) return undefined
  return {
    cpus: sum(measured.map(({ usage }) => usage!.cpus)),
    memory: sum(measured.map(({ usage }) => usage!.memory)),
    memoryLimit: sum(measured.map(({ memoryLimit }) => memoryLimit)),
    measured: measured.length,
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
