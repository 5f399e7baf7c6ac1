import { expect, test } from 'vitest'

import { byMinute } from './visitors'

test('minutes become bars, the newest at the end; what is older than an hour is not told', () => {
  const now = Date.parse('2026-11-21T12:00:30Z')
  const bars = byMinute([
    { from: '2026-11-21T12:00:00Z', requests: 3 },
    { from: '2026-11-21T11:58:00Z', requests: 5 },
    { from: '2026-11-21T10:58:00Z', requests: 9 },
  ], now)
  expect(bars).toHaveLength(60)
  expect([bars[59], bars[58], bars[57]]).toEqual([3, 0, 5])
  expect(bars.reduce((sum, bar) => sum + bar)).toBe(8)
})
