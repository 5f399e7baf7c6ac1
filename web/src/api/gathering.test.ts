import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { Gathering, MOMENT_MS } from '~/api/gathering'

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

const SLOW_MS = 1_000

/** A server that takes a second for each answer. */
function counted() {
  const seen = { fetches: 0, atOnce: 0, most: 0 }
  const gathering = new Gathering(async () => {
    seen.fetches += 1
    seen.atOnce += 1
    seen.most = Math.max(seen.most, seen.atOnce)
    await new Promise((resolve) => setTimeout(resolve, SLOW_MS))
    seen.atOnce -= 1
  })
  return { seen, gathering }
}

test('twenty events at once are two fetches: the first at once, one for the rest', async () => {
  const { seen, gathering } = counted()
  for (let event = 0; event < 20; event += 1) gathering.note(['projects'])
  expect(seen.fetches).toBe(1)
  await vi.runAllTimersAsync()
  expect(seen).toEqual({ fetches: 2, atOnce: 0, most: 1 })
})

test('an event during the last fetch is not lost', async () => {
  const { seen, gathering } = counted()
  gathering.note(['projects'])
  await vi.advanceTimersByTimeAsync(SLOW_MS / 2)
  gathering.note(['projects'])
  await vi.advanceTimersByTimeAsync(SLOW_MS + MOMENT_MS)
  expect(seen.fetches).toBe(2)
})

test('events that never end hold up no fetch and start none beside it', async () => {
  const { seen, gathering } = counted()
  for (let event = 0; event < 100; event += 1) {
    gathering.note(['projects'])
    await vi.advanceTimersByTimeAsync(100)
  }
  await vi.runAllTimersAsync()
  expect(seen.most).toBe(1)
  // Ten seconds of events, and 1.2 s for each fetch with its moment.
  expect(seen.fetches).toBeGreaterThanOrEqual(8)
  expect(seen.fetches).toBeLessThanOrEqual(10)
})

test('different things wait for nothing of each other', async () => {
  const { seen, gathering } = counted()
  gathering.note(['projects'])
  gathering.note(['project', 7])
  expect(seen.fetches).toBe(2)
  await vi.runAllTimersAsync()
})
