import { describe, expect, test } from 'vitest'

import { Heights } from '~/log/heights'
import { Rows, STEP_HEIGHT } from '~/log/rows'
import { randomOf } from '~/log/testing'

const section = (name: string, firstLine: number, folded = false) => ({ name, firstLine, folded })
const shown = (rows: Rows) => Array.from({ length: rows.count }, (_, row) => rows.row(row)).map((row) => ('line' in row ? row.line : `#${row.section}`))
const plain = { only: null, heightOf: () => 20 }

describe('the rows of a log', () => {
  test('have a heading for each step, and no lines where it is folded', () => {
    const rows = new Rows()
    rows.shape({ ...plain, sections: [section('fetch', 1, true), section('install', 3), section('build', 5)] }, 6)
    expect(shown(rows)).toEqual(['#0', '#1', 3, 4, '#2', 5, 6])
    expect(rows.height).toBe(3 * STEP_HEIGHT + 4 * 20)
    expect(rows.row(rows.of({ line: 2 }))).toEqual({ section: 0 })
    expect([rows.shows(2), rows.shows(3)]).toEqual([false, true])
    expect(rows.row(rows.of({ section: 2 }))).toEqual({ section: 2 })
  })

  test('show lines of before the first step, and steps without lines', () => {
    const rows = new Rows()
    rows.shape({ ...plain, sections: [section('fetch', 3), section('detect', 3), section('install', 5)] }, 4)
    expect(shown(rows)).toEqual([1, 2, '#0', '#1', 3, 4, '#2'])
    rows.extend(6)
    expect(shown(rows)).toEqual([1, 2, '#0', '#1', 3, 4, '#2', 5, 6])
    expect([0, 1, 2].map((index) => rows.row(rows.of({ section: index })))).toEqual([{ section: 0 }, { section: 1 }, { section: 2 }])
  })

  test('of problems alone have no headings', () => {
    const only = [2, 5]
    const rows = new Rows()
    rows.shape({ sections: [section('fetch', 1, true)], only, heightOf: () => 20 }, 6)
    expect(shown(rows)).toEqual([2, 5])
    only.push(8)
    rows.extend(9)
    expect(shown(rows)).toEqual([2, 5, 8])
    expect(rows.row(rows.of({ line: 6 }))).toEqual({ line: 5 })
  })

  test('are the same whether they came at once or one by one', () => {
    for (let seed = 1; seed <= 100; seed += 1) {
      const random = randomOf(seed)
      const lines = random(120)
      const firsts = Array.from({ length: random(6) }, () => 1 + random(lines + 2)).sort((one, other) => one - other)
      const sections = firsts.map((first, index) => section(String(index), first, random(2) === 0))
      const heightOf = (line: number) => 20 * (1 + (line % 3))
      const atOnce = new Rows()
      atOnce.shape({ sections, only: null, heightOf }, lines)
      const grown = new Rows()
      grown.shape({ sections, only: null, heightOf }, 0)
      for (let line = 0; line <= lines; line += 1 + random(9)) grown.extend(line)
      grown.extend(lines)
      expect(shown(grown), `seed ${seed}`).toEqual(shown(atOnce))
      expect(grown.height).toBe(atOnce.height)
      for (let row = 0; row < grown.count; row += 1) {
        expect(grown.of(grown.row(row))).toBe(row)
        expect(grown.at(grown.top(row))).toBe(row)
        expect(grown.at(grown.top(row) + grown.heightOf(row) - 1)).toBe(row)
      }
    }
  })
})

test('heights are summed as if one by one', () => {
  const random = randomOf(7)
  const heights = new Heights()
  const values: number[] = []
  for (let turn = 0; turn < 5_000; turn += 1) {
    if (values.length > 0 && random(3) === 0) {
      const row = random(values.length)
      values[row] = 20 * (1 + random(5))
      heights.set(row, values[row])
    } else {
      values.push(20)
      heights.push(20)
    }
  }
  let top = 0
  for (const [row, height] of values.entries()) {
    expect(heights.before(row)).toBe(top)
    expect(heights.indexAt(top)).toBe(row)
    expect(heights.indexAt(top + height - 1)).toBe(row)
    top += height
  }
  expect(heights.total).toBe(top)
})
