/** Which part of the audit log an address means. What means nothing lets everything through. */

import type { Schema } from '~/api/client'

export const MEANS = ['session', 'token', 'hook', 'deploy_hook', 'link', 'sign_in', 'system'] as const satisfies readonly Schema['AuditMeans'][]

/** The days are the reader's own, and both are in. */
export type Filter = { by?: number; project?: number; means?: Schema['AuditMeans']; from?: string; until?: string }

export function filterOf(search: Record<string, unknown>): Filter {
  const id = (value: unknown) => (Number.isSafeInteger(value) ? (value as number) : undefined)
  return {
    by: id(search.by),
    project: id(search.project),
    means: MEANS.find((one) => one === search.means),
    from: day(search.from),
    until: day(search.until),
  }
}

function day(value: unknown): string | undefined {
  return typeof value === 'string' && startOf(value) !== undefined ? value : undefined
}

/** When a day begins here, or the day some days later. */
export function startOf(day: string | undefined, later = 0): string | undefined {
  const [year, month, date] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(day ?? '')?.slice(1).map(Number) ?? []
  if (year === undefined || month === undefined || date === undefined) return undefined
  const start = new Date(year, month - 1, date + later)
  const isThatDay = later !== 0 || (start.getMonth() === month - 1 && start.getDate() === date)
  return isThatDay ? start.toISOString() : undefined
}
