import { describe, expect, test } from 'vitest'

import { plain, spansOf } from '~/log/ansi'

describe('a line of a terminal', () => {
  test('without escapes is itself', () => {
    expect(spansOf('a\tb <b>')).toEqual([{ text: 'a\tb <b>', look: '' }])
    expect(plain('a\tb')).toBe('a\tb')
    expect(spansOf('')).toEqual([{ text: '', look: '' }])
  })

  test('has its colours and weights', () => {
    expect(spansOf('\x1b[32m✓\x1b[0m done \x1b[1;31mno\x1b[22m t\x1b[39m')).toEqual([
      { text: '✓', look: 'log-green' },
      { text: ' done ', look: '' },
      { text: 'no', look: 'log-red log-bold' },
      { text: ' t', look: 'log-red' },
    ])
    expect(spansOf('\x1b[92mx\x1b[41my')).toEqual([{ text: 'x', look: 'log-bright-green' }, { text: 'y', look: 'log-bright-green log-on-red' }])
  })

  test('takes the nearest of the sixteen for others', () => {
    expect(spansOf('\x1b[38;5;196mr\x1b[38;2;20;20;240mb\x1b[48;5;9mg')).toEqual([
      { text: 'r', look: 'log-red' },
      { text: 'b', look: 'log-blue' },
      { text: 'g', look: 'log-blue log-on-red' },
    ])
  })

  test('drops titles, links, cursor movements and what is unknown', () => {
    expect(plain('\x1b]0;title\x07a\x1b]8;;https://x.test\x1b\\link\x1b]8;;\x1b\\b')).toBe('alinkb')
    expect(plain('\x1b[2Ka\x1b[1Gb\x1b[?25lc\x1b(Bd\x1b=e\x1b7f\x08g\x9bh')).toBe('abcdefgh')
    expect(plain('\x1b]never ends')).toBe('')
    expect(plain('cut \x1b[3')).toBe('cut ')
  })

  test('keeps what was written last over itself', () => {
    expect(plain('10%\r50%\r100%')).toBe('100%')
    expect(plain('done\r\r')).toBe('done')
    expect(plain('\x1b[32m10%\r\x1b[33m20%')).toBe('20%')
  })
})
