import { expect, test } from 'vitest'

import { type TailLine, TailStore } from './tail-store'

const TODAY = new Date(2026, 10, 22, 12)
const at = (hours: number, day = 22) => new Date(2026, 10, day, hours, 2, 33).toISOString()
const line = (number: number, rest: Partial<TailLine> = {}): TailLine => ({ number, at: at(9), replica: 1, deploymentId: 1, stream: 'stdout', text: `line ${number}`, ...rest })

function storeOf() {
  const moves: number[] = []
  return { moves, store: new TailStore((by) => moves.push(by), () => TODAY) }
}

test('older lines come before the others, which are told that they moved', () => {
  const { store, moves } = storeOf()
  store.append([line(7), line(9)])
  store.prepend([line(3), line(5)])
  expect([1, 2, 3, 4].map((each) => store.idOf(each))).toEqual([3, 5, 7, 9])
  expect(store.oldest).toBe(3)
  expect(moves).toEqual([2])
})

test('a page that is open for days keeps no more than it can show', () => {
  const { store, moves } = storeOf()
  const lines = Array.from({ length: 50_000 }, (_, index) => line(index + 1))
  expect(store.append(lines)).toBe(false)
  expect(store.append([line(50_001)])).toBe(true)
  expect([store.count, store.oldest, store.text(store.count)]).toEqual([40_000, 10_002, 'line 50001'])
  expect(moves).toEqual([-10_001])
})

test('the time stands before a line; the replica and the day only where there are several', () => {
  const { store } = storeOf()
  store.append([line(1)])
  expect(store.label(1)).toBe('09:02:33')
  store.append([line(2, { replica: 2, at: at(10) })])
  expect([store.label(1), store.label(2)]).toEqual(['09:02:33 #1', '10:02:33 #2'])
  // Berth's own words are of no replica.
  store.append([line(3, { replica: null, at: at(11) })])
  expect(store.label(3)).toBe('11:02:33   ')
  store.prepend([line(0, { at: at(23, 21) })])
  expect([store.label(1), store.label(2)]).toEqual(['11-21 23:02:33 #1', '11-22 09:02:33 #1'])
  expect(store.gutter).toBe(store.label(1).length)
})
