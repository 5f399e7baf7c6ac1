import { describe, expect, test } from 'vitest'

import { found, Search } from '~/log/search'
import { LogStore } from '~/log/store'

function storeOf(texts: readonly string[]): LogStore {
  const store = new LogStore()
  store.take({ first: 1, texts, stream: 'stdout' })
  return store
}

describe('a search', () => {
  test('counts every match, in any case, in what is shown', () => {
    const search = new Search(storeOf(['Week week', 'none', '\x1b[31mWE\x1b[0mEK', '10%\rweek']), 'week')
    search.step()
    expect(search.count).toBe(4)
    expect([0, 1, 2, 3].map((index) => search.at(index))).toEqual([{ line: 1, nth: 0 }, { line: 1, nth: 1 }, { line: 3, nth: 0 }, { line: 4, nth: 0 }])
  })

  test('begins at a line and goes round', () => {
    const search = new Search(storeOf(['x', 'a', 'x', 'b']), 'x')
    search.step()
    expect([search.from(1), search.from(2), search.from(3), search.from(4)]).toEqual([0, 1, 1, 0])
    expect(new Search(storeOf(['a']), 'x').from(1)).toBe(-1)
  })

  test('scans in slices, and what comes later', () => {
    const store = storeOf(Array.from({ length: 25_000 }, (_, index) => (index % 1_000 === 0 ? 'hit' : 'miss')))
    const search = new Search(store, 'hit')
    const steps = [1, 2, 3].map(() => (search.step(), search.count))
    expect(steps).toEqual([10, 20, 25])
    expect(search.done).toBe(true)
    store.take({ first: 25_001, texts: ['hit'], stream: 'stdout' })
    expect(search.done).toBe(false)
    search.step()
    expect(search.at(25)).toEqual({ line: 25_001, nth: 0 })
  })

  test('finds no overlapping matches', () => {
    expect(found('aaaa', 'aa')).toEqual([0, 2])
    expect(found('abc', '')).toEqual([])
  })
})
