import { describe, expect, test } from 'vitest'

import { LogStore, type Piece } from '~/log/store'
import { randomOf } from '~/log/testing'

const piece = (first: number, ...texts: string[]): Piece => ({ first, texts, stream: 'stdout' })

function textsOf(store: LogStore): string[] {
  return Array.from({ length: store.count }, (_, index) => store.text(index + 1))
}

describe('a store of lines', () => {
  test('keeps what it has already', () => {
    const store = new LogStore()
    store.take(piece(1, 'one', 'two', 'three'))
    store.take(piece(2, 'two', 'three', 'four'))
    store.take(piece(1, 'one'))
    expect(textsOf(store)).toEqual(['one', 'two', 'three', 'four'])
    expect(store.next).toBe(5)
  })

  test('shows nothing beyond a gap until it is closed', () => {
    const store = new LogStore()
    store.take(piece(1, 'one'))
    store.take(piece(4, 'four', 'five'))
    expect(textsOf(store)).toEqual(['one'])
    expect(store.gap).toBe(true)
    store.take(piece(2, 'two', 'three', 'four'))
    expect(textsOf(store)).toEqual(['one', 'two', 'three', 'four', 'five'])
    expect(store.gap).toBe(false)
  })

  test('does not keep everything that is ahead of a gap', () => {
    const store = new LogStore()
    for (let first = 2; first < 60_000; first += 1_000) store.take(piece(first, ...Array.from({ length: 1_000 }, () => 'x')))
    store.take(piece(1, 'one'))
    expect(store.count).toBeLessThanOrEqual(20_001)
    expect(store.count).toBeGreaterThan(15_000)
  })

  test('knows problems by their stream and by what they say', () => {
    const store = new LogStore()
    store.take(piece(1, 'fine', '\x1b[31mError\x1b[0m: no such file', 'errors: 0'))
    store.take({ first: 4, texts: ['warning: old'], stream: 'stderr' })
    expect(store.problems).toEqual([2, 4])
    expect([1, 2, 3, 4].map((line) => store.isError(line))).toEqual([false, true, false, false])
  })

  test('tells of every change once', () => {
    const store = new LogStore()
    let told = 0
    const stop = store.subscribe(() => (told += 1))
    store.takeAll([piece(1, 'one'), piece(2, 'two')])
    store.take(piece(1, 'one'))
    store.end()
    store.end()
    stop()
    store.take(piece(3, 'three'))
    expect(told).toBe(2)
  })

  test('has the whole log whatever came in whichever order', () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const random = randomOf(seed)
      const lines = Array.from({ length: 200 + random(300) }, (_, index) => `line ${index + 1}`)
      const store = new LogStore()
      const pieces: Piece[] = []
      for (let first = 1; first <= lines.length;) {
        const length = 1 + random(40)
        pieces.push(piece(first, ...lines.slice(first - 1, first - 1 + length)))
        first += length
      }
      // Some twice, some overlapping, all of them in any order.
      for (let again = random(20); again > 0; again -= 1) {
        const first = 1 + random(lines.length)
        pieces.push(piece(first, ...lines.slice(first - 1, first + random(60))))
      }
      for (let at = pieces.length - 1; at > 0; at -= 1) {
        const other = random(at + 1)
        ;[pieces[at], pieces[other]] = [pieces[other]!, pieces[at]!]
      }
      for (const each of pieces) {
        store.take(each)
        expect(textsOf(store)).toEqual(lines.slice(0, store.count))
      }
      expect(textsOf(store), `seed ${seed}`).toEqual(lines)
      expect(store.gap).toBe(false)
    }
  })
})
