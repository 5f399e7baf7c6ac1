/** What the figures of visitors say, by minutes of the last hour. */

import type { Schema } from '~/api/client'

export const MINUTES = 60

/** Requests in each of the last sixty minutes, the newest at the end. */
export function byMinute(minutes: readonly Pick<Schema['MinuteBody'], 'from' | 'requests'>[], now: number): number[] {
  const bars = Array<number>(MINUTES).fill(0)
  for (const { from, requests } of minutes) {
    const past = Math.floor((now - Date.parse(from)) / 60_000)
    if (past >= 0 && past < MINUTES) bars[MINUTES - 1 - past]! += requests
  }
  return bars
}
